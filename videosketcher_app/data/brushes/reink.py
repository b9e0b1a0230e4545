"""Re-ink: a finished drawing's strokes painted again with another brush.

The strokes keep their places, their times and their hand; only the brush is new.

Legend: T frames, H/W canvas pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.brushes.painting import Ink, frames_of, ink_of
from videosketcher_app.data.strokes import Sketch, Stroke

_STEADY = 0.05  # pressures that differ by less come from the tracing, not from a hand
_END_SHARE = 0.12
_END_PRESSURE = 0.72


def reinked(
    sketch: Sketch,
    brush: Brush,
    *,
    width_px: int | None = None,
    height_px: int | None = None,
    seed: int = 0,
    lively: bool = True,
) -> Ink:
    """The sketch's strokes painted with a brush; see `painting.frames_of` and `picture_of`.

    Args:
        lively: strokes without pressure get that of a hand that sets down and lifts its brush.
    """
    if lively:
        sketch = replace(sketch, strokes=tuple(with_hand_pressure(s) for s in sketch.strokes))
    return ink_of(sketch, brush, width_px=width_px, height_px=height_px, seed=seed)


def reinked_frames(
    sketch: Sketch,
    brush: Brush,
    *,
    width_px: int | None = None,
    height_px: int | None = None,
    seed: int = 0,
) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) of the clip in order, painted with another brush."""
    yield from frames_of(reinked(sketch, brush, width_px=width_px, height_px=height_px, seed=seed))


def with_hand_pressure(stroke: Stroke) -> Stroke:
    """The stroke with lighter ends if its pressure is constant; otherwise the stroke itself."""
    if np.ptp(stroke.pressure_N) > _STEADY or len(stroke.points_N2) < 3:
        return stroke
    steps = np.hypot(*np.diff(stroke.points_N2, axis=0).T)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    share = arc / max(float(arc[-1]), 1e-6)
    nearest = np.minimum(share, 1 - share) / _END_SHARE
    swell: NDArray = _END_PRESSURE + (1 - _END_PRESSURE) * np.clip(nearest, 0, 1)
    return replace(stroke, pressure_N=(stroke.pressure_N * swell).astype(np.float32))


def pen_tips(sketch: Sketch) -> NDArray:
    """Where the tip is in every frame, (T, 2) in canvas pixels; NaN while it is lifted."""
    tips = np.full((sketch.num_frames, 2), np.nan, np.float32)
    index_T = np.arange(sketch.num_frames)
    for stroke in sketch.strokes:
        down = (index_T >= np.floor(stroke.start)) & (index_T <= np.ceil(stroke.end))
        for axis in (0, 1):
            tips[down, axis] = np.interp(index_T[down], stroke.times_N, stroke.points_N2[:, axis])
    return tips
