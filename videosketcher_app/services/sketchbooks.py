"""Sketchbooks: the person's own datasets of drawings, kept in the workspace, changed in one click.

A folder of the datasets that is no sketchbook, or a damaged one, is listed with its flaw and left
as it is. Every change is whole or not at all; only the owner of the machine makes one.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.errors import CannotWrite, InvalidRequest
from videosketcher_app.data import sketchbook_limits as limits
from videosketcher_app.data import sketchbooks as files
from videosketcher_app.data.sketchbook_index import (
    Index,
    IndexRow,
    is_sketchbook,
    read_index,
    write_index,
)
from videosketcher_app.data.stroke_values import values_of
from videosketcher_app.data.strokes import Stroke
from videosketcher_app.services.sketchbook_entries import BookEntry, SketchEntry, entry_of
from videosketcher_app.storage.folders import remove_file, remove_folder
from videosketcher_app.storage.paths import safe_join, safe_name

if TYPE_CHECKING:
    from videosketcher_app.data.stroke_order import StrokeGroup

__all__ = ["FOLDER", "BookEntry", "SketchEntry", "Sketchbooks"]

FOLDER = "datasets"
MAX_LISTED = 1000
PICTURE_SIDE_PX = 512
_REMOVED = ".removed-"


class Sketchbooks:
    """The folder of datasets; safe to use from several threads.

    Args:
        folder: need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()

    def entries(self) -> tuple[BookEntry, ...]:
        """Every dataset of the folder by name; one that cannot be used says why in `flaw`."""
        if not self.folder.is_dir():
            return ()
        folders = sorted(filter(_is_listed, self.folder.iterdir()), key=lambda path: path.name)
        return tuple(entry_of(folder) for folder in folders[:MAX_LISTED])

    def book(self, name: str) -> BookEntry:
        """One dataset of the folder.

        Raises:
            InvalidRequest: there is none of this name.
            ForbiddenPath: it cannot be a name.
        """
        return entry_of(self._folder(name))

    def create(self, name: str, *, role: Role = Role.OWNER) -> BookEntry:
        """A new, empty sketchbook.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: the name is taken.
            ForbiddenPath: it cannot be a name.
            CannotWrite: the folder cannot be written.
        """
        require(role, Capability.TRAIN)
        with self._lock:
            folder = safe_join(self.folder, safe_name(name))
            if folder.exists():
                raise InvalidRequest(
                    f"There is a dataset named {name!r} already.", hint="Choose another name."
                )
            created = datetime.now(timezone.utc).isoformat(timespec="seconds")
            write_index(folder, Index(name=name, created=created))
            return entry_of(folder)

    def add(
        self,
        name: str,
        strokes: Sequence[Stroke],
        *,
        width: int,
        height: int,
        caption: str = "",
        origin: str = "drawn",
        role: Role = Role.OWNER,
    ) -> str:
        """Adds a drawing at the end of a sketchbook and returns its id.

        Args:
            strokes: in drawing order; times are frames at 16 frames a second.
            width, height: canvas of the strokes, in pixels.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: there is no such sketchbook, it is full, or the drawing is impossible;
                the message names the stroke and the field.
            CannotWrite: the folder cannot be written; the sketchbook stays as it was.
        """
        require(role, Capability.TRAIN)
        where = "The drawing"
        width, height = limits.check_size(width, height, where)
        kept = limits.read_strokes([values_of(stroke) for stroke in strokes], where)
        limits.check_on_canvas(kept, where, width, height)
        sketch = files.BookSketch(
            id=secrets.token_hex(4),
            caption=limits.clean_caption(caption, where),
            width=width,
            height=height,
            strokes=kept,
            origin=limits.check_origin(origin, where),
        )
        with self._lock:
            folder, index = self._opened(name)
            if len(index.rows) >= limits.MAX_SKETCHES:
                raise InvalidRequest(
                    f"The sketchbook {name!r} is full: {len(index.rows):,} sketches.",
                    hint="Begin another one.",
                )
            files.write_sketch(folder, sketch)
            _write_picture(folder, sketch)
            row = IndexRow(
                id=sketch.id,
                caption=sketch.caption,
                width=sketch.width,
                height=sketch.height,
                seconds=round(sketch.seconds, 3),
                origin=origin,
            )
            write_index(folder, replace(index, rows=(*index.rows, row)))
        return sketch.id

    def sketch(self, name: str, sketch_id: str) -> files.BookSketch:
        """One drawing with its strokes.

        Raises:
            InvalidRequest: there is none, or its file is damaged.
        """
        folder, index = self._opened(name)
        return files.read_sketch(folder, index.rows[_place(index, sketch_id)])

    def set_caption(
        self, name: str, sketch_id: str, caption: str, *, role: Role = Role.OWNER
    ) -> None:
        """Gives a sketch another prompt.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: there is no such sketch, or the caption is too long.
        """
        require(role, Capability.TRAIN)
        caption = limits.clean_caption(caption, f"Sketch {sketch_id}")
        with self._lock:
            folder, index = self._opened(name)
            at, rows = _place(index, sketch_id), list(index.rows)
            rows[at] = replace(rows[at], caption=caption)
            write_index(folder, replace(index, rows=tuple(rows)))

    def suggest_caption(self, name: str, sketch_id: str, concept: str) -> str:
        """A plan of the sketch in one line, from the order of its strokes; nothing is changed.

        Raises:
            InvalidRequest: there is no such sketch, or the concept is no line of words.
        """
        from videosketcher_app.data.sketchbook_captions import suggested_plan

        sketch = self.sketch(name, sketch_id)
        return str(suggested_plan(sketch.sketch, concept))

    def order(self, name: str, sketch_id: str) -> tuple[StrokeGroup, ...]:
        """The groups of strokes of a sketch in drawing order.

        Raises:
            InvalidRequest: there is no such sketch, or its file is damaged.
        """
        from videosketcher_app.data.stroke_order import groups_of

        return groups_of(self.sketch(name, sketch_id))

    def propose_order(self, name: str, sketch_id: str, *, role: Role = Role.OWNER) -> None:
        """Brings the strokes of a picture into the order that its caption or their shapes suggest.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: there is no such sketch, or its order is known.
            CannotWrite: the folder cannot be written; the sketch stays as it was.
        """
        from videosketcher_app.data.stroke_order import proposed

        require(role, Capability.TRAIN)
        with self._lock:
            self._rewrite(name, proposed(self.sketch(name, sketch_id)))

    def move_group(
        self, name: str, sketch_id: str, group: int, index: int, *, role: Role = Role.OWNER
    ) -> None:
        """Puts a group of strokes of a picture at another place; the plan of its caption follows.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: there is no such sketch or group, or its order is known.
            CannotWrite: the folder cannot be written; the sketch stays as it was.
        """
        from videosketcher_app.data.stroke_order import moved

        require(role, Capability.TRAIN)
        with self._lock:
            self._rewrite(name, moved(self.sketch(name, sketch_id), group, index))

    def move(self, name: str, sketch_id: str, index: int, *, role: Role = Role.OWNER) -> None:
        """Puts a sketch at another place of the list, counted from 0; beyond the end is the end.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: there is no such sketch.
        """
        require(role, Capability.TRAIN)
        with self._lock:
            folder, kept = self._opened(name)
            rows = list(kept.rows)
            row = rows.pop(_place(kept, sketch_id))
            rows.insert(min(max(0, index), len(rows)), row)
            write_index(folder, replace(kept, rows=tuple(rows)))

    def remove_sketch(self, name: str, sketch_id: str, *, role: Role = Role.OWNER) -> None:
        """Takes a sketch out of a sketchbook and deletes its files.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: there is no such sketch.
            CannotWrite: the folder cannot be written.
        """
        require(role, Capability.TRAIN)
        with self._lock:
            folder, index = self._opened(name)
            rows = list(index.rows)
            del rows[_place(index, sketch_id)]
            write_index(folder, replace(index, rows=tuple(rows)))
            for file in (files.sketch_file, files.picture_file):
                remove_file(file(folder, sketch_id))

    def remove(self, name: str, *, role: Role = Role.OWNER) -> None:
        """Deletes a sketchbook with all its drawings.

        Raises:
            Forbidden: the role may not do it.
            InvalidRequest: there is none, or the folder holds something else than a sketchbook.
            CannotWrite: it cannot be removed.
        """
        require(role, Capability.TRAIN)
        with self._lock:
            folder = self._folder(name)
            if not is_sketchbook(folder):
                raise InvalidRequest(
                    f"The folder {name!r} is no sketchbook of this app.",
                    hint="Remove it yourself if you do not need it.",
                )
            hidden = folder.with_name(f"{_REMOVED}{secrets.token_hex(4)}")
            try:
                # Gone in one step; what a crash leaves of the deletion is finished with the next.
                folder.rename(hidden)
            except OSError as error:
                raise CannotWrite(
                    f"The sketchbook {name!r} cannot be removed: {error.strerror or error}.",
                    hint="Close programs that show its files, or check the permissions.",
                ) from error
            for left in self.folder.glob(f"{_REMOVED}*"):
                remove_folder(left)

    def picture(self, name: str, sketch_id: str) -> Path:
        """The finished picture of a sketch, drawn again if somebody removed it.

        Raises:
            InvalidRequest: there is no such sketch, or its file is damaged.
        """
        folder, index = self._opened(name)
        row = index.rows[_place(index, sketch_id)]
        path = files.picture_file(folder, row.id)
        if not path.is_file():
            _write_picture(folder, files.read_sketch(folder, row))
        return path

    def _folder(self, name: str) -> Path:
        folder = safe_join(self.folder, safe_name(name))
        if not folder.is_dir():
            raise InvalidRequest(
                f"There is no dataset named {name[:80]!r}.", hint="See the names in the list."
            )
        return folder

    def _rewrite(self, name: str, sketch: files.BookSketch) -> None:
        """Other strokes and another caption under the same id; the strokes are replaced first."""
        folder, index = self._opened(name)
        files.write_sketch(folder, sketch)
        _write_picture(folder, sketch)
        at, rows = _place(index, sketch.id), list(index.rows)
        seconds = round(sketch.seconds, 3)
        rows[at] = replace(rows[at], caption=sketch.caption, seconds=seconds)
        write_index(folder, replace(index, rows=tuple(rows)))

    def _opened(self, name: str) -> tuple[Path, Index]:
        folder = self._folder(name)
        return folder, read_index(folder)


def _is_listed(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _place(index: Index, sketch_id: str) -> int:
    for place, row in enumerate(index.rows):
        if row.id == sketch_id:
            return place
    raise InvalidRequest(
        f"There is no sketch {sketch_id[:40]!r} in {index.name!r}.",
        hint="It may have been removed; look at the list again.",
    )


def _write_picture(folder: Path, sketch: files.BookSketch) -> None:
    from videosketcher_app.data.renderer import picture
    from videosketcher_app.storage.media import write_png

    scale = min(1.0, PICTURE_SIDE_PX / max(sketch.width, sketch.height))
    size = (max(1, round(sketch.width * scale)), max(1, round(sketch.height * scale)))
    path = files.picture_file(folder, sketch.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, picture(sketch.sketch, *size))
