"""`models`: what can draw, and whether its weights are here and whole."""

from __future__ import annotations

from typing import Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console

app = typer.Typer(help="Weights on this disk.", no_args_is_help=True)


@app.command("list")
def list_models(as_json: options.Json = False, quiet: options.Quiet = False) -> None:
    """Lists every model of the catalogue."""
    from videosketcher_app.models.catalogue import list_models as entries

    console = Console(quiet=quiet, as_json=as_json)
    for entry in entries():
        here = "here" if entry["here"] else "not here"
        console.result(entry, f"{entry['name']:<20} {here:<9} {entry['summary']}")


@app.command("verify")
def verify(
    name: Annotated[str | None, typer.Argument(help="Default: every model that is here.")] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Reads the weights and compares them with what the catalogue says of them."""
    from videosketcher_app.models.catalogue import list_models as entries
    from videosketcher_app.models.catalogue import verify_model

    console = Console(quiet=quiet, as_json=as_json)
    names = [name] if name else [entry["name"] for entry in entries() if entry["here"]]
    for each in names:
        verify_model(each)
        console.result({"name": each, "verified": True}, f"{each}: as published")
