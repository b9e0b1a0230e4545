"""`evaluate`: quality figures of models, of recovered strokes, and of any sketch video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import InvalidRequest

app = typer.Typer(help="Quality figures; one JSON object each.", no_args_is_help=True)

Limit = Annotated[int | None, typer.Option(help="Only the first drawings of every set.", min=1)]
Csv = Annotated[Path | None, typer.Option("--csv", help="Writes the figures of every part here.")]


@app.command("text")
def text(
    model: options.Model = None,
    device: options.Device = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="Only this set; repeatable. Default: all.", metavar="NAME"),
    ] = None,
    limit: Limit = None,
    batch_size: Annotated[int, typer.Option(help="Drawings at once.", min=1)] = 4,
    num_workers: Annotated[int, typer.Option(help="Processes that measure and render.", min=0)] = 0,
    csv: Csv = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="Writes the whole report with contact sheets here.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keeps measured drawings here, and goes on from them.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Order, presence, place, shape, recognition: how well a model follows plans."""
    from videosketcher_app.core.requests import DEFAULT_MODEL
    from videosketcher_app.evaluation.report import text_report
    from videosketcher_app.evaluation.tasks import SETS
    from videosketcher_app.services.model_shelf import pick_device

    for name in sets or ():
        if name not in SETS:
            raise InvalidRequest(f"There is no set {name!r}.", hint=f"Known: {', '.join(SETS)}.")
    with Console(quiet=quiet).log_of("videosketcher_app.evaluation"):
        rows = text_report(
            model=model or DEFAULT_MODEL,
            device=pick_device(device or "auto"),
            limit=limit,
            csv=csv,
            output_dir=output_dir,
            sets=sets,
            batch_size=batch_size,
            num_workers=num_workers,
            keep=keep,
        )
    _show(rows, quiet=quiet)


@app.command("codraw")
def codraw(
    model: options.Model = None,
    device: options.Device = None,
    adapter: Annotated[
        Path | None,
        typer.Option(help="A folder that training exported, instead of a model's name."),
    ] = None,
    num_inference_steps: Annotated[
        int | None,
        typer.Option(help="Denoising steps of a block. Default: the model's own.", min=1),
    ] = None,
    mode: Annotated[Literal["exact", "fast", "sketch"], typer.Option(help="Of speed.")] = "exact",
    limit: Limit = None,
    calibration: Annotated[
        bool, typer.Option(help="Also scores true drawings and doing nothing.")
    ] = True,
    num_workers: Annotated[int, typer.Option(help="Processes that score.", min=0)] = 0,
    csv: Csv = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="Writes the whole report with contact sheets here.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Whether a model goes on with half-drawn sketches: missing parts, order, given ink."""
    from videosketcher_app.core.requests import DEFAULT_CAUSAL_MODEL
    from videosketcher_app.evaluation.continuation_report import continuation_report
    from videosketcher_app.models.catalogue import load_adapter_folder, load_text_model
    from videosketcher_app.services.model_shelf import pick_device

    where = pick_device(device or "auto")
    rows = continuation_report(
        load_adapter_folder(adapter, where)
        if adapter is not None
        else load_text_model(model or DEFAULT_CAUSAL_MODEL, where),
        num_inference_steps=num_inference_steps,
        mode=mode,
        limit=limit,
        calibrated=calibration,
        num_workers=num_workers,
        csv=csv,
        output_dir=output_dir,
    )
    _show(rows, quiet=quiet)


@app.command("brush")
def brush(
    model: options.Model = None,
    device: options.Device = None,
    limit: Annotated[int | None, typer.Option(help="At most so many brushes.", min=1)] = None,
    batch_size: Annotated[int, typer.Option(help="Drawings at once.", min=1)] = 4,
    num_workers: Annotated[int, typer.Option(help="Processes that measure.", min=0)] = 0,
    output_dir: Annotated[
        Path | None, typer.Option(help="Writes the figures and a sheet of the drawings here.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Color, width, texture, box and sketch of drawings with 64 brushes."""
    from videosketcher_app.core.requests import DEFAULT_MODEL
    from videosketcher_app.evaluation.brush_report import brush_report
    from videosketcher_app.services.model_shelf import pick_device

    rows = brush_report(
        model=model or DEFAULT_MODEL,
        device=pick_device(device or "auto"),
        limit=limit,
        output_dir=output_dir,
        batch_size=batch_size,
        num_workers=num_workers,
    )
    _show(rows, quiet=quiet)


@app.command("strokes")
def strokes(
    limit: Limit = None,
    model: options.Model = None,
    device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """How well strokes are recovered: from true renders, or from drawings of `--model`."""
    from videosketcher_app.evaluation.report import strokes_report
    from videosketcher_app.services.model_shelf import pick_device

    rows = strokes_report(limit=limit, model=model, device=pick_device(device or "auto"))
    _show(rows, quiet=quiet)


@app.command("video")
def video(
    file: Annotated[Path, typer.Argument(help="A sketch video from any model.")],
    plan: Annotated[str, typer.Option(help="The plan that it should follow, in one line.")],
    csv: Csv = None,
    quiet: options.Quiet = False,
) -> None:
    """Order, presence, persistence of ink and whiteness of paper of one video."""
    from videosketcher_app.core.plan import parse_plan
    from videosketcher_app.evaluation.report import video_report
    from videosketcher_app.storage.media import read_video

    parsed = parse_plan(plan)
    clip = read_video(file)
    _show(video_report(clip.frames_THW3, parsed, csv=csv), quiet=quiet)


def _show(rows: Iterable[Mapping[str, Any]], *, quiet: bool) -> None:
    console = Console(quiet=quiet, as_json=True)
    for row in rows:
        console.result(dict(row), "")
