"""`train lora`: teaches a model a style; with `--run-folder` it is also the app's training process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import InvalidRequest

if TYPE_CHECKING:
    from videosketcher_app.core.settings import AppSettings
    from videosketcher_app.services.training_runs.runs import TrainingRuns
    from videosketcher_app.services.training_runs.views import RunCost, RunView
    from videosketcher_app.training.style_request import StyleRunRequest

_POLL_S = 0.5
_STYLE, _RUN = "Style", "Run"


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("lora")(lora)


def lora(
    dataset: Annotated[
        str | None,
        options.option("--dataset", "A sketchbook, or a folder of drawings.", _STYLE),
    ] = None,
    name: Annotated[
        str | None, options.option("--name", "Of the LoRA. Default: the dataset's.", _STYLE)
    ] = None,
    trigger: Annotated[
        str | None, options.option("--trigger", "A word that will call the style.", _STYLE)
    ] = None,
    sample_prompt: Annotated[
        list[str] | None,
        options.option("--sample-prompt", "Drawn now and then meanwhile; repeatable.", _STYLE),
    ] = None,
    brush: Annotated[
        str | None,
        options.option("--brush", "Paints a sketchbook's strokes, for brush models.", _STYLE),
    ] = None,
    model: Annotated[
        str | None, options.option("--model", "Default: pocket-t2v.", _RUN, metavar="NAME")
    ] = None,
    preset: Annotated[
        str | None, options.option("--preset", "Of presets/training. Default: style.", _RUN)
    ] = None,
    config: Annotated[
        Path | None, options.option("--config", "A preset of your own.", _RUN, metavar="FILE")
    ] = None,
    steps: Annotated[int | None, options.option("--steps", "Default: the preset's.", _RUN)] = None,
    start_from: Annotated[
        str | None, options.option("--start-from", "A LoRA to go on from.", _RUN, metavar="LORA")
    ] = None,
    seed: Annotated[int | None, options.option("--seed", "Default: 0.", _RUN)] = None,
    memory: Annotated[
        float | None,
        options.option("--memory", "Graphics memory to use at most.", _RUN, metavar="GB"),
    ] = None,
    resume: Annotated[
        bool, options.option("--resume", "Goes on with the run of this name.", _RUN)
    ] = False,
    run_folder: Annotated[
        Path | None,
        options.option("--run-folder", "Begins or goes on with this run.", _RUN, metavar="FOLDER"),
    ] = None,
    dry_run: Annotated[
        bool,
        options.option("--dry-run", "Only says what it will take, from one step of it.", _RUN),
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Teaches a model a style from a few sketches. Ctrl-C pauses; the run can then go on."""
    from videosketcher_app.core.settings import load_settings

    console = Console(quiet=quiet, as_json=as_json)
    settings = load_settings(memory_gb=memory)
    given = {
        "name": name,
        "trigger": trigger,
        "brush": brush,
        "sample_prompts": sample_prompt,
        "model": model,
        "preset": str(config) if config else preset,
        "num_steps": steps,
        "start_from": start_from,
        "seed": seed,
    }
    wanted = {field: value for field, value in given.items() if value is not None}
    if preset and config:
        raise InvalidRequest("--preset and --config exclude each other.", hint="Leave one out.")
    if run_folder is not None and (dataset or wanted or resume):
        raise InvalidRequest("--run-folder needs no other flags.", hint="Leave the others out.")
    if dry_run:
        _measure(run_folder, settings, _request(dataset, wanted), console)
        return
    _train(run_folder or _folder_of(settings, dataset, wanted, resume=resume), settings, console)


def _measure(
    run_folder: Path | None,
    settings: AppSettings,
    request: StyleRunRequest | None,
    console: Console,
) -> None:
    """Says what a run will take, and trains nothing."""
    from videosketcher_app.services.container import build
    from videosketcher_app.services.training_runs.measuring import measure_here
    from videosketcher_app.training.style_request import read_request

    if run_folder is not None:
        request = read_request(run_folder)
    elif request is not None:
        with build(settings) as services:
            request = services.training.checked(request, named=False)
    else:
        raise InvalidRequest(
            "What to learn is missing.", hint="Name a sketchbook or a folder with --dataset."
        )
    cost = measure_here(request, settings)
    console.result(asdict(cost), cost_line(cost))


def cost_line(cost: RunCost) -> str:
    """What a run takes, in one line."""
    known = []
    if cost.seconds is not None:
        known.append(f"about {max(1, round(cost.seconds / 60)):,} min")
    if cost.memory_bytes:
        known.append(f"{cost.memory_bytes / 1e9:.1f} GB of memory")
    if cost.disk_bytes:
        known.append(f"{max(1, round(cost.disk_bytes / 1e6)):,} MB on the disk")
    return f"{', '.join(known)}. {cost.note}" if known else cost.note


def _request(dataset: str | None, wanted: dict[str, Any]) -> StyleRunRequest | None:
    """The request of the flags; None if they name no dataset."""
    from videosketcher_app.training.style_request import StyleRunRequest

    if not dataset:
        return None
    return StyleRunRequest(**{"name": Path(dataset).name, **wanted, "dataset": dataset})


def _folder_of(
    settings: AppSettings, dataset: str | None, wanted: dict[str, Any], *, resume: bool
) -> Path:
    """The folder of a new run, or of the one to go on with."""
    from videosketcher_app.services.container import build

    name = wanted.get("name") or (Path(dataset).name if dataset else None)
    if name is None:
        raise InvalidRequest(
            "What to learn is missing.", hint="Name a sketchbook or a folder with --dataset."
        )
    with build(settings) as services:
        if resume:
            return services.training.folder / _unfinished(services.training, name).id
        request = _request(dataset, wanted)
        if request is None:
            raise InvalidRequest(
                "What to learn is missing.",
                hint=f"Give --dataset, or --resume to go on with {name!r}.",
            )
        return services.training.prepare(request).path


def _unfinished(runs: TrainingRuns, name: str) -> RunView:
    for view in runs.runs():
        if view.name == name:
            if view.can_go_on:
                return view
            raise InvalidRequest(f"The run {name!r} is {view.state}.", hint="Start a new one.")
    raise InvalidRequest(f"There is no run named {name!r}.", hint="Start one with --dataset.")


def _train(path: Path, settings: AppSettings, console: Console) -> None:
    from videosketcher_app.services.training_runs.inside import train_folder
    from videosketcher_app.services.training_runs.reading import view_of
    from videosketcher_app.services.training_runs.run_folder import RunFolder

    run = RunFolder(path.absolute())
    if view_of(run, details=False).flaw:
        raise InvalidRequest(f"{path} is no folder of a training run.", hint="Check the path.")
    try:
        with _followed(run, console):
            train_folder(run.path, settings, console.remark)
    finally:
        view = view_of(run)
        console.result(_told(view, run.path), _line(view, run.path))


@contextmanager
def _followed(run: Any, console: Console) -> Iterator[None]:
    """A line on stderr that says where the run is, for as long as the block runs."""
    from videosketcher_app.services.training_runs.reading import view_of

    ended = threading.Event()

    def follow() -> None:
        with console.steps() as show:
            while not ended.wait(_POLL_S):
                view = view_of(run, details=False)
                show(_progress(view), view.step, view.num_steps)

    thread = threading.Thread(target=follow, name="training progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _progress(view: RunView) -> str:
    loss = f", loss {view.loss:.4f}" if view.loss is not None else ""
    left = f", {view.seconds_left / 60:.0f} min left" if view.seconds_left is not None else ""
    return f"{view.state} {view.step}/{view.num_steps}{loss}{left}"


def _told(view: RunView, path: Path) -> dict[str, Any]:
    from videosketcher_app.services.training_runs.run_folder import RESULT

    return {
        "run": view.id,
        "folder": str(path),
        "name": view.name,
        "state": view.state,
        "step": view.step,
        "num_steps": view.num_steps,
        "loss": view.loss,
        "seconds": round(view.seconds, 3),
        "memory_bytes": view.memory_bytes,
        "checkpoints": list(view.checkpoints),
        "lora": str(path / RESULT) if view.has_result else None,
    }


def _line(view: RunView, path: Path) -> str:
    told = _told(view, path)
    return told["lora"] or f"{path}: {view.state} at step {view.step} of {view.num_steps}"
