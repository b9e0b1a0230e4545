"""An order for strokes whose file does not tell it: as a plan says, or as people draw.

With a plan, a stroke belongs to the part whose box on the sheet it fits best (`core.sheet`), and
the parts come in the plan's order. Without one, and within a part, large shapes come before
small ones, a shape's neighbors follow it, and the pen goes on where it is near. It is a guess that
the person can correct by moving strokes.

Legend: S strokes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.sheet import Box, boxes_of
from videosketcher_app.data.strokes import Stroke

NEAR = 0.04  # of the drawing's diagonal; strokes closer than this belong to one shape
SIZE_WEIGHT = 0.5  # how much fitting a box's size counts against fitting its place


def ordered(strokes: Sequence[Stroke], plan: DrawingPlan | None = None) -> list[Stroke]:
    """The strokes in a plausible drawing order; with a plan, each with its part."""
    if not strokes:
        return []
    if plan is None:
        return [s for group in _shapes(list(strokes)) for s in _along(group)]
    parts = _parts(strokes, boxes_of(plan.parts))
    by_part = [
        [s for s, p in zip(strokes, parts, strict=True) if p == part]
        for part in range(len(plan.parts))
    ]
    return [
        replace(stroke, part=part)
        for part, group in enumerate(by_part)
        for shape in _shapes(group)
        for stroke in _along(shape)
    ]


def _extents(strokes: Sequence[Stroke]) -> NDArray[np.float64]:
    """Left, top, right and bottom of every stroke, (S, 4)."""
    return np.array([[*s.points_N2.min(axis=0), *s.points_N2.max(axis=0)] for s in strokes], float)


def _parts(strokes: Sequence[Stroke], boxes: Sequence[Box]) -> list[int]:
    """Part of every stroke: the box whose middle and size come nearest to its own.

    The drawing's own box stands for the box of the whole plan.
    """
    extents = _extents(strokes)
    planned = np.array([[b.x, b.y, b.x + b.width, b.y + b.height] for b in boxes])
    own, sheet = _unit(extents), _unit(planned)
    middles = [(b[:, :2] + b[:, 2:]) / 2 for b in (own, sheet)]
    sizes = [np.sqrt(np.prod(np.maximum(b[:, 2:] - b[:, :2], 0.02), axis=1)) for b in (own, sheet)]
    gap_SP = np.linalg.norm(middles[0][:, None] - middles[1][None], axis=2)
    misfit_SP = np.abs(np.log(sizes[0][:, None] / sizes[1][None]))
    cost_SP = gap_SP / np.maximum(sizes[1], 0.1) + SIZE_WEIGHT * misfit_SP
    return [int(p) for p in cost_SP.argmin(axis=1)]


def _unit(boxes_S4: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes in shares of the box around them all."""
    low, high = boxes_S4[:, :2].min(axis=0), boxes_S4[:, 2:].max(axis=0)
    extent = np.maximum(high - low, 1e-6)
    return np.concatenate(
        [(boxes_S4[:, :2] - low) / extent, (boxes_S4[:, 2:] - low) / extent], axis=1
    )


def _shapes(strokes: list[Stroke]) -> list[list[Stroke]]:
    """Groups of strokes that lie together, the one with the largest stroke first."""
    if len(strokes) < 2:
        return [strokes] if strokes else []
    extents = _extents(strokes)
    low, high = extents[:, :2], extents[:, 2:]
    size_S = np.hypot(*(high - low).T)
    near = NEAR * float(np.hypot(*(high.max(axis=0) - low.min(axis=0))))
    gap_SS = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    waiting = set(range(len(strokes)))
    shapes = []
    for start in np.argsort(-size_S, kind="stable"):
        if start not in waiting:
            continue
        # A large stroke takes the smaller ones beside and inside it along, largest first.
        group = [
            i
            for i in np.argsort(-size_S, kind="stable")
            if i in waiting
            and (i == start or (gap_SS[start, i] <= near and size_S[i] < 0.35 * size_S[start]))
        ]
        waiting -= set(group)
        shapes.append([strokes[i] for i in group])
    return shapes


def _along(group: list[Stroke]) -> list[Stroke]:
    """The first stroke, then always the nearest of those left, begun at its nearer end."""
    if not group:
        return []
    rest, path = list(group[1:]), [group[0]]
    while rest:
        pen = path[-1].points_N2[-1]
        ends = np.array([[np.hypot(*(s.points_N2[i] - pen)) for i in (0, -1)] for s in rest])
        index, end = np.unravel_index(int(ends.argmin()), ends.shape)
        stroke = rest.pop(int(index))
        path.append(_reversed(stroke) if end == 1 else stroke)
    return path


def _reversed(stroke: Stroke) -> Stroke:
    """The same line from its other end; times are given later."""
    return replace(
        stroke,
        points_N2=stroke.points_N2[::-1].copy(),
        pressure_N=stroke.pressure_N[::-1].copy(),
    )
