"""`train causal`, `ode` and `dmd`: the road to a causal model, on people's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console

Config = Annotated[Path, typer.Option(help="The stage's YAML file.", show_default=False)]
Data = Annotated[
    str | None,
    typer.Option(help="Folder of drawings, latents or pairs, or an LMDB; instead of the file's."),
]
Out = Annotated[str | None, typer.Option(help="Folder of the run, instead of the file's.")]
ModelName = Annotated[str | None, typer.Option("--model", help="Instead of the file's.")]
Init = Annotated[str | None, typer.Option(help="What an earlier stage left.")]
Teacher = Annotated[str | None, typer.Option(help="Of distribution matching.")]
Steps = Annotated[int | None, typer.Option("--steps", help="Instead of epochs.", min=1)]
Resume = Annotated[bool, typer.Option("--resume", help="Goes on where it stopped.")]


def causal(
    config: Config,
    data: Data = None,
    out: Out = None,
    model: ModelName = None,
    init: Init = None,
    steps: Steps = None,
    resume: Resume = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Regression on clips, block by block: any folder of drawings is enough."""
    changes = {"data": data, "out": out, "model": model, "init": init, "num_steps": steps}
    _train("causal", config, changes, resume, Console(quiet=quiet, as_json=as_json))


def ode(
    config: Config,
    data: Data = None,
    out: Out = None,
    model: ModelName = None,
    init: Init = None,
    steps: Steps = None,
    resume: Resume = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Regression on a teacher's paths, which `data ode-pairs` makes."""
    changes = {"data": data, "out": out, "model": model, "init": init, "num_steps": steps}
    _train("ode", config, changes, resume, Console(quiet=quiet, as_json=as_json))


def dmd(
    config: Config,
    data: Data = None,
    out: Out = None,
    model: ModelName = None,
    init: Init = None,
    teacher: Teacher = None,
    steps: Steps = None,
    resume: Resume = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Distribution matching against a bidirectional teacher."""
    changes = {"data": data, "out": out, "model": model, "init": init, "num_steps": steps}
    console = Console(quiet=quiet, as_json=as_json)
    _train("dmd", config, {**changes, "teacher": teacher}, resume, console)


def add_to(app: typer.Typer) -> None:
    """Registers the commands."""
    for command in (causal, ode, dmd):
        app.command(command.__name__)(command)


def _train(
    stage: str, config: Path, changes: dict[str, object], resume: bool, console: Console
) -> None:
    from accelerate import Accelerator

    from videosketcher_app.core.errors import InvalidRequest
    from videosketcher_app.services.latent_making import make_for_run
    from videosketcher_app.training.causal_recipe_config import read_causal_run
    from videosketcher_app.training.causal_recipe_run import train_causal_stage

    given = {name: value for name, value in changes.items() if value is not None}
    run = read_causal_run(config, **given)
    if run.stage != stage:
        raise InvalidRequest(
            f"{config.name} is of the stage {run.stage}.", hint=f"Use `train {run.stage}`."
        )

    def tell(row: dict[str, float]) -> None:
        console.remark(" ".join(f"{name} {value:.4g}" for name, value in row.items()))

    accelerator = Accelerator()
    state = train_causal_stage(run, accelerator, make_for_run, resume=resume, on_log=tell)
    if accelerator.is_main_process:
        value = {"output": run.out, "stage": stage, "steps": state.step, "skipped": state.skipped}
        console.result(value, f"{run.out}: {state.step} steps")
