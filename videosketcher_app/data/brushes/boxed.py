"""Clips painted with a brush of the shelf, its box under the ink from the first frame on.

What models that draw with a brush learn from: synthetic sets (`data shapes --style`) and the
drawings of a sketchbook (`train lora --brush`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.brushes import painting
from videosketcher_app.data.brushes.condition import box_size, frame_of_brush
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.strokes import Sketch

_STYLE = re.compile(r"([\w-]+)(?::#([0-9a-fA-F]{6}))?")


@dataclass(frozen=True, kw_only=True)
class NamedBrush:
    """A brush and the words that its clips are filed under.

    Attributes:
        kind: "marker".
        color: "blue", or six hexadecimal digits.
    """

    kind: str
    color: str
    brush: Brush


def brush_called(style: str) -> NamedBrush:
    """A brush of the shelf, "marker_blue", or one in another color, "marker_blue:#1d3fa6".

    Raises:
        InvalidRequest: there is none.
    """
    shelf, _ = load_brushes()
    match = _STYLE.fullmatch(style)
    entry = shelf.get(match[1]) if match else None
    if match is None or entry is None:
        raise InvalidRequest(
            f"There is no brush {style[:60]!r}.",
            hint=f"Use {', '.join(list(shelf)[:4])} ..., also as {next(iter(shelf))}:#1d3fa6.",
        )
    kind, _, color = entry.name.rpartition("_")
    brush = entry.brush
    if match[2]:
        color = match[2].lower()
        red, green, blue = (channel / 255 for channel in bytes.fromhex(color))
        brush = replace(brush, color=(red, green, blue))
    return NamedBrush(kind=kind or entry.name, color=color, brush=brush)


def boxed_frames(sketch: Sketch, brush: Brush, *, seed: int = 0) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) of the painted sketch in order; ink that crosses the box darkens it."""
    size = (sketch.width_px, sketch.height_px)
    width, height = box_size(size)
    box_HW3 = _box(brush, size)
    for frame_HW3 in painting.stream_frames(sketch, brush, seed=seed):
        corner = frame_HW3[:height, :width]
        corner[...] = (corner * box_HW3 // 255).astype(np.uint8)
        yield frame_HW3


@lru_cache(maxsize=64)
def _box(brush: Brush, size_px: tuple[int, int]) -> NDArray[np.uint16]:
    width, height = box_size(size_px)
    return frame_of_brush(brush, size_px).pixels_HW3[:height, :width].astype(np.uint16)
