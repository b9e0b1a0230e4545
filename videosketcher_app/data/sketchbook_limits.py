"""What a sketch of a sketchbook may be: sizes, numbers and words; errors name field and fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data.stroke_values import number_in, stroke_from, wrong_field
from videosketcher_app.data.strokes import Stroke

ORIGINS = ("drawn", "svg", "strokes", "recording", "image", "scan", "output")
MAX_SKETCHES = 5000
MAX_STROKES = 5000
MAX_POINTS = 500_000
MIN_SIDE_PX, MAX_SIDE_PX = 8, 8192
MAX_SECONDS = 24 * 3600.0
MAX_CAPTION_CHARACTERS = 4000
MAX_OUTSIDE = 1.0  # widths and heights of the canvas that a point may lie beside it
MAX_WIDTH_SHARE = 0.15  # of the canvas's shorter side, of a line
MAX_LENGTH = 200.0  # of a stroke, in diagonals of the canvas
MAX_INK = 40.0  # of all strokes, length times width, in areas of the canvas


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
    ink = sum(stroke.length_px * stroke.pen.width_px for stroke in strokes) / (width * height)
    if ink > MAX_INK:
        raise InvalidFile(
            f"{where} covers its canvas {ink:,.0f} times with ink.",
            hint=f"At most {MAX_INK:g} times is possible: use a thinner pen or fewer strokes.",
        )


def check_size(width: object, height: object, where: str) -> tuple[int, int]:
    """The size of a canvas, if a sketch may have it.

    Raises:
        InvalidFile: a side is no whole number, too small or too large.
    """
    return _side(width, where, "width"), _side(height, where, "height")


def check_origin(origin: object, where: str) -> str:
    """Where a sketch comes from, if it is one of ORIGINS.

    Raises:
        InvalidFile: it is none.
    """
    if not isinstance(origin, str) or origin not in ORIGINS:
        raise wrong_field(where, "origin", origin, f"Use one of: {', '.join(ORIGINS)}.")
    return origin


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
    low, high = -MAX_OUTSIDE * size, (1 + MAX_OUTSIDE) * size
    outside_N = ((stroke.points_N2 < low) | (stroke.points_N2 > high)).any(axis=1)
    if outside_N.any():
        first = int(np.argmax(outside_N))
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


def _side(value: object, where: str, field: str) -> int:
    side = number_in(value, MIN_SIDE_PX, MAX_SIDE_PX, where=where, field=field, unit=" pixels")
    if side != int(side):
        raise wrong_field(where, field, value, "Give a whole number of pixels.")
    return int(side)


def _at_default_rate(stroke: Stroke, fps: float) -> Stroke:
    if fps == DEFAULT_FPS:
        return stroke
    times_N = (stroke.times_N * np.float32(DEFAULT_FPS / fps)).astype(np.float32)
    return replace(stroke, times_N=times_N)
