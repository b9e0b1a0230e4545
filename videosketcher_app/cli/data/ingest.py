"""`data ingest`: other people's drawings into a sketchbook."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console

if TYPE_CHECKING:
    from videosketcher_app.services.ingest import IngestRow


def ingest(
    sources: Annotated[
        list[Path],
        typer.Argument(help="SVGs, stroke files, recordings, pictures, scans, runs, folders."),
    ],
    into: Annotated[str, typer.Option("--into", help="The sketchbook; made if there is none.")],
    caption: Annotated[
        str, typer.Option(help="Of drawings that bring none and have no .txt beside them.")
    ] = "",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Turns drawings of others into sketches of a sketchbook; says of each what became of it."""
    from videosketcher_app.core.errors import InvalidFile
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.ingest import Ingest
    from videosketcher_app.services.sketchbooks import FOLDER, Sketchbooks

    console = Console(quiet=quiet, as_json=as_json)
    sketchbooks = Sketchbooks(load_settings().workspace / FOLDER)
    added = refused = 0
    for row in Ingest(sketchbooks).bring(sources, into, caption=caption):
        added += not row.problem
        refused += bool(row.problem)
        if row.problem and not as_json:
            console.remark(f"{row.source} was left out: {row.problem} {row.hint}".strip())
        else:
            console.result(asdict(row), _line(row))
    console.remark(f"added: {added}\nleft out: {refused}")
    if not added:
        raise InvalidFile("No drawing was added.", hint="See above what is wrong with each file.")


def _line(row: IngestRow) -> str:
    captioned = "" if row.caption else ", no caption yet"
    return f"{row.source} -> {row.sketch_id} ({row.origin}, {row.num_strokes} strokes{captioned})"
