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
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data import renderer
from videosketcher_app.data.filling import CanvasLike, filled, fitted
from videosketcher_app.data.sketchbook_index import (
    FORMAT,
    INDEX_FILE,
    IndexRow,
    read_index,
    read_json,
    require_format,
)
from videosketcher_app.data.sketchbook_limits import check_on_canvas, read_strokes
from videosketcher_app.data.stroke_values import number_in, values_of, wrong_field
from videosketcher_app.data.strokes import Sketch, Stroke
from videosketcher_app.storage import atomic
from videosketcher_app.storage.paths import safe_join

__all__ = [
    "BookSketch",
    "picture_file",
    "read_sketch",
    "read_sketchbook",
    "read_strokes",
    "sketch_file",
    "write_sketch",
]

SKETCHES = "sketches"
MAX_SKETCH_BYTES = 100_000_000


@dataclass(frozen=True)
class BookSketch:
    """One drawing of a sketchbook with its strokes.

    Attributes:
        id: name of its files.
        caption: its prompt; may be empty.
        width, height: canvas that the strokes refer to, in pixels.
        strokes: in drawing order; times are frames at `DEFAULT_FPS`, as it was drawn.
        origin: one of `sketchbook_limits.ORIGINS`.
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

    def layers(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.float32]:
        """How much of every pixel shows the ink of a part (L, T, H, W), parts in drawing order."""
        whole = filled(fitted(self.sketch, canvas), num_frames)
        parts = dict.fromkeys(stroke.part for stroke in whole.strokes)
        alone = [tuple(s for s in whole.strokes if s.part == part) for part in parts]
        clips = (renderer.frames(replace(whole, strokes=strokes)) for strokes in alone)
        return np.stack([1 - clip.min(axis=-1).astype(np.float32) / 255 for clip in clips])


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


def read_sketch(folder: Path, row: IndexRow) -> BookSketch:
    """The strokes of one sketch of the list.

    Raises:
        InvalidFile: its file is missing or damaged; the message names sketch and field.
    """
    where = f"Sketch {row.id}"
    values = read_json(sketch_file(folder, row.id), MAX_SKETCH_BYTES, f"file of sketch {row.id}")
    require_format(values, where)
    for side in ("width", "height"):
        if values.get(side) != getattr(row, side):
            hint = f"{INDEX_FILE} says {getattr(row, side)}; make both the same."
            raise wrong_field(where, side, values.get(side), hint)
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
