"""`data`: datasets for training, made, checked and joined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console

app = typer.Typer(help="Datasets: made, checked and joined.", no_args_is_help=True)


@app.command("merge-json")
def merge(
    input1: Annotated[Path, typer.Option("--input1", help="First annotation file.")],
    input2: Annotated[Path, typer.Option("--input2", help="Second annotation file.")],
    output: Annotated[Path, typer.Option("--output", help="Where the result is written.")],
    mode: Annotated[
        str, typer.Option(help="On a collision: overwrite, keep or append.")
    ] = "overwrite",
    key_field: Annotated[
        str | None,
        typer.Option("--key_field", "--key-field", help="What identifies a list's items."),
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


@app.command("lmdb")
def pack(
    data_path: Annotated[
        Path, typer.Option("--data_path", "--data-path", help="Folder of latents, one file a clip.")
    ],
    lmdb_path: Annotated[
        Path, typer.Option("--lmdb_path", "--lmdb-path", help="Folder of the LMDB to write.")
    ],
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Packs latents or ODE pairs into one LMDB, in the layout that CausVid publishes."""
    from videosketcher_app.services.latent_sets import pack_latents

    console = Console(quiet=quiet, as_json=as_json)
    packed = pack_latents(data_path, lmdb_path)
    for name, reason in packed.broken.items():
        console.remark(f"{name} was left out: {reason}")
    value = {"output": str(lmdb_path), "rows": packed.rows, "repeated": packed.repeated}
    console.result({**value, "broken": packed.broken}, f"{lmdb_path}\nrows: {packed.rows}")
