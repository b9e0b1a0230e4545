"""`models download` and `data download`: what is published, brought to this disk and verified."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videosketcher_app.cli import options
from videosketcher_app.cli.console import Console
from videosketcher_app.core.errors import Cancelled

if TYPE_CHECKING:
    from videosketcher_app.models.catalogue import ModelRow
    from videosketcher_app.services.downloads import Downloads, DownloadView
    from videosketcher_app.services.model_store import ModelStore

Names = Annotated[list[str], typer.Argument(help="Of `models list`.", metavar="NAME...")]
Hub = Annotated[
    str | None,
    typer.Option("--source", help="huggingface or modelscope. Default: whichever can."),
]
Revision = Annotated[
    str | None, typer.Option("--revision", help="A branch, a tag or a commit of the repository.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Does not ask.")]
Again = Annotated[
    bool, typer.Option("--again", help="Compares what is here with the hub, and repairs it.")
]


def download(
    names: Names,
    source: Hub = None,
    revision: Revision = None,
    yes: Yes = False,
    again: Again = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Brings published weights and what they need; the same command goes on where it stopped."""
    from videosketcher_app.core.settings import load_settings
    from videosketcher_app.services.download_places import StoredPlaces
    from videosketcher_app.services.downloads import Downloads
    from videosketcher_app.services.model_store import ModelStore
    from videosketcher_app.storage.paths import Workspace

    settings = load_settings()
    workspace = Workspace(settings.workspace)
    console, store = Console(quiet=quiet, as_json=as_json), ModelStore(workspace, settings)
    missing = [name for name in names if again or not _is_here(name, store, console)]
    bring(
        missing,
        Downloads(workspace.models, settings, places=StoredPlaces(store)),
        console,
        source=source,
        revision=revision,
        ask=not yes,
    )


def _is_here(name: str, store: ModelStore, console: Console) -> bool:
    """Says where a model is that needs no download; what it needs may still be missing."""
    card = store.card(name)
    if card.needs_missing or card.state not in ("shipped", "here", "found"):
        return False
    place = str(card.place.folder) if card.place else None
    words = f"{name}: here already" if card.state != "found" else f"{name}: in {place} already"
    hint = f"; `models where {name} --use` draws with it" if card.state == "found" else ""
    console.result({"name": name, "state": card.state, "folder": place}, words + hint)
    return True


def bring(
    names: Sequence[str],
    downloads: Downloads,
    console: Console,
    *,
    source: str | None,
    revision: str | None,
    ask: bool,
) -> None:
    """Says what will be downloaded, asks if somebody is there to answer, and brings it.

    Raises:
        Cancelled: the answer was no.
        DownloadFailed: something could not be brought; the rest was.
        AppError: see `Downloads.start`.
    """
    if not names:
        return
    try:
        rows = {row.name: row for name in names for row in downloads.needed(name)}
        _announce(list(rows.values()), downloads.folder, console)
        if ask and sys.stdin.isatty() and not typer.confirm("Download it?", default=True, err=True):
            raise Cancelled("Nothing was downloaded.")
        for name in names:
            downloads.start(name, source=source, revision=revision)
        failed = _follow(downloads, list(rows), console)
    finally:
        downloads.close()
    if failed:
        from videosketcher_app.storage.downloads.errors import DownloadFailed

        for view in failed[1:]:
            console.remark(f"{view.name}: {view.message} {view.hint}")
        raise DownloadFailed(f"{failed[0].name}: {failed[0].message}", hint=failed[0].hint)


def _announce(rows: list[ModelRow], folder: Path, console: Console) -> None:
    from videosketcher_app.storage.downloads.fetch import free_bytes_of

    for row in rows:
        size = size_text(row.total_bytes) if row.total_bytes else "size not known yet"
        hubs = " or ".join(f"{s.hub} {s.repo}" for s in row.sources)
        console.remark(f"{row.name}: {size}, {hubs}, licence: {row.licence}")
    console.remark(f"to {folder}, where {size_text(free_bytes_of(folder))} are free")


def _follow(downloads: Downloads, names: Sequence[str], console: Console) -> list[DownloadView]:
    """Shows the way of each until all have ended; the views of those that failed."""
    ended: dict[str, DownloadView] = {}
    with console.steps() as show:
        for view in downloads.follow(names):
            if view.state in ("running", "verifying"):
                show(_line(view), view.bytes_done, view.bytes_total or 0)
            ended[view.name] = view
    for view in ended.values():
        if view.state == "done":
            place = downloads.folder_of(view.name)
            value = {"name": view.name, "state": view.state, "bytes": view.bytes_done}
            console.result({**value, "folder": str(place)}, f"{view.name}: verified, in {place}")
    return [view for view in ended.values() if view.state != "done"]


def _line(view: DownloadView) -> str:
    """What a progress line says: name, how much, how fast, how long, and what is going on."""
    parts = [f"{view.name} {size_text(view.bytes_done)}"]
    if view.bytes_total:
        parts[0] += f" of {size_text(view.bytes_total)}"
    if view.rate:
        parts.append(f"{size_text(view.rate)}/s")
    if view.seconds_left is not None:
        minutes, seconds = divmod(int(view.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    return ", ".join([*parts, view.message])


def size_text(num_bytes: float) -> str:
    """Bytes for people: 307 MB, 28.6 GB."""
    if num_bytes >= 1e9:
        return f"{num_bytes / 1e9:,.1f} GB"
    if num_bytes >= 1e6:
        return f"{num_bytes / 1e6:,.0f} MB"
    return f"{num_bytes / 1e3:,.0f} kB"
