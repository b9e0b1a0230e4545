"""`data lmdb`: latents at rest, in the published layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console


def pack(
    data_path: Annotated[
        Path, typer.Option("--data-path", help="Folder of latents, one file a clip.")
    ],
    lmdb_path: Annotated[Path, typer.Option("--lmdb-path", help="Folder of the LMDB to write.")],
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
