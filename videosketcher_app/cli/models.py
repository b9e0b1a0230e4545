"""`models`: what can draw, where its weights are, and whether they are whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videosketcher_app.cli import models_download, options
from videosketcher_app.cli.console import Console

if TYPE_CHECKING:
    from videosketcher_app.models.identify import Identity
    from videosketcher_app.services.model_cards import ModelCard
    from videosketcher_app.services.model_store import ModelStore

app = typer.Typer(help="Weights on this disk.", no_args_is_help=True)
_STATES = {
    "shipped": "here",
    "here": "here",
    "found": "found",
    "partial": "in part",
    "absent": "not here",
    "damaged": "damaged",
}
Names = Annotated[list[str] | None, typer.Argument(help="Default: every model that is here.")]


@app.command("list")
def list_models(
    all_rows: Annotated[
        bool, typer.Option("--all", help="Parts, LoRAs, planners and datasets too.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Lists every model of the catalogue, and imported ones."""
    console = Console(quiet=quiet, as_json=as_json)
    for card in _store().cards():
        if card.row.draws or all_rows:
            console.result(_entry(card), f"{card.row.name:<24} {_told(card):<9} {card.row.about}")


@app.command("verify")
def verify(
    names: Names = None, as_json: options.Json = False, quiet: options.Quiet = False
) -> None:
    """Reads the weights and compares them with what the catalogue says of them."""
    from videosketcher_app.core.errors import DamagedModel

    console, store = Console(quiet=quiet, as_json=as_json), _store()
    here = ("shipped", "here", "damaged")
    flaws = []
    for name in names or [card.row.name for card in store.cards() if card.state in here]:
        with console.steps() as show:
            report = store.verify(name, lambda done, total, n=name: show(n, done, total))
        value = {"name": name, "verified": report.is_good, "flaws": list(report.flaws)}
        console.result(value, report.sentence)
        flaws += report.flaws
    if flaws:
        raise DamagedModel(flaws[0], hint="Remove it with `models remove` and fetch it again.")


@app.command("where")
def where(
    name: Annotated[str, typer.Argument(help="A model, part, LoRA, planner or dataset.")],
    look_in: Annotated[
        list[Path] | None,
        typer.Option("--look-in", help="A folder to look into as well; repeatable."),
    ] = None,
    use: Annotated[
        bool, typer.Option("--use", help="Draws with the first whole place from now on.")
    ] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Tells where the files of a model are on this disk, downloaded by whatever program."""
    from videosketcher_app.core.errors import MissingModel

    console, store = Console(quiet=quiet, as_json=as_json), _store()
    chosen = store.card(name).place
    places = store.find(name, extra=look_in or ())
    places = (
        *([chosen] if chosen and chosen.folder not in {p.folder for p in places} else ()),
        *places,
    )
    for place in places:
        whole = "whole" if place.is_whole else f"{len(place.files)} files"
        value = {
            "folder": str(place.folder),
            "layout": place.layout,
            "whole": place.is_whole,
            "files": {file: str(path) for file, path in place.files.items()},
        }
        console.result(value, f"{place.folder}  ({place.layout}, {whole})")
    if not places:
        raise MissingModel(
            f"No file of {name} is in a place that is known.",
            hint=f"Fetch it with `models download {name}`, or name a folder with --look-in.",
        )
    if use:
        store.use_place(name, places[0])
        console.remark(f"{name} is read from {places[0].folder} from now on.")


@app.command("identify")
def identify(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders of weights.")],
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Says what files are, from the names and shapes of their tensors; imports nothing."""
    console, store = Console(quiet=quiet, as_json=as_json), _store()
    for path in paths:
        identity = store.identify(path)
        told = "; but ".join((identity.label, *identity.problems))
        row = f" = {identity.model_name}" if identity.model_name else ""
        console.result(_identified(path, identity), f"{path.name}: {told}{row}")


@app.command("import")
def import_file(
    path: Annotated[Path, typer.Argument(help="A file, or the folder that holds it.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Which model it is, or what to call it.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Leaves the files where they are.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Makes weights a model of this app: published ones, or what `train` has left."""
    console, store = Console(quiet=quiet, as_json=as_json), _store()
    with console.steps() as show:
        imported = store.import_file(
            path,
            name=name,
            link=link,
            on_progress=lambda done, total: show(path.name, done, total),
        )
    console.result({"name": imported, "path": str(path)}, f"{path.name} is {imported} from now on")


@app.command("remove")
def remove(
    names: Annotated[list[str], typer.Argument(help="Downloaded or imported models.")],
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Removes downloaded or imported files; files elsewhere on this disk are only forgotten."""
    console, store = Console(quiet=quiet, as_json=as_json), _store()
    for name in names:
        store.remove(name)
        console.result({"name": name, "removed": True}, f"{name}: removed")


app.command("download")(models_download.download)


def _identified(path: Path, identity: Identity) -> dict[str, Any]:
    return {
        "path": str(path),
        "label": identity.label,
        "kind": identity.kind,
        "model": identity.model_name,
        "candidates": list(identity.candidates),
        "num_tensors": identity.num_tensors,
        "num_bytes": identity.num_bytes,
        "problems": list(identity.problems),
    }


def _store() -> ModelStore:
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.model_store import ModelStore
    from videosketcher_app.storage.paths import Workspace

    settings = load_settings()
    return ModelStore(Workspace(settings.workspace), settings)


def _told(card: ModelCard) -> str:
    lacks_needs = card.state == "here" and card.needs_missing
    return "in part" if lacks_needs else _STATES[card.state]


def _entry(card: ModelCard) -> dict[str, Any]:
    row = card.row
    return {
        "name": row.name,
        "family": row.family,
        "kind": row.kind,
        "summary": row.about,
        "licence": row.licence,
        "image_conditioned": row.image_conditioned,
        "here": card.state in ("shipped", "here") and not card.needs_missing,
        "state": card.state,
        "folder": str(card.place.folder) if card.place else None,
        "bytes_on_disk": card.bytes_on_disk,
        "total_bytes": row.total_bytes,
        "needs_missing": list(card.needs_missing),
        "flaw": card.flaw,
    }
