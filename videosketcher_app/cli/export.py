"""`export`: what a finished drawing can become."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console


def export(
    folder: Annotated[Path, typer.Argument(help="Of a finished drawing.", show_default=False)],
    kind: Annotated[
        list[str] | None,
        typer.Option(help="mp4, mp4_raw, gif, png, svg, lesson, config or zip; repeatable."),
    ] = None,
    height: Annotated[int, typer.Option(help="Of mp4 and png in pixels.", metavar="PX")] = 1080,
    hold: Annotated[
        float, typer.Option(help="Pause at the end of every part.", metavar="SECONDS")
    ] = 0.0,
    speed: Annotated[float, typer.Option(help="2 draws twice as fast.")] = 1.0,
    paper: Annotated[str, typer.Option(help="Of the lesson: a4 or letter.")] = "a4",
    without_prompt: Annotated[
        bool, typer.Option("--without-prompt", help="Leaves prompt and plan out of the files.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Writes a drawing in other formats, into the folder `exports` beside its files."""
    from videosketcher_app.services.exports import ExportService

    console = Console(quiet=quiet, as_json=as_json)
    exports = ExportService()
    for wanted in kind or ["mp4"]:
        path = exports.export(
            folder,
            wanted,
            height_px=height,
            hold_s=hold,
            speed=speed,
            paper=paper,
            keep_prompt=not without_prompt,
        )
        console.result({"kind": wanted, "file": str(path)}, str(path))
    check = exports.check(folder)
    if not check.passes:
        console.remark(
            f"The strokes match the drawing to {check.iou:.0%}, too little to draw it again: "
            "video, gif and picture are the model's frames, enlarged."
        )
