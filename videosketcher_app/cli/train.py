"""`train`: how weights are made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import train_causal, train_lora

app = typer.Typer(
    help="Training, under `accelerate launch` on several devices.", no_args_is_help=True
)


@app.callback()
def _recipes() -> None:
    """Keeps `pocket` a command of its own."""


@app.command("pocket")
def pocket(
    config: Annotated[Path, typer.Option(help="The recipe's YAML file.", show_default=False)],
    resume: Annotated[bool, typer.Option("--resume", help="Goes on where it stopped.")] = False,
) -> None:
    """Trains the Pocket family."""
    from videosketcher_app.training.pocket import main

    main(config, resume=resume)


train_lora.add_to(app)
train_causal.add_to(app)
