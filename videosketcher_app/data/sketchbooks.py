"""Sketchbooks: datasets of drawings that a person made or brought, one folder each.

    dataset.json        {"format": 1, "name": "ink", "created": "2026-01-31T12:00:00+00:00",
                         "sketches": [{"id": "3f9c0a1b", "caption": "Step by step ...",
                                       "width": 432, "height": 240, "seconds": 12.5,
                                       "origin": "drawn"}, ...]}
    sketches/<id>.json  {"format": 1, "width": 432, "height": 240, "fps": 16, "strokes": [...]}
    sketches/<id>.png   the finished drawing, for the eye only

The order of the list is the order of the dataset. `caption` is the prompt of that sketch: the
one-line form of a plan, or any words in any script. Strokes are values of `data.stroke_values` in
drawing order; their times are frames at `fps` frames a second, as they were drawn. A sketch's own
file is written before `dataset.json` names it, so a crash leaves the old list or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data import renderer
from videosketcher_app.data.filling import CanvasLike, filled, fitted
from videosketcher_app.data.stroke_values import number_in, stroke_from, values_of, wrong_field
from videosketcher_app.data.strokes import Sketch, Stroke
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.paths import safe_join, safe_name

FORMAT = 1
INDEX_FILE = "dataset.json"
SKETCHES = "sketches"
ORIGINS = ("drawn", "svg", "strokes", "recording", "image", "scan", "output")
MAX_SKETCHES = 5000
MAX_STROKES = 5000
MAX_POINTS = 500_000
MIN_SIDE_PX, MAX_SIDE_PX = 8, 8192
MAX_SECONDS = 24 * 3600.0
MAX_OUTSIDE = 1.0  # widths and heights of the canvas that a point may lie beside it
MAX_WIDTH_SHARE = 0.25  # of the canvas's shorter side, of a line
MAX_LENGTH = 200.0  # of a stroke, in diagonals of the canvas
MAX_CAPTION_CHARACTERS = 4000
MAX_INDEX_BYTES = 50_000_000
MAX_SKETCH_BYTES = 100_000_000
_HINT = "Correct it there, or remove this sketch from the sketchbook."


@dataclass(frozen=True)
class BookSketch:
    """One drawing of a sketchbook with its strokes.

    Attributes:
        id: name of its files.
        caption: its prompt; may be empty.
        width, height: canvas that the strokes refer to, in pixels.
        strokes: in drawing order; times are frames at `DEFAULT_FPS`, as it was drawn.
        origin: one of ORIGINS.
    """

    id: str
    caption: str
    width: int
    height: int
    strokes: tuple[Stroke, ...]
    origin: str

    @property
    def sketch(self) -> Sketch:
        """The drawing at its own size and pace."""
        last = max((stroke.end for stroke in self.strokes), default=0.0)
        return Sketch(
            strokes=self.strokes,
            width_px=self.width,
            height_px=self.height,
            num_frames=int(np.ceil(last)) + 2,
        )

    @property
    def seconds(self) -> float:
        """From the first pen down to the last pen up, as it was drawn."""
        if not self.strokes:
            return 0.0
        begun = min(stroke.start for stroke in self.strokes)
        return (max(stroke.end for stroke in self.strokes) - begun) / DEFAULT_FPS

    def clip(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.uint8]:
        """Frames (T, H, W, 3) of it being drawn on white paper of the canvas's size.

        The whole drawing is shown without stretching it, and it fills the clip (`data.filling`).
        """
        return renderer.frames(filled(fitted(self.sketch, canvas), num_frames))


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """What `dataset.json` says of one sketch; see the module's text."""

    id: str
    caption: str = ""
    width: int = 432
    height: int = 240
    seconds: float = 0.0
    origin: str = "drawn"

    def to_dict(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {name: getattr(self, name) for name in _ROW_FIELDS}


_ROW_FIELDS = ("id", "caption", "width", "height", "seconds", "origin")


@dataclass(frozen=True, kw_only=True)
class Index:
    """The contents of a sketchbook's `dataset.json`."""

    name: str
    created: str
    rows: tuple[IndexRow, ...] = ()


def is_sketchbook(folder: Path) -> bool:
    """True if the folder says that it is one; it may be damaged all the same."""
    return (folder / INDEX_FILE).is_file()


def sketch_file(folder: Path, sketch_id: str) -> Path:
    """The strokes of a sketch.

    Raises:
        ForbiddenPath: the id cannot name a file.
    """
    return safe_join(folder, f"{SKETCHES}/{sketch_id}.json")


def picture_file(folder: Path, sketch_id: str) -> Path:
    """The finished picture of a sketch.

    Raises:
        ForbiddenPath: the id cannot name a file.
    """
    return safe_join(folder, f"{SKETCHES}/{sketch_id}.png")


def read_sketchbook(folder: Path) -> tuple[BookSketch, ...]:
    """Every sketch of a sketchbook, in the order of its list.

    Raises:
        InvalidFile: the folder is no sketchbook, or a sketch is missing or damaged; the message
            names sketch, field and what to do.
    """
    return tuple(read_sketch(folder, row) for row in read_index(folder).rows)


def read_index(folder: Path) -> Index:
    """What `dataset.json` says.

    Raises:
        InvalidFile: it is missing, damaged or of another version of the app.
    """
    values = _read_json(folder / INDEX_FILE, MAX_INDEX_BYTES, f"file {INDEX_FILE}")
    _require_format(values, INDEX_FILE)
    rows = values.get("sketches")
    if not isinstance(rows, list):
        raise wrong_field(INDEX_FILE, "sketches", rows, "Give a list of sketches.")
    if len(rows) > MAX_SKETCHES:
        raise InvalidFile(
            f"{INDEX_FILE} names {len(rows):,} sketches.",
            hint=f"Split the sketchbook: at most {MAX_SKETCHES:,} are possible.",
        )
    read = tuple(_row(row, number) for number, row in enumerate(rows, start=1))
    seen: set[str] = set()
    for number, row in enumerate(read, start=1):
        if row.id in seen:
            raise wrong_field(f"Sketch {number}", "id", row.id, "Name every sketch once.")
        seen.add(row.id)
    return Index(
        name=str(values.get("name") or folder.name),
        created=str(values.get("created") or ""),
        rows=read,
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


def read_sketch(folder: Path, row: IndexRow) -> BookSketch:
    """The strokes of one sketch of the list.

    Raises:
        InvalidFile: its file is missing or damaged; the message names sketch and field.
    """
    where = f"Sketch {row.id}"
    values = _read_json(sketch_file(folder, row.id), MAX_SKETCH_BYTES, f"file of sketch {row.id}")
    _require_format(values, where)
    for side in ("width", "height"):
        if side in values and values[side] != getattr(row, side):
            hint = f"{INDEX_FILE} says {getattr(row, side)}; make both the same."
            raise wrong_field(where, side, values[side], hint)
    fps = number_in(values.get("fps", DEFAULT_FPS), 1, 240, where=where, field="fps")
    strokes = read_strokes(values.get("strokes"), where, fps=fps)
    check_on_canvas(strokes, where, row.width, row.height)
    return BookSketch(
        id=row.id,
        caption=row.caption,
        width=row.width,
        height=row.height,
        strokes=strokes,
        origin=row.origin,
    )


def write_sketch(folder: Path, sketch: BookSketch) -> None:
    """Writes the strokes of one sketch, whole or not at all.

    Raises:
        CannotWrite: the disk is full or the folder cannot be written.
    """
    values = {
        "format": FORMAT,
        "width": sketch.width,
        "height": sketch.height,
        "fps": DEFAULT_FPS,
        "strokes": [values_of(stroke) for stroke in sketch.strokes],
    }
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    atomic.write_text(sketch_file(folder, sketch.id), text + "\n")


def read_strokes(values: object, where: str, *, fps: float = DEFAULT_FPS) -> tuple[Stroke, ...]:
    """The strokes of a list of values, their times as frames at `DEFAULT_FPS`.

    Args:
        where: what the messages call the drawing.
        fps: of the times in the values.

    Raises:
        InvalidFile: a stroke is missing or impossible, or there are too many points.
    """
    if not isinstance(values, list | tuple) or not values:
        raise wrong_field(where, "strokes", values, "Give a list with at least one stroke.")
    if len(values) > MAX_STROKES:
        raise InvalidFile(
            f"{where} has {len(values):,} strokes.",
            hint=f"At most {MAX_STROKES:,} are possible: join or leave out some.",
        )
    strokes = [
        stroke_from(value, f"{where}, stroke {number}")
        for number, value in enumerate(values, start=1)
    ]
    points = sum(len(stroke.points_N2) for stroke in strokes)
    if points > MAX_POINTS:
        raise InvalidFile(
            f"{where} has {points:,} points.",
            hint=f"At most {MAX_POINTS:,} are possible: leave out points that change nothing.",
        )
    return tuple(_at_default_rate(stroke, fps) for stroke in strokes)


def check_on_canvas(strokes: Sequence[Stroke], where: str, width: int, height: int) -> None:
    """Refuses strokes that are no drawing on this canvas, or would take for ever to draw.

    Raises:
        InvalidFile: a point lies far outside, or a line is far too wide or long.
    """
    for number, stroke in enumerate(strokes, start=1):
        _check_stroke(stroke, f"{where}, stroke {number}", width, height)


def check_size(width: object, height: object, where: str) -> None:
    """Refuses a canvas that no sketch may have.

    Raises:
        InvalidFile: a side is no whole number, too small or too large.
    """
    for field, value in (("width", width), ("height", height)):
        side = number_in(value, MIN_SIDE_PX, MAX_SIDE_PX, where=where, field=field, unit=" pixels")
        if side != int(side):
            raise wrong_field(where, field, value, "Give a whole number of pixels.")


def check_origin(origin: object, where: str) -> None:
    """Refuses an origin that is none of ORIGINS.

    Raises:
        InvalidFile: it is none.
    """
    if origin not in ORIGINS:
        raise wrong_field(where, "origin", origin, f"Use one of: {', '.join(ORIGINS)}.")


def clean_caption(caption: object, where: str) -> str:
    """A caption as it is kept: any script, without what no file can hold.

    Raises:
        InvalidFile: it is no text, or too long.
    """
    if not isinstance(caption, str):
        raise wrong_field(where, "caption", caption, "Give a text; an empty one is possible.")
    if len(caption) > MAX_CAPTION_CHARACTERS:
        hint = f"Shorten it to {MAX_CAPTION_CHARACTERS:,} characters."
        raise wrong_field(where, "caption", caption, hint)
    # Half of a pair of code units is no character, and no file can hold it.
    return caption.encode("utf-8", "replace").decode("utf-8").strip()


def _check_stroke(stroke: Stroke, where: str, width: int, height: int) -> None:
    size = np.array([width, height])
    outside = (
        (stroke.points_N2 < -MAX_OUTSIDE * size) | (stroke.points_N2 > (1 + MAX_OUTSIDE) * size)
    ).any(axis=1)
    if outside.any():
        first = int(np.argmax(outside))
        hint = f"The canvas has {width}x{height} pixels: correct or remove point {first + 1}."
        raise wrong_field(where, "points", stroke.points_N2[first].tolist(), hint)
    widest = MAX_WIDTH_SHARE * min(width, height)
    if stroke.pen.width_px > widest:
        hint = f"Lines of this canvas are at most {widest:g} pixels wide."
        raise wrong_field(where, "width", stroke.pen.width_px, hint)
    longest = MAX_LENGTH * float(np.hypot(width, height))
    if stroke.length_px > longest:
        raise InvalidFile(
            f"{where}, field 'points': the line is {stroke.length_px:,.0f} pixels long.",
            hint=f"Split it: at most {longest:,.0f} are possible.",
        )


def _at_default_rate(stroke: Stroke, fps: float) -> Stroke:
    if fps == DEFAULT_FPS:
        return stroke
    times_N = (stroke.times_N * np.float32(DEFAULT_FPS / fps)).astype(np.float32)
    return Stroke(
        points_N2=stroke.points_N2,
        times_N=times_N,
        pressure_N=stroke.pressure_N,
        part=stroke.part,
        pen=stroke.pen,
    )


def _row(values: object, number: int) -> IndexRow:
    where = f"Sketch {number}"
    if not isinstance(values, Mapping):
        raise wrong_field(where, "", values, 'Write {"id": "...", "caption": "..."}.')
    sketch_id = values.get("id")
    try:
        assert isinstance(sketch_id, str)
        safe_name(sketch_id)
    except (AssertionError, AppError):
        raise wrong_field(where, "id", sketch_id, "Give the name of its file.") from None
    where = f"Sketch {number} ({sketch_id})"
    width, height = values.get("width"), values.get("height")
    check_size(width, height, where)
    origin = values.get("origin", "drawn")
    check_origin(origin, where)
    return IndexRow(
        id=sketch_id,
        caption=clean_caption(values.get("caption", ""), where),
        width=int(width),  # type: ignore[arg-type]
        height=int(height),  # type: ignore[arg-type]
        seconds=number_in(
            values.get("seconds", 0.0), 0.0, MAX_SECONDS, where=where, field="seconds"
        ),
        origin=str(origin),
    )


def _require_format(values: Mapping[str, Any], where: str) -> None:
    if values.get("format") != FORMAT:
        raise wrong_field(
            where, "format", values.get("format"), f"This version of the app reads format {FORMAT}."
        )


def _read_json(path: Path, max_bytes: int, what: str) -> dict[str, Any]:
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
