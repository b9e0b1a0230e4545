"""`data merge-json`: two annotation files become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console


def merge(
    input1: Annotated[Path, typer.Option("--input1", help="First annotation file.")],
    input2: Annotated[Path, typer.Option("--input2", help="Second annotation file.")],
    output: Annotated[Path, typer.Option("--output", help="Where the result is written.")],
    mode: Annotated[
        str, typer.Option(help="On a collision: overwrite, keep or append.")
    ] = "overwrite",
    key_field: Annotated[
        str | None,
        typer.Option("--key-field", help="What identifies a list's items."),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Merges two annotation files, objects or lists, and says what happened to their entries."""
    from videosketcher_app.services.annotations import merge_files

    console = Console(quiet=quiet, as_json=as_json)
    merged = merge_files(input1, input2, output, mode=mode, key_field=key_field)
    for note in merged.notes:
        console.remark(note)
    counts = merged.counts.to_dict()
    lines = [f"{name.replace('_', ' ')}: {number}" for name, number in counts.items()]
    console.result({"output": str(output), **counts}, "\n".join([str(output), *lines]))
