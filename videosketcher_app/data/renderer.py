"""The renderer: strokes to coverage, time of ink and frames, deterministic at any size.

Legend: T frames, H/W canvas pixels. Every stroke becomes a coverage map (how much of a pixel its
ink covers) and a time map (the frame at which that pixel was inked); a frame composites, stroke
after stroke, the coverage that its time has reached. This file is the plain numpy core; the batch
version on a GPU (`data.raster`) is tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import FloatArray, Pen, Sketch, Stroke, resample

NEVER = np.float32(1e6)  # time of a pixel that is never inked
EDGE_COVERAGE = 0.15  # below this coverage a pixel keeps the time of a better covered neighbour
STAMP_SPACING_PX = 0.8
CHUNK_PIXELS = 2_000_000  # pairs of a stamp and a pixel looked at together: bounds the memory


@dataclass(frozen=True, kw_only=True, eq=False)
class InkLayer:
    """One stroke as pixels inside a box.

    Attributes:
        coverage_HW: in [0, 1].
        times_HW: frame at which the pixel is inked, NEVER where it is not.
        left, top: position of the box on the canvas, in pixels.
        color: RGB in [0, 1].
    """

    coverage_HW: FloatArray
    times_HW: FloatArray
    left: int
    top: int
    color: tuple[float, float, float]


def ink_layers(sketch: Sketch) -> list[InkLayer]:
    """Every stroke of the sketch as pixels, in drawing order; strokes off the canvas are left out."""
    layers = [stroke_layer(s, sketch.width_px, sketch.height_px) for s in sketch.strokes]
    return [layer for layer in layers if layer is not None]


def stroke_layer(stroke: Stroke, width_px: int, height_px: int) -> InkLayer | None:
    """The ink of one stroke; None if it lies outside the canvas."""
    points, times, radii = _stamps(stroke)
    reach = float(radii.max()) + 1.5
    left = max(0, int(np.floor(points[:, 0].min() - reach)))
    top = max(0, int(np.floor(points[:, 1].min() - reach)))
    right = min(width_px, int(np.ceil(points[:, 0].max() + reach)) + 1)
    bottom = min(height_px, int(np.ceil(points[:, 1].max() + reach)) + 1)
    if right <= left or bottom <= top:
        return None
    coverage, inked = _stamp(
        points - np.array([left, top], np.float32), times, radii, right - left, bottom - top
    )
    return InkLayer(
        coverage_HW=coverage * np.float32(stroke.pen.opacity),
        times_HW=inked,
        left=left,
        top=top,
        color=stroke.pen.color,
    )


def frames(sketch: Sketch, width_px: int | None = None, height_px: int | None = None) -> NDArray:
    """All frames (T, H, W, 3) uint8 of the sketch's clip, at another size if given."""
    sketch = sketch.scaled(width_px or sketch.width_px, height_px or sketch.height_px)
    layers = ink_layers(sketch)
    # Only pixels that some stroke covers ever change: composite those and leave the paper alone.
    covered_HW = np.zeros((sketch.height_px, sketch.width_px), bool)
    for layer in layers:
        _box(covered_HW, layer)[...] |= layer.coverage_HW > 0
    pixels_K = np.flatnonzero(covered_HW)
    column_HW = np.zeros(covered_HW.shape, np.int64)
    column_HW.reshape(-1)[pixels_K] = np.arange(len(pixels_K))
    ink_TK3 = np.ones((sketch.num_frames, len(pixels_K), 3), np.float32)
    for layer in layers:
        _composite(ink_TK3, layer, _box(column_HW, layer))
    shape = (sketch.num_frames, sketch.height_px, sketch.width_px, 3)
    clip_THW3 = np.full(shape, 255, np.uint8)
    ink_TK3 *= 255
    clip_THW3.reshape(len(clip_THW3), -1, 3)[:, pixels_K] = np.round(ink_TK3, out=ink_TK3)
    return clip_THW3


def _box(canvas_HW: NDArray, layer: InkLayer) -> NDArray:
    """The view of the canvas that a layer lies on."""
    height, width = layer.coverage_HW.shape
    return canvas_HW[layer.top : layer.top + height, layer.left : layer.left + width]


def _composite(ink_TK3: FloatArray, layer: InkLayer, column_HW: NDArray) -> None:
    """Lays one stroke over the covered pixels, each from the frame at which it is inked."""
    seen = (layer.coverage_HW > 0) & (layer.times_HW < len(ink_TK3))
    if not seen.any():
        return
    times, columns = layer.times_HW[seen], column_HW[seen]
    first = int(np.clip(np.ceil(times.min()), 0, len(ink_TK3)))
    index_T = np.arange(first, len(ink_TK3), dtype=np.float32)[:, None]
    shown = layer.coverage_HW[seen] * (times <= index_T)
    under = ink_TK3[first:, columns]
    under += shown[..., None] * (np.asarray(layer.color, np.float32) - under)
    ink_TK3[first:, columns] = under


def picture(sketch: Sketch, width_px: int | None = None, height_px: int | None = None) -> NDArray:
    """The finished drawing (H, W, 3) uint8."""
    sketch = sketch.scaled(width_px or sketch.width_px, height_px or sketch.height_px)
    paper_HW3 = np.ones((sketch.height_px, sketch.width_px, 3), np.float32)
    for layer in ink_layers(sketch):
        h, w = layer.coverage_HW.shape
        box = paper_HW3[layer.top : layer.top + h, layer.left : layer.left + w]
        box += layer.coverage_HW[..., None] * (np.asarray(layer.color, np.float32) - box)
    return np.round(paper_HW3 * 255).astype(np.uint8)


def nib_radii(points_N2: FloatArray, pressure_N: FloatArray, pen: Pen) -> FloatArray:
    """Half width of the line at every point, in pixels.

    The chisel's width is its edge projected across the direction of travel, never below a quarter.
    """
    radii = 0.5 * pen.width_px * pressure_N
    if pen.nib == "chisel" and len(points_N2) > 1:
        direction = np.gradient(points_N2, axis=0)
        angle = np.arctan2(direction[:, 1], direction[:, 0])
        radii = radii * np.maximum(0.25, np.abs(np.sin(angle - pen.nib_angle)))
    return radii.astype(np.float32)


def _stamps(stroke: Stroke) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Evenly spaced stamp positions with their times and radii."""
    points, times = stroke.points_N2, stroke.times_N
    radii = nib_radii(points, stroke.pressure_N, stroke.pen)
    if len(points) == 1:
        return points, times, radii
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    dense = resample(points, STAMP_SPACING_PX)
    at = np.linspace(0, arc[-1], len(dense))
    return (
        dense,
        np.interp(at, arc, times).astype(np.float32),
        np.interp(at, arc, radii).astype(np.float32),
    )


def _stamp(
    points_N2: FloatArray, times_N: FloatArray, radii_N: FloatArray, width: int, height: int
) -> tuple[FloatArray, FloatArray]:
    """Largest coverage and earliest time over round stamps, as maps (H, W)."""
    reach = int(np.ceil(radii_N.max() + 0.5))
    offset = np.arange(-reach, reach + 1)
    dy, dx = (grid.reshape(-1) for grid in np.meshgrid(offset, offset, indexing="ij"))
    coverage = np.zeros(height * width, np.float32)
    inked = np.full(height * width, NEVER, np.float32)
    chunk = max(1, CHUNK_PIXELS // len(dx))
    for start in range(0, len(points_N2), chunk):
        some = slice(start, start + chunk)
        points, radii = points_N2[some], radii_N[some, None]
        columns = np.round(points[:, 0]).astype(np.int64)[:, None] + dx
        rows = np.round(points[:, 1]).astype(np.int64)[:, None] + dy
        distance = np.hypot(columns - points[:, :1], rows - points[:, 1:])
        alpha = np.clip(radii + 0.5 - distance, 0, 1).astype(np.float32)
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & (alpha > 0)
        pixel = (rows * width + columns)[inside]
        alpha = alpha[inside]
        stamp_times = np.broadcast_to(times_N[some, None], distance.shape)[inside]
        np.maximum.at(coverage, pixel, alpha)
        sure = alpha > EDGE_COVERAGE
        np.minimum.at(inked, pixel[sure], stamp_times[sure])
    return coverage.reshape(height, width), inked.reshape(height, width)
