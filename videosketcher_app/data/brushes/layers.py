"""Layers: strokes painted by a brush, as the pixels that each pass of a stroke inks.

Every pixel of a pass takes its ink from the stamp that it lies deepest in, and its time from the
first stamp that reached it.

Legend: N stamps, C columns of the stamp table, E entries, one for every pixel of a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data import renderer
from videosketcher_app.data.brushes import stamps as st
from videosketcher_app.data.brushes.model import (
    PEN,
    REFERENCE_HEIGHT_PX,
    Brush,
    Flow,
    Look,
    Nib,
    look_of,
)
from videosketcher_app.data.brushes.model import stroke_color as jittered
from videosketcher_app.data.brushes.noise import tiles
from videosketcher_app.data.brushes.shading import laid_over, shade, spot_of
from videosketcher_app.data.strokes import Pen, Sketch, Stroke

REACHED_PX = 0.35  # a stamp sets the time of pixels up to this far outside its border
VISIBLE_ALPHA = 1 / 512  # less coverage than this cannot be seen
_DEPTH_STEPS = 1024.0  # depths are compared in steps of 1/1024 px
_DEPTH_RANGE_PX = 1024.0
_STAMP_BITS = 24
_CHUNK = 1_000_000  # pairs of a stamp and a pixel looked at together: bounds the memory


@dataclass(frozen=True, kw_only=True, eq=False)
class PaintLayer:
    """One stroke as entries, one for every pixel, pass after pass.

    Attributes:
        pixel_E: flat index on the canvas.
        alpha_E: coverage in (0, 1].
        time_E: frame at which the pixel is inked.
        color_E3: RGB in [0, 1].
        see_through: 1 if the ink darkens what it covers, 0 if it hides it.
    """

    pixel_E: NDArray[np.int64]
    alpha_E: NDArray
    time_E: NDArray
    color_E3: NDArray
    see_through: float


def paint_layers(
    sketch: Sketch, brushes: Brush | Sequence[Brush], seed: int = 0
) -> Iterator[PaintLayer]:
    """The strokes of a sketch in drawing order, each painted with its brush.

    Args:
        brushes: one for all strokes, or one a stroke.
        seed: of paper and colors; the same seed gives the same pixels.
    """
    count = len(sketch.strokes)
    chosen = [brushes] * count if isinstance(brushes, Brush) else list(brushes)
    assert len(chosen) == count, (len(chosen), count)
    for index, (stroke, brush) in enumerate(zip(sketch.strokes, chosen, strict=True)):
        layer = stroke_layer(
            stroke, brush, sketch.width_px, sketch.height_px, seed=seed, stroke_index=index
        )
        if layer is not None:
            yield layer


def stroke_layer(
    stroke: Stroke,
    brush: Brush,
    width_px: int,
    height_px: int,
    *,
    seed: int = 0,
    stroke_index: int = 0,
) -> PaintLayer | None:
    """One stroke painted; None if it leaves no ink on the canvas."""
    scale = height_px / REFERENCE_HEIGHT_PX
    if brush.kind == PEN:
        return _pen_layer(stroke, brush, scale, width_px, height_px)
    table, passes = st.stroke_stamps(stroke, brush, scale)
    rng = np.random.default_rng([seed, stroke_index])
    offsets = stroke_offsets(seed, stroke_index)
    color = np.array(jittered(brush, rng), np.float32)
    look = look_of(brush, scale)
    parts = []
    for number in range(int(passes[-1]) + 1):
        part = _pass_entries(table[passes == number], look, width_px, height_px, offsets)
        if part is not None:
            parts.append(part)
    if not parts:
        return None
    pixel, alpha, time, shift, seam = (np.concatenate(c) for c in zip(*parts, strict=True))
    lengths = [len(part[0]) for part in parts]
    alpha = built_up(pixel, alpha, np.where(seam, 0, brush.flow.build_up), lengths)
    seen = alpha > VISIBLE_ALPHA
    return PaintLayer(
        pixel_E=pixel[seen],
        alpha_E=alpha[seen],
        time_E=time[seen],
        color_E3=shifted(color, shift[seen]),
        see_through=brush.flow.see_through,
    )


def pen_of(brush: Brush, scale: float = 1.0) -> Pen:
    """The renderer's pen for a brush of kind "pen"."""
    return Pen(
        color=brush.color,
        width_px=brush.width_px * scale,
        opacity=brush.flow.opacity,
        nib="chisel" if brush.nib.shape == "chisel" else "round",
        nib_angle=brush.nib.angle,
    )


def brush_of(pen: Pen, scale: float = 1.0) -> Brush:
    """The brush that paints exactly what the renderer draws with a pen, on a canvas of `scale`."""
    return Brush(
        color=pen.color,
        width_px=pen.width_px / scale,
        nib=Nib(shape=pen.nib, angle=pen.nib_angle),
        flow=Flow(opacity=pen.opacity),
    )


def stroke_offsets(seed: int, stroke_index: int) -> tuple[float, float]:
    """Where the paper's tile and the stroke's own tiles begin, in features."""
    paper = np.random.default_rng([seed, 1 << 20]).uniform(0, 64)
    own = np.random.default_rng([seed, 2 << 20, stroke_index]).uniform(0, 64)
    return float(paper), float(own)


def shifted(color_3: NDArray, shift_E: NDArray) -> NDArray:
    """A color made darker (shift below 0) or lighter, for every entry: (E, 3)."""
    shift = shift_E[:, None]
    room = np.where(shift < 0, color_3, 1 - color_3)
    return (color_3 + shift * room).astype(np.float32)


def built_up(
    pixel_E: NDArray, alpha_E: NDArray, build_up_E: NDArray, lengths: Sequence[int]
) -> NDArray:
    """Coverage of later passes so that a crossing stroke is as dense as `build_up_E` says.

    With 0 the densest pass shows, with 1 the passes lie over each other. Passes are runs of
    `lengths` entries; those of one pass hold every pixel once.
    """
    if len(lengths) == 1:
        return alpha_E
    names, slot_E = np.unique(pixel_E, return_inverse=True)
    before = np.zeros(len(names), np.float32)
    result, start = alpha_E.copy(), 0
    for length in lengths:
        part = slice(start, start + length)
        slot = slot_E[part]
        had = before[slot]
        laid = laid_over(np, alpha_E[part], had, build_up_E[part])
        result[part] = laid
        before[slot] = had + laid * (1 - had)
        start += length
    return result


def _pen_layer(
    stroke: Stroke, brush: Brush, scale: float, width_px: int, height_px: int
) -> PaintLayer | None:
    """The simplest brush: the renderer's own ink."""
    pen = pen_of(brush, scale)
    layer = renderer.stroke_layer(replace(stroke, pen=pen), width_px, height_px)
    if layer is None:
        return None
    rows, columns = np.nonzero((layer.coverage_HW > 0) & (layer.times_HW < renderer.NEVER))
    return PaintLayer(
        pixel_E=(rows + layer.top) * width_px + columns + layer.left,
        alpha_E=layer.coverage_HW[rows, columns],
        time_E=layer.times_HW[rows, columns],
        color_E3=np.broadcast_to(np.asarray(pen.color, np.float32), (len(rows), 3)),
        see_through=0.0,
    )


def _pass_entries(
    table_NC: NDArray, look: Look, width_px: int, height_px: int, offsets: tuple[float, float]
) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray] | None:
    """Pixels, coverage, time, lightness and seam of one pass; None if it lies off the canvas."""
    found = _winners(table_NC, width_px, height_px)
    if found is None:
        return None
    pixel, winner, depth, time = found
    stamp = table_NC[winner]
    x, y = (pixel % width_px).astype(np.float32), (pixel // width_px).astype(np.float32)
    alpha, shift = shade(np, spot_of(np, stamp, x, y, depth, *offsets), look, tiles())
    return (
        pixel,
        alpha.astype(np.float32),
        time,
        shift.astype(np.float32),
        stamp[:, st.SEAM] > 0,
    )


def _winners(
    table_NC: NDArray, width_px: int, height_px: int
) -> tuple[NDArray, NDArray, NDArray, NDArray] | None:
    """For every pixel that a pass inks: its index, deepest stamp, depth and time of ink."""
    reach = int(np.ceil(float(np.hypot(table_NC[:, st.LONG], table_NC[:, st.SHORT]).max()) + 1))
    left, top, width, height = _box(table_NC, reach, width_px, height_px)
    if width <= 0 or height <= 0:
        return None
    best = np.full(width * height, np.iinfo(np.int64).max)
    inked = np.full(width * height, renderer.NEVER, np.float32)
    offset = np.arange(-reach, reach + 1)
    grid = np.meshgrid(offset, offset, indexing="ij")
    dy, dx = (axis.reshape(-1) for axis in grid)
    step = max(1, _CHUNK // len(dx))
    for start in range(0, len(table_NC), step):
        rows = table_NC[start : start + step]
        column = np.round(rows[:, st.X]).astype(np.int64)[:, None] + (dx - left)
        row = np.round(rows[:, st.Y]).astype(np.int64)[:, None] + (dy - top)
        outside = footprint_distance(np, rows[..., None], column + left, row + top)
        near = (outside < 0.5) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        which = np.nonzero(near)
        pixel, away = (row[which] * width + column[which]), outside[which]
        rank = ((away + _DEPTH_RANGE_PX) * _DEPTH_STEPS).astype(np.int64) << _STAMP_BITS
        np.minimum.at(best, pixel, rank + start + which[0])
        sure = away < REACHED_PX
        np.minimum.at(inked, pixel[sure], rows[which[0][sure], st.TIME])
    box_pixel = np.flatnonzero(best < np.iinfo(np.int64).max)
    if not len(box_pixel):
        return None
    rank = best[box_pixel]
    winner = rank & ((1 << _STAMP_BITS) - 1)
    depth = (_DEPTH_RANGE_PX - (rank >> _STAMP_BITS) / _DEPTH_STEPS).astype(np.float32)
    time = np.minimum(inked[box_pixel], table_NC[winner, st.TIME])
    pixel = (box_pixel // width + top) * width_px + box_pixel % width + left
    return pixel, winner, depth, time


def footprint_distance(xp: Any, stamp_nC: Any, x: Any, y: Any) -> Any:
    """Distance in pixels of positions to the border of their stamp's footprint; negative inside.

    The footprint is a box with rounded corners; a disc if its edges and corners are equal.

    Args:
        stamp_nC: a stamp for each position, or (N, C, 1) for positions (N, K).
    """
    dx, dy = x - stamp_nC[:, st.X], y - stamp_nC[:, st.Y]
    cos, sin, corner = (stamp_nC[:, column] for column in (st.COS, st.SIN, st.CORNER))
    over_long = abs(dx * cos + dy * sin) - (stamp_nC[:, st.LONG] - corner)
    over_short = abs(dy * cos - dx * sin) - (stamp_nC[:, st.SHORT] - corner)
    outer = xp.clip(over_long, 0, 1e6) ** 2 + xp.clip(over_short, 0, 1e6) ** 2
    inner = xp.clip(xp.maximum(over_long, over_short), -1e6, 0)
    return outer**0.5 + inner - corner


def _box(table_NC: NDArray, reach: int, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of what the stamps can touch on the canvas."""
    low = np.floor(table_NC[:, [st.X, st.Y]].min(0)).astype(int) - reach
    high = np.ceil(table_NC[:, [st.X, st.Y]].max(0)).astype(int) + reach + 1
    left, top = max(0, int(low[0])), max(0, int(low[1]))
    return left, top, min(width_px, int(high[0])) - left, min(height_px, int(high[1])) - top
