"""The history's drawings from the run folders alone: what is on the disk decides.

A folder is a drawing if `open_saved` accepts it. Folders of batches hold drawings in turn.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import parse_request_json
from videosketcher_app.services.outputs import file_names
from videosketcher_app.services.saved import CONFIG_ENDING, NEEDED, SavedDrawing, open_saved
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.history import DrawingRow, HistoryStore

logger = logging.getLogger(__name__)

MAX_DEPTH = 3  # outputs / a batch / a drawing, and one more for people's own order
EXPORTS = "Exported drawings"  # no drawing's folder has a capital letter or a space
MAX_RUN_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a look at the disk changed: new folders by name, and how many are gone or back."""

    found: tuple[str, ...] = ()
    gone: int = 0
    back: int = 0


def sync(
    store: HistoryStore, output_dir: Path, bin_folder: Path, *, afresh: bool = False
) -> Changes:
    """Brings the table in step with the disk; opens only folders that it does not know.

    Args:
        afresh: opens every folder again, as after damage. Ids and stars are kept.

    Raises:
        CannotWrite: the database cannot be used.
    """
    root = root_name(output_dir)
    rows = store.drawings(root, place=None)
    known = {row.folder: row for row in rows if row.place != "bin"}
    on_disk = {folder.relative_to(output_dir).as_posix() for folder in run_folders(output_dir)}
    found = _opened(output_dir, on_disk if afresh else on_disk - set(known))
    if found:
        store.put_drawings(found)
    places = {r.id: _place(r, output_dir, on_disk, bin_folder) for r in known.values()}
    moved = {row.id: places[row.id] for row in known.values() if places[row.id] != row.place}
    if moved:
        store.set_places(moved)
    # Deleting moves the folder before the row: without a folder in the bin there is none at all.
    emptied = [r.id for r in rows if r.place == "bin" and not binned(bin_folder, r.id).is_dir()]
    if emptied:
        store.remove_drawings(emptied)
    return Changes(
        found=tuple(row.folder for row in found if row.folder not in known),
        gone=sum(place != "here" for place in moved.values()) + len(emptied),
        back=sum(place == "here" for place in moved.values()),
    )


def run_folders(output_dir: Path) -> Iterator[Path]:
    """Complete folders of drawings below `output_dir`, without following links."""
    yield from _walk(output_dir, MAX_DEPTH)


def row_of(saved: SavedDrawing, output_dir: Path) -> DrawingRow:
    """A drawing's row from its files; its time is that of the run, else that of the folder."""
    return DrawingRow(
        root=root_name(output_dir),
        folder=saved.folder.relative_to(output_dir).as_posix(),
        concept=saved.planned.plan.concept,
        plan=str(saved.planned.plan),
        seed=saved.request.seed,
        model=saved.request.model,
        created=_created(saved),
        thumbnail=saved.files["png"].name,
    )


def root_name(output_dir: Path) -> str:
    """How the table names an outputs folder: absolute, links resolved."""
    return str(output_dir.resolve())


def binned(bin_folder: Path, drawing_id: str) -> Path:
    """Where a deleted drawing's folder is."""
    return bin_folder / drawing_id


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # gone or unreadable: nothing to show
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name == EXPORTS:
            continue
        if not entry.is_dir(follow_symlinks=False):
            continue
        path = Path(entry.path)
        if _is_complete(path):
            yield path
        elif depth > 1:
            yield from _walk(path, depth - 1)


def _is_complete(folder: Path) -> bool:
    try:
        held = set(os.listdir(folder))  # noqa: PTH208 - names only, thousands of folders
    except OSError:
        return False
    configs = [name for name in held if name.endswith(CONFIG_ENDING)]
    own = f"{folder.name}{CONFIG_ENDING}"
    config = own if own in configs else configs[0] if len(configs) == 1 else None
    if config is None:
        return False
    names = file_names(config.removesuffix(CONFIG_ENDING))
    return held >= {names[kind] for kind in NEEDED}


def _opened(output_dir: Path, names: set[str]) -> list[DrawingRow]:
    """Rows of these folders, oldest first."""
    rows = []
    for name in sorted(names):
        try:
            rows.append(row_of(open_saved(output_dir / name), output_dir))
        except AppError as error:
            logger.info("%s is not in the history: %s", name, error)
    return sorted(rows, key=lambda row: (row.created, row.folder))


def _place(row: DrawingRow, output_dir: Path, on_disk: set[str], bin_folder: Path) -> str:
    # The second look is for a folder that was being replaced while the first one passed.
    if row.folder in on_disk or _is_complete(output_dir / row.folder):
        return "here"
    return "bin" if binned(bin_folder, row.id).is_dir() else "missing"


def _created(saved: SavedDrawing) -> str:
    started = ""
    if "run" in saved.files:
        try:
            text = bounded.read_text(saved.files["run"], max_bytes=MAX_RUN_BYTES, what="run record")
            started = str(parse_request_json(text).get("started", ""))
            return datetime.fromisoformat(started).isoformat(timespec="seconds")
        except (InvalidRequest, ValueError):
            logger.debug("the run record of %s has no date", saved.name)
    changed = saved.folder.stat().st_mtime
    return datetime.fromtimestamp(changed, timezone.utc).isoformat(timespec="seconds")


def sweep(output_dir: Path) -> None:
    """Removes what killed processes left half-written, in the outputs and in folders of batches.

    Raises:
        CannotWrite: a folder cannot be written.
    """
    atomic.sweep_leftovers(output_dir)
    if not output_dir.is_dir():
        return
    for entry in sorted(output_dir.iterdir()):
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith("."):
            atomic.sweep_leftovers(entry)
