"""Stroke files as sketches: ours (one drawing a file) and Quick, Draw! lists (one a line).

    {"width": 432, "height": 240, "fps": 16, "caption": "a cat", "strokes": [...]}
    [{"points": [[x, y, time, pressure], ...], "color": "#1a3399", "width": 2.2}, ...]
    {"turns": [{"draw": [{"points": [[x, y, seconds], ...]}]}, ...]}
    {"word": "cat", "drawing": [[[x, ...], [y, ...], [milliseconds, ...]], ...]}

Strokes are values of `data.stroke_values`; of a script of turns, what the person draws counts. A
file without a size gets a canvas around its points.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data.ingest.drawings import MAX_STROKES, IngestedDrawing, drawing_of
from videosketcher_app.data.ingest.pace import at_even_pace
from videosketcher_app.data.stroke_values import number_in, stroke_from, wrong_field
from videosketcher_app.data.strokes import Sketch, Stroke

MAX_BYTES = 100_000_000
MAX_LINES = 5000
MAX_SIDE_PX = 8192
MARGIN = 0.06  # of the longer side, around points whose canvas is not known
QUICKDRAW_SIDE_PX = 256
_HINT = 'Write {"width": 432, "height": 240, "strokes": [{"points": [[x, y, time], ...]}]}.'


def read_stroke_file(text: str) -> Iterator[tuple[str, IngestedDrawing | AppError]]:
    """The drawings of a file, each with its place in it, or why that one cannot be used.

    The place is empty where the file holds one drawing.

    Raises:
        InvalidFile: the file holds no strokes at all.
    """
    if len(text) > MAX_BYTES:
        raise InvalidFile(
            f"The file of strokes has more than {MAX_BYTES:,} characters.", hint="Split it."
        )
    values = _whole(text)
    if values is not None:
        yield "", _drawing(values)
        return
    lines = [(i, line) for i, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines or not lines[0][1].lstrip().startswith("{"):
        raise InvalidFile("This file holds no strokes.", hint=_HINT)
    for number, line in lines[:MAX_LINES]:
        try:
            yield f"line {number}", _drawing(_parsed(line))
        except AppError as error:
            yield f"line {number}", error
    if len(lines) > MAX_LINES:
        yield (
            "",
            InvalidFile(
                f"The file has {len(lines):,} drawings; the first {MAX_LINES:,} were read.",
                hint="Split it, and bring the rest into a sketchbook of its own.",
            ),
        )


def _whole(text: str) -> Any:
    """The value of a file that is one JSON document; None if it may be one document a line."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError as error:
        raise InvalidFile("This file is nested too deeply.", hint=_HINT) from error
    except ValueError as error:
        if "\n" not in text.strip():
            raise InvalidFile(f"This file is not JSON: {error}.", hint=_HINT) from error
        return None


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidFile("This line is not JSON.", hint="Remove it.") from error


def _drawing(values: Any) -> IngestedDrawing:
    if isinstance(values, list):
        values = {"strokes": values}
    if not isinstance(values, Mapping):
        raise InvalidFile("This file holds no strokes.", hint=_HINT)
    if "drawing" in values:
        return _quickdraw(values)
    if "turns" in values:
        values = {**values, "strokes": _drawn(values["turns"]), "fps": 1}
    listed = values.get("strokes")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_STROKES:
        hint = f"Give a list of 1 to {MAX_STROKES:,} strokes."
        raise wrong_field("The drawing", "strokes", listed, hint)
    fps = number_in(values.get("fps", DEFAULT_FPS), 1, 240, where="The drawing", field="fps")
    strokes = [stroke_from(value, f"Stroke {i}") for i, value in enumerate(listed, start=1)]
    caption = values.get("caption", "")
    return _on_canvas(strokes, values, fps, caption if isinstance(caption, str) else "")


def _drawn(turns: Any) -> list[Any]:
    """The strokes of a script that the person draws."""
    if not isinstance(turns, list):
        raise wrong_field("The script", "turns", turns, "Give a list of turns.")
    drawn = [turn["draw"] for turn in turns if isinstance(turn, Mapping) and "draw" in turn]
    strokes = [stroke for turn in drawn if isinstance(turn, list) for stroke in turn]
    return [s if isinstance(s, Mapping) else {"points": s} for s in strokes]


def _quickdraw(values: Mapping[str, Any]) -> IngestedDrawing:
    listed = values["drawing"]
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_STROKES:
        raise wrong_field("The drawing", "drawing", listed, "Give lists of x and y a stroke.")
    strokes = [_transposed(value, f"Stroke {i}") for i, value in enumerate(listed, start=1)]
    word = values.get("word", "")
    size: dict[str, Any] = {}
    points = np.vstack([stroke.points_N2 for stroke in strokes])
    if points.min() >= 0 and points.max() <= QUICKDRAW_SIDE_PX - 1:
        size = {"width": QUICKDRAW_SIDE_PX, "height": QUICKDRAW_SIDE_PX}
    return _on_canvas(strokes, size, 1000.0, word if isinstance(word, str) else "")


def _transposed(value: Any, where: str) -> Stroke:
    """A stroke of lists of x, y and perhaps milliseconds."""
    rows = value if isinstance(value, list) and len(value) in (2, 3) else []
    lengths = {len(row) if isinstance(row, list) else -1 for row in rows}
    if len(lengths) != 1 or lengths & {0, -1}:
        raise wrong_field(where, "", value, "Give equally long lists of x, y and milliseconds.")
    return stroke_from({"points": [list(point) for point in zip(*rows, strict=True)]}, where)


def _on_canvas(
    strokes: Sequence[Stroke], values: Mapping[str, Any], fps: float, caption: str
) -> IngestedDrawing:
    """The strokes on the canvas that the file names, or on one around them, at the usual rate."""
    strokes = [
        replace(s, times_N=(s.times_N * np.float32(DEFAULT_FPS / fps)).astype(np.float32))
        for s in strokes
    ]
    if "width" in values and "height" in values:
        width, height = (
            int(number_in(values[side], 8, MAX_SIDE_PX, where="The drawing", field=side))
            for side in ("width", "height")
        )
    else:
        strokes, width, height = _around(strokes)
    if all(stroke.end <= strokes[0].start for stroke in strokes):
        strokes = list(at_even_pace(strokes, width, height))
    sketch = Sketch(strokes=tuple(strokes), width_px=width, height_px=height)
    return drawing_of(sketch, "strokes", caption)


def _around(strokes: Sequence[Stroke]) -> tuple[list[Stroke], int, int]:
    """The strokes moved onto a canvas with a margin around them; huge ones are made smaller."""
    points = np.vstack([stroke.points_N2 for stroke in strokes])
    low, extent = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 8)
    scale = min(1.0, 0.8 * MAX_SIDE_PX / float(extent.max()))
    margin = MARGIN * float(extent.max()) * scale
    moved = [
        replace(s, points_N2=((s.points_N2 - low) * scale + margin).astype(np.float32))
        for s in strokes
    ]
    width, height = (int(np.ceil(side * scale + 2 * margin)) for side in extent)
    return moved, max(8, width), max(8, height)
