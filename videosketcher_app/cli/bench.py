"""`bench`: speed figures of this machine."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import InvalidRequest

app = typer.Typer(help="Speed figures; one JSON object each.", no_args_is_help=True)


@app.callback()
def _figures() -> None:
    """Keeps `text` a command of its own."""


@app.command("text")
def text(
    model: options.Model = None,
    device: options.Device = None,
    runs: Annotated[int, typer.Option(help="Warm runs; the median counts.", min=1)] = 3,
    cold: Annotated[bool, typer.Option(help="Measures a fresh process too.")] = True,
    frames_only: Annotated[
        bool, typer.Option("--frames-only", help="Writes no files: warm runs until the frames.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Seconds a sketch, to the first preview, a denoising step; peak memory."""
    console = Console(quiet=quiet, as_json=True)
    for figures in _benchmark("text").measure(
        model=model, device=device, runs=runs, cold=cold, frames_only=frames_only
    ):
        console.result(figures, "")


@app.command("brush")
def brush(
    model: options.Model = None,
    device: options.Device = None,
    runs: Annotated[int, typer.Option(help="Warm runs; the median counts.", min=1)] = 3,
    quiet: options.Quiet = False,
) -> None:
    """What a brush adds to a sketch, and seconds of re-ink by medium."""
    console = Console(quiet=quiet, as_json=True)
    for figures in _benchmark("brush").measure(model=model, device=device, runs=runs):
        console.result(figures, "")


def _benchmark(name: str) -> ModuleType:
    """The benchmark's module; the benchmarks lie beside the package, in the repository."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "benchmarks" / f"{name}.py").is_file():
        raise InvalidRequest(
            "The benchmarks are not part of the installed package.",
            hint="Run this in a clone of the repository.",
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module(f"benchmarks.{name}")
