"""Stamps: a stroke as a row of footprints of the nib, split where it comes back over itself.

Legend: N stamps, C columns of the stamp table. Positions in canvas pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.strokes import Stroke

# Columns of the table. LONG and SHORT are half edges of the footprint, CORNER its corner radius;
# COS and SIN the direction of the long edge; TX and TY the direction of travel; ALONG the length
# of the path so far, REST what is left of it; HALF and CAP half of the footprint's extent across and along
# the direction of travel; SEAM is 1 just after a pass that goes on from another one.
COLUMNS = (
    "x", "y", "time", "long", "short", "corner", "cos", "sin",
    "tx", "ty", "along", "rest", "pressure", "half", "cap", "seam",
)  # fmt: skip
(
    X, Y, TIME, LONG, SHORT, CORNER, COS, SIN, TX, TY, ALONG, REST, PRESSURE, HALF, CAP, SEAM,
) = range(len(COLUMNS))  # fmt: skip
MIN_SPACING_PX = 0.6
SCALLOP = 0.6  # spacing is the root of this times the footprint's short half edge
MIN_HALF_PX = 0.35
# In widths of the line: a pass begins this long before the path meets its own ink, so that the seam
# with the last pass lies clear of it; and ink counts as met only this much further back.
_AHEAD = 1.6
_GAP = 2.4
_TURNED = ("flat", "fan")  # nibs that turn with the stroke


def stroke_stamps(stroke: Stroke, brush: Brush, scale: float) -> tuple[NDArray, NDArray]:
    """Stamps (N, C) of a stroke and the pass (N,) that each belongs to, 0 for the first.

    Args:
        scale: pixels of the canvas for one pixel of the reference canvas.
    """
    nominal = 0.5 * brush.width_px * scale
    points, times, pressure, along = _dense(stroke, nominal * min(1.0, brush.nib.thickness))
    half = _half_widths(brush, nominal, pressure, along)
    tangent = _tangents(points, along, nominal)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    if brush.nib.shape in _TURNED:
        edge = normal
    else:
        direction = (np.cos(brush.nib.angle), np.sin(brush.nib.angle))
        edge = np.broadcast_to(np.array(direction, np.float32), points.shape)
    short = np.maximum(half * brush.nib.thickness, MIN_HALF_PX)
    across = np.abs((edge * normal).sum(1))
    table = np.zeros((len(points), len(COLUMNS)), np.float32)
    table[:, [X, Y]], table[:, TIME] = points, times
    table[:, LONG], table[:, SHORT], table[:, CORNER] = half, short, brush.nib.corner * short
    table[:, [COS, SIN]], table[:, [TX, TY]] = edge, tangent
    table[:, ALONG], table[:, PRESSURE] = along, pressure
    table[:, REST] = along[-1] - along
    aslant = np.sqrt(1 - np.minimum(across, 1) ** 2)
    # How far a box with rounded corners reaches across and along the direction of travel.
    corner = table[:, CORNER]
    table[:, HALF] = (half - corner) * across + (short - corner) * aslant + corner
    table[:, CAP] = (half - corner) * aslant + (short - corner) * across + corner
    passes = _passes(points, along, table[:, HALF])
    table[:, SEAM] = _seams(passes, along, float(table[:, [LONG, SHORT]].max()))
    return table, passes


def _seams(passes: NDArray, along: NDArray, reach_px: float) -> NDArray:
    """1 for stamps that still lie on the ink of the pass that theirs goes on from."""
    begins = along[np.searchsorted(passes, passes)]
    return (passes > 0) & (along - begins < 1.2 * reach_px)


def _dense(stroke: Stroke, short_px: float) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Evenly spaced positions with times, pressure and length so far."""
    points = stroke.points_N2.astype(np.float32)
    if len(points) == 1:
        points = np.concatenate([points, points + np.float32(1e-3)])
        source_times = np.repeat(stroke.times_N, 2)
        source_pressure = np.repeat(stroke.pressure_N, 2)
    else:
        source_times, source_pressure = stroke.times_N, stroke.pressure_N
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    spacing = max(MIN_SPACING_PX, float(np.sqrt(SCALLOP * short_px)))
    at = np.linspace(0, arc[-1], max(2, int(arc[-1] / spacing) + 2))
    columns = (points[:, 0], points[:, 1], source_times, source_pressure)
    x, y, times, pressure = (np.interp(at, arc, c).astype(np.float32) for c in columns)
    return np.stack([x, y], axis=1), times, pressure, at.astype(np.float32)


def _half_widths(brush: Brush, nominal: float, pressure: NDArray, along: NDArray) -> NDArray:
    half = nominal * (1 - brush.nib.pressure * (1 - pressure))
    taper_px = brush.nib.taper_widths * 2 * nominal
    if taper_px > 0:
        # Never more than a third of the stroke at either end: a short stroke keeps its body.
        taper_px = min(taper_px, float(along[-1]) / 3 + 1e-3)
        nearest = np.minimum(along, along[-1] - along) / taper_px
        half = half * (0.18 + 0.82 * np.sin(0.5 * np.pi * np.clip(nearest, 0, 1)))
    return np.maximum(half, MIN_HALF_PX).astype(np.float32)


def _tangents(points: NDArray, along: NDArray, nominal: float) -> NDArray:
    """Unit directions of travel, smoothed over the nib: a brush does not turn on the spot."""
    direction = np.gradient(points, axis=0)
    spacing = float(along[-1]) / (len(along) - 1)
    if spacing > 0.05:
        direction = ndimage.gaussian_filter1d(direction, 0.6 * nominal / spacing, 0, mode="nearest")
    length = np.hypot(direction[:, 0], direction[:, 1])[:, None]
    unit = np.where(length > 1e-6, direction / np.maximum(length, 1e-6), [1.0, 0.0])
    return unit.astype(np.float32)


def _passes(points: NDArray, along: NDArray, half: NDArray) -> NDArray:
    """Pass of every stamp: a new one begins where the path touches ink of the current one.

    The ink just behind the nib does not count: only what lies further back along the path than a
    half turn of the nib can reach.
    """
    reach = 2 * float(half.max())
    step = max(1, int(0.35 * reach / max(float(along[-1]) / len(along), 1e-3)))
    chosen = np.arange(0, len(points), step)
    passes = np.zeros(len(points), np.int64)
    if along[-1] < _GAP * reach:
        return passes
    xy, s = points[chosen].astype(np.float64), along[chosen]
    near = ((xy[:, None] - xy[None]) ** 2).sum(-1) < (_AHEAD * reach) ** 2
    near &= s[:, None] - s[None] > _GAP * reach
    start, current = 0, 0
    for k, index in enumerate(chosen):
        if near[k, start:k].any():
            start, current = k, current + 1
        passes[index:] = current
    return passes
