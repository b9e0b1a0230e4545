"""Sketchbooks as a list shows them: damaged and foreign ones too, each with what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from videosketcher_app.core.errors import AppError
from videosketcher_app.data.sketchbook_index import IndexRow, is_sketchbook, read_index
from videosketcher_app.data.sketchbooks import picture_file, sketch_file


@dataclass(frozen=True, kw_only=True)
class SketchEntry:
    """One sketch as a list shows it.

    Attributes:
        picture: of the finished drawing; may be missing until `Sketchbooks.picture` is asked.
        seconds: that it took to draw.
    """

    id: str
    caption: str
    origin: str
    picture: Path
    width: int
    height: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class BookEntry:
    """One sketchbook as a list shows it.

    Attributes:
        name: of its folder.
        folder: where it is; a training run takes this path.
        created: date and time, ISO 8601; empty if nothing says so.
        flaw: why it cannot be used, with what to do; empty if it can.
    """

    name: str
    folder: Path
    created: str = ""
    sketches: tuple[SketchEntry, ...] = ()
    flaw: str = ""


def entry_of(folder: Path) -> BookEntry:
    """What there is to show of a folder; never raises for what is in it."""
    entry = BookEntry(name=folder.name, folder=folder)
    try:
        index = read_index(folder)
        sketches = tuple(_sketch_entry(folder, row) for row in index.rows)
    except AppError as error:
        if not is_sketchbook(folder):
            return replace(entry, flaw="This folder is no sketchbook of this app.")
        return replace(entry, flaw=str(error))
    lost = [s.id for s in sketches if not sketch_file(folder, s.id).is_file()]
    flaw = f"The strokes of sketch {lost[0]} are missing. Remove this sketch." if lost else ""
    return replace(entry, created=index.created, sketches=sketches, flaw=flaw)


def _sketch_entry(folder: Path, row: IndexRow) -> SketchEntry:
    return SketchEntry(
        id=row.id,
        caption=row.caption,
        origin=row.origin,
        picture=picture_file(folder, row.id),
        width=row.width,
        height=row.height,
        seconds=row.seconds,
    )
