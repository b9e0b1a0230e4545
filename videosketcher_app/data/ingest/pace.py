"""An even pace for drawings whose files do not say when their strokes were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data.strokes import Stroke

DIAGONALS_A_SECOND = 0.8  # a calm hand draws a canvas's diagonal in little more than a second
LIFT_S = 0.15


def at_even_pace(strokes: Sequence[Stroke], width: int, height: int) -> tuple[Stroke, ...]:
    """The strokes one after another in the order given, as an even hand would draw them.

    Times are frames at the usual rate.
    """
    px_a_frame = DIAGONALS_A_SECOND * float(np.hypot(width, height)) / DEFAULT_FPS
    now, timed = 1.0, []
    for stroke in strokes:
        steps = np.hypot(*np.diff(stroke.points_N2.astype(np.float64), axis=0).T)
        times_N = now + np.concatenate([[0.0], np.cumsum(steps)]) / px_a_frame
        timed.append(replace(stroke, times_N=times_N.astype(np.float32)))
        now = float(times_N[-1]) + LIFT_S * DEFAULT_FPS
    return tuple(timed)
