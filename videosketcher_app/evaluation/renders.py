"""Renders with truth: the detector's input with, for every pixel, the parts that inked it.

Legend: H/W the detector's grid (120 x 216), P parts of one drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.geometry import PLACES
from videosketcher_app.data import renderer
from videosketcher_app.data.strokes import Sketch

GRID_WIDTH, GRID_HEIGHT = 216, 120
CANVAS_WIDTH, CANVAS_HEIGHT = 2 * GRID_WIDTH, 2 * GRID_HEIGHT
PART_COVERAGE = 0.3  # a part owns the pixels that it covers at least this much
INK_PIXEL = 0.25  # coverage from which a pixel of the grid counts as ink
STRANGE_BIT = 30  # ink that belongs to no part of the plan


@dataclass(frozen=True, kw_only=True, eq=False)
class Render:
    """A finished drawing as the detector sees it, with its truth.

    Attributes:
        ink_HW: coverage in [0, 1], float32.
        owners_HW: bit p is set where part p has ink, int32.
        times_HW: frame at which the pixel was inked first, renderer.NEVER where it was not.
        centers_P2: x, y of the middle of every part's ink in [0, 1]; NaN for a part without ink.
    """

    ink_HW: NDArray[np.float32]
    owners_HW: NDArray[np.int32]
    times_HW: NDArray[np.float32]
    centers_P2: NDArray[np.float32]

    @property
    def ink_pixels(self) -> NDArray[np.bool_]:
        """Pixels (H, W) that hold enough ink to be counted."""
        return self.ink_HW > INK_PIXEL


def render(sketch: Sketch, num_parts: int) -> Render:
    """Draws a sketch at 432x240 and averages 2x2; strokes of parts >= num_parts are strange ink."""
    sketch = sketch.scaled(CANVAS_WIDTH, CANVAS_HEIGHT)
    shape = (CANVAS_HEIGHT, CANVAS_WIDTH)
    paper, owners = np.ones(shape, np.float32), np.zeros(shape, np.int32)
    times = np.full(shape, renderer.NEVER, np.float32)
    for stroke in sketch.strokes:
        layer = renderer.stroke_layer(stroke, CANVAS_WIDTH, CANVAS_HEIGHT)
        if layer is None:
            continue
        h, w = layer.coverage_HW.shape
        box = np.s_[layer.top : layer.top + h, layer.left : layer.left + w]
        bit = stroke.part if stroke.part < num_parts else STRANGE_BIT
        sure = layer.coverage_HW > PART_COVERAGE
        paper[box] *= 1 - layer.coverage_HW
        owners[box] |= sure.astype(np.int32) << bit
        times[box] = np.minimum(times[box], np.where(sure, layer.times_HW, renderer.NEVER))
    a, b, c, d = _corners(owners)
    owners = a | b | c | d
    e, f, g, h = _corners(paper)
    return Render(
        ink_HW=1 - ((e + f) + (g + h)) / 4,
        owners_HW=owners,
        times_HW=np.minimum.reduce(_corners(times)),
        centers_P2=_centers(owners, num_parts),
    )


def _corners(full: NDArray) -> list[Any]:
    """The four pixels under every pixel of the grid; adding them up beats a reduction of blocks."""
    return [full[row::2, column::2] for row in (0, 1) for column in (0, 1)]


def _centers(owners_HW: NDArray[np.int32], num_parts: int) -> NDArray[np.float32]:
    rows, columns = np.nonzero(owners_HW)
    bits = owners_HW[rows, columns]
    centers = np.full((num_parts, 2), np.nan, np.float32)
    for part in range(num_parts):
        mine = (bits >> part) & 1 == 1
        if mine.any():
            x, y = (columns[mine].mean() + 0.5), (rows[mine].mean() + 0.5)
            centers[part] = x / GRID_WIDTH, y / GRID_HEIGHT
    return centers


def distance_to_place(center: NDArray | tuple[float, float], place: str) -> float:
    """How far a point in [0, 1]² lies outside a named third, as a share of the canvas; 0 inside."""
    cell = np.asarray(PLACES[place], np.float32)
    low, high = cell / 3, (cell + 1) / 3
    point = np.asarray(center, np.float32)
    return float(np.maximum(np.maximum(low - point, point - high), 0).max())


def without_part(sketch: Sketch, part: int) -> Sketch:
    """The sketch with the strokes of one part left out."""
    return replace(sketch, strokes=tuple(s for s in sketch.strokes if s.part != part))


def part_box(sketch: Sketch, part: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper corner of a part's points, in canvas pixels."""
    points = np.vstack([s.points_N2 for s in sketch.strokes if s.part == part])
    return points.min(0), points.max(0)


def with_part_moved(sketch: Sketch, part: int, offset_px: NDArray) -> Sketch:
    """The sketch with one part's strokes shifted; the part stays the same part."""
    strokes = tuple(
        replace(s, points_N2=(s.points_N2 + offset_px).astype(np.float32)) if s.part == part else s
        for s in sketch.strokes
    )
    return replace(sketch, strokes=strokes)


def with_part_as(sketch: Sketch, part: int, other: int) -> Sketch:
    """The sketch with one part's strokes belonging to another part number."""
    strokes = tuple(replace(s, part=other) if s.part == part else s for s in sketch.strokes)
    return replace(sketch, strokes=strokes)
