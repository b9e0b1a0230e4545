"""Mends the pen paths of a decoder's drawings, whose lines are frayed in space and in time.

A video model draws latent frame by latent frame. Where its outlines break or change their time
halfway, strict tracing finds several strokes for one. Here ends meet again if the line goes on,
within bounds that follow from what a decoder blurs: places within a few widths of the line, times
within a few quanta. Clips with time as fine as a frame need none of this.

Legend: N points of a trace, M points of a way, H/W pixels. Lengths called widths are in widths of
the line, times in quanta: the step of time of ink, about one latent frame.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from videosketcher_app.data.joining import End, Joiner, Trace
from videosketcher_app.data.skeleton import Piece
from videosketcher_app.data.strokes import FloatArray

TOUCH_WIDTHS = 2.0  # the round, softened ends of two lines this close run into each other
REACH_WIDTHS = 5.0  # the widest gap in a line that is closed
OUTLINE_REACHES = 4.0  # the shortest outline that is closed: an arc may be shorter
GAP_SHARE = 0.7  # of the shorter line: dashes lie farther apart than a line's flaws
STUB_WIDTHS = 3.0  # a mark this short is a frayed end, not a stroke of this pen
ALONE_WIDTHS = 2.0  # a third line this close to a meeting of two makes it a crossing
CORNER_WEIGHT = 0.4  # of turns where two ends meet alone: the pen went round a corner ...
CROSSING_WEIGHT = 1.4  # ... and where more lines meet: it went straight on
PARALLEL_SINE = 0.2  # lines closer than 12 degrees to parallel do not meet in a corner
WAIT_WEIGHT = 0.15  # of a quantum between two ends: a decoder may reveal a line in any order ...
BACK_WEIGHT = 0.25  # ... and from both of its ends
APART_WEIGHT = 0.25  # of a quantum during which the pen was on neither of two lines
FREE_QUANTA = 1.0  # borders of latent frames pull two lines apart by up to this much
MAX_COST = 1.0


def mended(traces: list[Trace], mask_HW: NDArray[np.bool_], quantum: float) -> list[Trace]:
    """The traces with frayed ends joined, outlines closed and stubs left out.

    Args:
        mask_HW: where lines are.
        quantum: step of time of ink in frames.
    """
    width = line_width(traces, mask_HW)
    joined = _Mender(traces, quantum, width).run()
    # Stubs at a meeting of two lines make it look like a crossing.
    return _without_stubs(_Mender(_without_stubs(joined, width), quantum, width).run(), width)


def line_width(traces: list[Trace], mask_HW: NDArray[np.bool_]) -> float:
    """Mean width of the lines in pixels."""
    return float(mask_HW.sum()) / max(sum(trace.length_px for trace in traces), 1.0)


def _without_stubs(traces: list[Trace], width: float) -> list[Trace]:
    """Leaves out short marks that touch a longer line; a short mark by itself is a dot."""
    short = [trace.length_px <= STUB_WIDTHS * width for trace in traces]
    if all(short):
        return traces
    lines = KDTree(np.vstack([t.points_N2 for t, s in zip(traces, short, strict=True) if not s]))
    touch_px = TOUCH_WIDTHS * width
    return [
        trace
        for trace, is_short in zip(traces, short, strict=True)
        if not (is_short and lines.query(trace.points_N2[[0, -1]])[0].min() <= touch_px)
    ]


class _Mender(Joiner):
    """Joins ends where the line goes on, straight or round a corner, touching or after a gap."""

    def __init__(self, traces: list[Trace], quantum: float, width: float) -> None:
        pieces = [
            Piece(points_N2=t.points_N2, times_N=t.times_N, joined=t.joined, ring=t.closed)
            for t in traces
        ]
        reach_px = REACH_WIDTHS * width
        super().__init__(pieces, quantum=quantum, reach_px=reach_px, max_cost=MAX_COST)
        self._touch_px = TOUCH_WIDTHS * width
        self._alone_px = ALONE_WIDTHS * width

    def geometry(self, a: End, b: End) -> float:
        out, away = self.direction(a), self.direction(b)
        step = self.at(b) - self.at(a)
        gap = float(np.hypot(*step))
        turn = (CORNER_WEIGHT if self._alone(a, b) else CROSSING_WEIGHT) * (1 + float(out @ away))
        if gap <= self._touch_px:
            return turn
        if gap > GAP_SHARE * min(self._length_px(a), self._length_px(b)):
            return np.inf
        corner = self._corner(a, b)
        if corner is None:
            sideways = 2 - float(out @ step - away @ step) / gap
            turn = max(turn, sideways)
        else:
            gap = float(np.hypot(*(corner - self.at(a))) + np.hypot(*(corner - self.at(b))))
        return turn + (gap - self._touch_px) / self.reach_px

    def cost_of_time(self, a: End, b: End) -> float:
        (start_a, end_a), (start_b, end_b) = self.chain_span(a), self.chain_span(b)
        apart = max(0.0, start_a - end_b, start_b - end_a) / self.quantum
        ends = min(
            WAIT_WEIGHT * max(0.0, wait - 0.6) + BACK_WEIGHT * back
            for wait, back in self.misfit(a, b)
        )
        return ends + APART_WEIGHT * max(0.0, apart - FREE_QUANTA)

    def way(self, a: End, b: End) -> FloatArray:
        corner = self._corner(a, b)
        stops = [self.at(a), self.at(b)] if corner is None else [self.at(a), corner, self.at(b)]
        legs = [_pixels(one, other) for one, other in pairwise(stops)]
        return np.vstack(legs)[1:]

    def trace(self, chain: list[End]) -> Trace:
        """The path along a chain, an almost closed outline closed."""
        trace = super().trace(chain)
        first, last = chain[0], (chain[-1][0], 1 - chain[-1][1])
        gap = float(np.hypot(*(self.at(first) - self.at(last))))
        if trace.closed or gap > self.reach_px or trace.length_px < OUTLINE_REACHES * self.reach_px:
            return trace
        if self.geometry(last, first) > MAX_COST:
            return trace
        if not np.array_equal(trace.points_N2[0], self.at(first)):
            first, last = last, first
        rest_M2 = np.vstack([self.way(last, first), self.at(first)])
        return replace(
            trace,
            points_N2=np.vstack([trace.points_N2, rest_M2]),
            times_N=np.append(trace.times_N, np.full(len(rest_M2), np.nan, np.float32)),
            closed=True,
        )

    def _corner(self, a: End, b: End) -> FloatArray | None:
        """Where two lines that go on would meet, if in reach."""
        u, v = self.direction(a), self.direction(b)
        sine = float(u[0] * v[1] - u[1] * v[0])
        if abs(sine) < PARALLEL_SINE:
            return None
        step = self.at(b) - self.at(a)
        along_a = float(step[0] * v[1] - step[1] * v[0]) / sine
        along_b = float(step[0] * u[1] - step[1] * u[0]) / sine
        if min(along_a, along_b) < 0 or max(along_a, along_b) > self.reach_px:
            return None
        return (self.at(a) + along_a * u).astype(np.float32)

    def _alone(self, a: End, b: End) -> bool:
        """No third line is near the place where two ends meet, nor do they come by again."""
        tree, owner_K, place_K = self._points
        near = tree.query_ball_point((self.at(a) + self.at(b)) / 2, self._alone_px)
        own = {end[0]: self._place(end) for end in (a, b)}
        return all(
            owner_K[k] in own and abs(place_K[k] - own[owner_K[k]]) <= 2 * self._alone_px
            for k in near
        )

    def _length_px(self, end: End) -> int:
        return len(self.pieces[end[0]].points_N2)

    def _place(self, end: End) -> int:
        return (self._length_px(end) - 1) * end[1]

    @cached_property
    def _points(self) -> tuple[KDTree, list[int], list[int]]:
        """All points, the piece of each, and its place in the piece."""
        counts = [len(piece.points_N2) for piece in self.pieces]
        return (
            KDTree(np.vstack([piece.points_N2 for piece in self.pieces])),
            [index for index, count in enumerate(counts) for _ in range(count)],
            [place for count in counts for place in range(count)],
        )


def _pixels(one: FloatArray, other: FloatArray) -> FloatArray:
    """Points a pixel apart from one position up to, but without, another."""
    count = max(1, round(float(np.hypot(*(other - one)))))
    return (one + np.linspace(0, 1, count, endpoint=False)[:, None] * (other - one)).astype(
        np.float32
    )
