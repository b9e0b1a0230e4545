"""`data download`: published data sets, with their archives unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videosketcher_app.cli import models_download, options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import InvalidRequest

OutputDir = Annotated[
    Path | None,
    typer.Option("--output-dir", help="Where each gets a folder. Default: the models folder."),
]


def download(
    names: models_download.Names,
    output_dir: OutputDir = None,
    source: models_download.Hub = None,
    revision: models_download.Revision = None,
    yes: models_download.Yes = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Brings published data sets; what is zipped is unpacked into `data` beside the archives."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.models.catalogue import model_row, model_rows
    from videosketcher_app.services.downloads import Downloads
    from videosketcher_app.storage.paths import Workspace

    known = [row.name for row in model_rows() if row.kind == "dataset"]
    for name in names:
        if model_row(name).kind != "dataset":
            raise InvalidRequest(
                f"{name} is not a data set.",
                hint=f"Use `models download {name}`. Data sets: {', '.join(known)}.",
            )
    settings = load_settings()
    models_download.bring(
        names,
        Downloads(output_dir or Workspace(settings.workspace).models, settings),
        Console(quiet=quiet, as_json=as_json),
        source=source,
        revision=revision,
        ask=not yes,
    )
