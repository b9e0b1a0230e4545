"""`dataset.json` of a sketchbook: which sketches it has, in which order, under which captions.

The file's format is written down in `data.sketchbooks`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.data.sketchbook_limits import (
    MAX_SECONDS,
    MAX_SKETCHES,
    check_origin,
    check_size,
    clean_caption,
)
from videosketcher_app.data.stroke_values import number_in, wrong_field
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.paths import safe_name

FORMAT = 1
INDEX_FILE = "dataset.json"
MAX_INDEX_BYTES = 50_000_000
_HINT = "Correct it there, or remove this sketch from the sketchbook."
_FIELDS = ("id", "caption", "width", "height", "seconds", "origin")


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One sketch of the list.

    Attributes:
        id: name of its files.
        caption: its prompt; may be empty.
        width, height: of its canvas, in pixels.
        seconds: that it took to draw.
        origin: one of `sketchbook_limits.ORIGINS`.
    """

    id: str
    caption: str
    width: int
    height: int
    seconds: float = 0.0
    origin: str = "drawn"

    def to_dict(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {name: getattr(self, name) for name in _FIELDS}


@dataclass(frozen=True, kw_only=True)
class Index:
    """The contents of a sketchbook's `dataset.json`; `created` is a date in ISO 8601."""

    name: str
    created: str
    rows: tuple[IndexRow, ...] = ()


def is_sketchbook(folder: Path) -> bool:
    """True if the folder says that it is one; it may be damaged all the same."""
    return (folder / INDEX_FILE).is_file()


def read_index(folder: Path) -> Index:
    """What `dataset.json` says.

    Raises:
        InvalidFile: it is missing, damaged or of another version of the app.
    """
    values = read_json(folder / INDEX_FILE, MAX_INDEX_BYTES, f"file {INDEX_FILE}")
    require_format(values, INDEX_FILE)
    rows = values.get("sketches")
    if not isinstance(rows, list):
        raise wrong_field(INDEX_FILE, "sketches", rows, "Give a list of sketches.")
    if len(rows) > MAX_SKETCHES:
        raise InvalidFile(
            f"{INDEX_FILE} names {len(rows):,} sketches.",
            hint=f"Split the sketchbook: at most {MAX_SKETCHES:,} are possible.",
        )
    read: dict[str, IndexRow] = {}
    for number, values_of_row in enumerate(rows, start=1):
        row = _row(values_of_row, number)
        if row.id in read:
            raise wrong_field(f"Sketch {number}", "id", row.id, "Name every sketch once.")
        read[row.id] = row
    return Index(
        name=str(values.get("name") or folder.name),
        created=str(values.get("created") or ""),
        rows=tuple(read.values()),
    )


def write_index(folder: Path, index: Index) -> None:
    """Writes `dataset.json`, whole or not at all.

    Raises:
        CannotWrite: the disk is full or the folder cannot be written.
    """
    values = {
        "format": FORMAT,
        "name": index.name,
        "created": index.created,
        "sketches": [row.to_dict() for row in index.rows],
    }
    atomic.write_json(folder / INDEX_FILE, values)


def require_format(values: Mapping[str, Any], where: str) -> None:
    """Refuses files of another version.

    Raises:
        InvalidFile: the file names another format.
    """
    if values.get("format") != FORMAT:
        hint = f"This version of the app reads format {FORMAT}."
        raise wrong_field(where, "format", values.get("format"), hint)


def read_json(path: Path, max_bytes: int, what: str) -> dict[str, Any]:
    """The JSON object of a file.

    Raises:
        InvalidFile: the file is missing, too large or damaged; the message calls it `what`.
    """
    text = bounded.read_text(path, max_bytes=max_bytes, what=what)
    try:
        values = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise InvalidFile(
            f"The {what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            hint=_HINT,
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidFile(f"The {what} is not JSON.", hint=_HINT) from error
    if not isinstance(values, dict):
        raise InvalidFile(f"The {what} is no JSON object.", hint=_HINT)
    return values


def _row(values: object, number: int) -> IndexRow:
    where = f"Sketch {number}"
    if not isinstance(values, Mapping):
        raise wrong_field(where, "", values, 'Write {"id": "...", "caption": "..."}.')
    sketch_id = _id(values.get("id"), where)
    where = f"Sketch {number} ({sketch_id})"
    width, height = check_size(values.get("width"), values.get("height"), where)
    return IndexRow(
        id=sketch_id,
        caption=clean_caption(values.get("caption", ""), where),
        width=width,
        height=height,
        seconds=number_in(
            values.get("seconds", 0.0), 0.0, MAX_SECONDS, where=where, field="seconds"
        ),
        origin=check_origin(values.get("origin", "drawn"), where),
    )


def _id(value: object, where: str) -> str:
    if isinstance(value, str):
        try:
            return safe_name(value)
        except AppError:
            pass
    raise wrong_field(where, "id", value, "Give the name of its file.")
