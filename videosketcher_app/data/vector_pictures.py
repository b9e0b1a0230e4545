"""Layered pictures in flat color, made from the grammar's drawings: a vector style to learn.

Every part of a drawing becomes a layer: closed lines are filled, open ones are broad, and all of a
part has one color of a small palette, which depends on the part's name, so that heads are always of
one color. A darker outline of the same color goes round it.

Legend: L layers, H/W pixels.
"""

from __future__ import annotations

import zlib

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.layered import LayeredDrawing
from videosketcher_app.data.shape_words import is_closed

PALETTE = (
    (232, 106, 51), (247, 178, 58), (86, 156, 108), (64, 124, 178), (150, 96, 168),
    (214, 84, 104), (92, 178, 190), (160, 120, 84),
)  # fmt: skip
OUTLINE_PX, OPEN_PX = 2, 6
OUTLINE_SHADE = 0.62
_SHIFT = 4  # binary digits of a pixel's fraction that OpenCV is given


def vector_picture(name: str, composition: Composition, *, caption: str = "") -> LayeredDrawing:
    """The drawing in flat color.

    Args:
        caption: empty takes the plan.
    """
    sketch = composition.sketch
    parts = dict.fromkeys(stroke.part for stroke in sketch.strokes)
    layers = []
    for place, part in enumerate(parts):
        lines = [stroke.points_N2 for stroke in sketch.strokes if stroke.part == part]
        label = composition.labels[place] if place < len(composition.labels) else str(part)
        layers.append(_layer(lines, _color(label), sketch.width_px, sketch.height_px))
    return LayeredDrawing(
        id=name, caption=caption or str(composition.plan), rgba_LHW4=np.stack(layers)
    )


def _color(label: str) -> tuple[int, int, int]:
    return PALETTE[zlib.crc32(label.split("@")[0].encode()) % len(PALETTE)]


def _layer(
    lines: list[NDArray[np.float32]], color: tuple[int, int, int], width: int, height: int
) -> NDArray[np.uint8]:
    """One part (H, W, 4)."""
    inside, outline = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    for line in lines:
        points = np.round(line * 2**_SHIFT).astype(np.int32)
        closed = is_closed(line)
        if closed:
            cv2.fillPoly(inside, [points], 255, cv2.LINE_AA, _SHIFT)
        wide = OUTLINE_PX if closed else OPEN_PX
        cv2.polylines(outline, [points], closed, 255, wide, cv2.LINE_AA, _SHIFT)
    shade = outline[..., None].astype(np.float32) / 255
    light = np.array(color, np.float32)
    rgb = light * (1 - shade) + light * OUTLINE_SHADE * shade
    alpha = np.maximum(inside, outline)[..., None]
    return np.concatenate([rgb.round().astype(np.uint8), alpha], axis=-1)
