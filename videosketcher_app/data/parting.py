"""Which part of the plan every recovered stroke belongs to.

A video does not say where one part ends and the next begins, so this is a guess: parts are taken
to be consecutive, and the cut points between strokes are those that explain the pen's pace best.
People (and the grammar's hand) draw one part at an even pace, and give a small part more time than
its ink alone would need; a change of pace and a long pause are therefore likely borders. Nothing
here knows the true borders.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import Stroke

LIFT_PX = 6.0  # lifting the pen between strokes takes about as long as drawing this many pixels
EQUAL_SHARE = 0.5  # half of the time goes equally to all parts, half by ink
SHARE_TOLERANCE = 0.015  # share of the clip by which a part's time may miss its expectation
PACE_WEIGHT = 0.1
JUMP_WEIGHT = 2.0


def assign_parts(strokes: Sequence[Stroke], num_parts: int) -> list[int]:
    """Part index of every stroke, rising from 0; strokes are in drawing order.

    With fewer strokes than parts the last parts stay without strokes.
    """
    count = len(strokes)
    num_parts = min(num_parts, count)
    if num_parts < 2:
        return [0] * count
    cost = _segment_costs(strokes, num_parts)
    best = np.full((num_parts + 1, count + 1), np.inf)
    origin = np.zeros((num_parts + 1, count + 1), int)
    best[0, 0] = 0
    for part in range(1, num_parts + 1):
        total = best[part - 1][:, None] + cost
        origin[part] = total.argmin(axis=0)
        best[part] = total.min(axis=0)
    parts = np.empty(count, int)
    stop = count
    for part in range(num_parts, 0, -1):
        start = origin[part, stop]
        parts[start:stop] = part - 1
        stop = start
    return parts.tolist()


def _segment_costs(strokes: Sequence[Stroke], num_parts: int) -> NDArray[np.float64]:
    """Cost [i, j] of strokes i to j - 1 as one part; infinite for empty parts."""
    count = len(strokes)
    ink = np.array([stroke.length_px + LIFT_PX for stroke in strokes])
    # A stroke's time lasts until the next pen down.
    down = np.array([stroke.start for stroke in strokes])
    last_up = max(stroke.end for stroke in strokes)
    borders = np.maximum.accumulate(np.append(down, last_up))
    time = np.maximum(np.diff(borders), 1e-3)
    ink_sum = np.concatenate([[0], np.cumsum(ink / ink.sum())])
    time_sum = np.concatenate([[0], np.cumsum(time / time.sum())])
    ink_share = ink_sum[None, :] - ink_sum[:, None]
    time_share = time_sum[None, :] - time_sum[:, None]
    expected = EQUAL_SHARE / num_parts + (1 - EQUAL_SHARE) * ink_share
    cost = ((time_share - expected) / SHARE_TOLERANCE) ** 2
    cost += PACE_WEIGHT * _pace_spread(np.log(time / ink), time)
    cost -= JUMP_WEIGHT * _jumps(strokes)[:, None]
    i, j = np.indices(cost.shape)
    cost[j <= i] = np.inf
    return np.where(i < count, cost, np.inf)


def _pace_spread(log_pace: NDArray, weight: NDArray) -> NDArray[np.float64]:
    """Weighted sum of squares of the log pace around its mean, for every segment [i, j]."""
    sums = [np.concatenate([[0], np.cumsum(weight * log_pace**k)]) for k in (0, 1, 2)]
    w, x, xx = (s[None, :] - s[:, None] for s in sums)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = xx - x**2 / w
    return np.nan_to_num(spread, nan=0.0, posinf=0.0, neginf=0.0)


def _jumps(strokes: Sequence[Stroke]) -> NDArray[np.float64]:
    """How far the middle of the drawing moves to every stroke, in units of the strokes' size."""
    middle = np.array([(s.points_N2.max(0) + s.points_N2.min(0)) / 2 for s in strokes])
    extent = np.hypot(*np.ptp(np.vstack([s.points_N2 for s in strokes]), axis=0))
    moved = np.hypot(*np.diff(middle, axis=0).T) / max(float(extent), 1e-6)
    return np.concatenate([[0.0], moved, [0.0]])
