"""From pixel paths to pen strokes: smooth lines with corners, even timing, width and color.

Legend: N points of a path, H/W pixels. Positions are (x, y) pixels, times are frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import isotonic_regression

from videosketcher_app.data.ink import InkMap
from videosketcher_app.data.joining import Trace
from videosketcher_app.data.strokes import FloatArray, Pen, Stroke

SMOOTHING_PX = 1.8
CORNER_ARM_PX = 6  # a corner is seen over this many pixels on either side
CORNER_COSINE = 0.6  # directions that differ by more than about 53 degrees make a corner
WIDTH_SMOOTHING_PX = 8.0
MIN_WIDTH_PX = 0.8
DOT_POINTS = 3  # a path of at most this many pixels is a dot
PRESSURE_RANGE = (0.4, 1.8)


def fit_strokes(
    traces: Sequence[Trace], ink: InkMap, mask_HW: NDArray[np.bool_], *, quantum: float, pace: float
) -> list[Stroke]:
    """A stroke for every trace, in the same order; parts are left at 0.

    Args:
        quantum: step of time of ink in frames.
        pace: frames that the pen takes for a pixel where time of ink does not tell.
    """
    areas = _areas(traces, ink, mask_HW)
    return [
        _stroke(trace, area_N, ink, quantum, pace)
        for trace, area_N in zip(traces, areas, strict=True)
    ]


def smooth_path(points_N2: FloatArray, *, closed: bool = False) -> FloatArray:
    """The path without the staircase of pixels; ends and corners stay sharp, N is kept."""
    if len(points_N2) < 5:
        return points_N2.astype(np.float32)
    corners = _corners(points_N2)
    if closed and not corners:
        return ndimage.gaussian_filter1d(points_N2, SMOOTHING_PX, axis=0, mode="wrap").astype(
            np.float32
        )
    smooth = points_N2.astype(np.float32).copy()
    for a, b in pairwise([0, *corners, len(points_N2) - 1]):
        smooth[a : b + 1] = _smooth_section(smooth[a : b + 1])
    return smooth


def even_times(times_N: FloatArray, arc_N: FloatArray, quantum: float, pace: float) -> FloatArray:
    """Strictly plausible times: rising along the path, without the staircase of whole frames.

    Args:
        times_N: measured times with NaN where unknown, in drawing direction.
        arc_N: arc length of every point in pixels.
    """
    known = np.isfinite(times_N)
    rising = isotonic_regression(times_N[known]).x
    edges = np.flatnonzero(np.diff(rising) > 0.2) + 1
    runs = zip(np.split(arc_N[known], edges), np.split(rising, edges), strict=True)
    knots = np.array([((a[0] + a[-1]) / 2, r.mean(), a[-1] - a[0]) for a, r in runs])
    if len(knots) == 1:
        span = min(quantum, pace * arc_N[-1])
        return (knots[0, 1] + span * (arc_N / max(arc_N[-1], 1e-6) - 0.5)).astype(np.float32)
    # The first and the last step are shown in part only: go on at the pace next to them.
    at, level = knots[:, 0], knots[:, 1]
    times = np.interp(arc_N, at, level)
    for outside, i, j in ((arc_N < at[0], 0, 1), (arc_N > at[-1], -1, -2)):
        slope = (level[j] - level[i]) / max(abs(at[j] - at[i]), 1e-6)
        drift = np.clip((arc_N - at[i]) * abs(slope), -0.5 * quantum, 0.5 * quantum)
        times = np.where(outside, level[i] + drift, times)
    return np.maximum.accumulate(times).astype(np.float32)


def _corners(points_N2: FloatArray) -> list[int]:
    """Indices of inner points at which the direction changes abruptly."""
    arm = CORNER_ARM_PX
    if len(points_N2) < 2 * arm + 1:
        return []
    middle = points_N2[arm:-arm]
    before, after = middle - points_N2[: -2 * arm], points_N2[2 * arm :] - middle
    norms = np.hypot(*before.T) * np.hypot(*after.T)
    cosine = (before * after).sum(axis=1) / np.maximum(norms, 1e-6)
    corners: list[int] = []
    while cosine.min() < CORNER_COSINE:
        at = int(cosine.argmin())
        corners.append(at + arm)
        cosine[max(0, at - arm) : at + arm + 1] = 1
    return sorted(corners)


def _smooth_section(points_N2: FloatArray) -> FloatArray:
    """Smoothed between its fixed ends, which are mirrored as points so that they do not move."""
    pad = min(len(points_N2) - 1, int(4 * SMOOTHING_PX))
    if pad < 1:
        return points_N2
    head = 2 * points_N2[0] - points_N2[pad:0:-1]
    tail = 2 * points_N2[-1] - points_N2[-2 : -pad - 2 : -1]
    padded = np.vstack([head, points_N2, tail])
    calm = np.asarray(ndimage.gaussian_filter1d(padded, SMOOTHING_PX, axis=0), np.float32)
    return calm[pad : pad + len(points_N2)]


def _areas(traces: Sequence[Trace], ink: InkMap, mask_HW: NDArray[np.bool_]) -> list[FloatArray]:
    """Ink in full pixels that lies nearest to every point of every trace."""
    owner_HW = np.full(mask_HW.shape, -1, np.int64)
    counts = [len(trace.points_N2) for trace in traces]
    points = np.vstack([trace.points_N2 for trace in traces]).astype(int)
    owner_HW[points[:, 1], points[:, 0]] = np.arange(len(points))
    rows, columns = np.asarray(
        ndimage.distance_transform_edt(owner_HW < 0, return_distances=False, return_indices=True)
    )
    nearest_HW = owner_HW[rows, columns]
    full_HW = np.maximum(ndimage.maximum_filter(ink.darkness_HW, size=5), 0.05)
    share_HW = np.minimum(ink.darkness_HW / full_HW, 1)
    near_HW = np.asarray(ndimage.binary_dilation(mask_HW), bool)
    area = np.bincount(nearest_HW[near_HW], weights=share_HW[near_HW], minlength=len(points))
    return np.split(area.astype(np.float32), np.cumsum(counts)[:-1])


def _stroke(trace: Trace, area_N: FloatArray, ink: InkMap, quantum: float, pace: float) -> Stroke:
    points = smooth_path(trace.points_N2, closed=trace.closed)
    steps = np.hypot(*np.diff(points, axis=0).T)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    times = even_times(trace.times_N, arc, quantum, pace)
    widths = _widths(area_N, trace.points_N2)
    width = float(np.median(widths))
    pressure = np.clip(widths / width, *PRESSURE_RANGE).astype(np.float32)
    return Stroke(
        points_N2=points,
        times_N=np.maximum(times, 0),
        pressure_N=pressure,
        pen=Pen(width_px=round(width, 2), color=_color(trace, ink)),
    )


def _widths(area_N: FloatArray, points_N2: FloatArray) -> FloatArray:
    """Width of the line at every point: ink around it by length of the path there."""
    count, dot_px = len(area_N), max(MIN_WIDTH_PX, 2 * float(np.sqrt(area_N.sum() / np.pi)))
    if count <= DOT_POINTS:
        return np.full(count, dot_px, np.float32)
    steps = np.hypot(*np.gradient(points_N2, axis=0).T)
    # The round ends and points whose ink went to another trace say nothing about width.
    inner = np.zeros(count)
    inner[1:-1] = area_N[1:-1] > 0
    area = ndimage.gaussian_filter1d(area_N * inner, WIDTH_SMOOTHING_PX, mode="nearest")
    length = ndimage.gaussian_filter1d(steps * inner, WIDTH_SMOOTHING_PX, mode="nearest")
    # A path that turns back has no length there; no line is wider than a dot of all its ink.
    widths = np.clip(area / np.maximum(length, 1e-6), MIN_WIDTH_PX, dot_px)
    return widths.astype(np.float32)


def _color(trace: Trace, ink: InkMap) -> tuple[float, float, float]:
    """Median color of the darker half of the centerline."""
    columns, rows = trace.points_N2.astype(int).T
    darkness = ink.darkness_HW[rows, columns]
    colors = ink.color_HW3[rows, columns][darkness >= np.median(darkness)]
    red, green, blue = (round(float(c), 3) for c in np.median(colors, axis=0))
    return red, green, blue
