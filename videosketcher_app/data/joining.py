"""Joins ends of lines into pen paths, best pair first.

What a good pair is, is told by subclasses: `data.tracing` joins where line and time go on,
`data.mending` where a decoder has frayed both.

Legend: N points of a piece or trace, M points of a way. Times are frames.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from videosketcher_app.data.skeleton import Piece
from videosketcher_app.data.strokes import FloatArray

TANGENT_PX = 9  # the direction of an end is taken over this many pixels
USUAL_PACE = 0.04  # frames a pixel, where no line of the clip tells

End = tuple[int, int]  # index of the piece, 0 for its first point or 1 for its last


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """One pen path in drawing direction, as far as time tells it.

    Attributes:
        points_N2: pixel positions.
        times_N: times of ink, NaN where another line hides them; at least one is known.
        directed: False if time does not tell which end came first.
        joined: whether the first and the last point lie on a junction.
        closed: the path ends where it starts.
    """

    points_N2: FloatArray
    times_N: FloatArray
    directed: bool
    joined: tuple[bool, bool]
    closed: bool = False

    @property
    def length_px(self) -> float:
        """Length of the path in pixels."""
        return float(np.hypot(*np.diff(self.points_N2, axis=0).T).sum())


class Joiner(ABC):
    """Chains of pieces, each a list of pieces with the end at which it is entered.

    Args:
        pieces: those without any known time are left out.
        quantum: step of time of ink in frames.
        reach_px: ends farther apart never meet.
        max_cost: two ends with a higher cost stay apart.
    """

    def __init__(
        self, pieces: Sequence[Piece], *, quantum: float, reach_px: float, max_cost: float
    ) -> None:
        self.pieces = [p for p in pieces if np.isfinite(p.times_N).any()]
        self.quantum = quantum
        self.reach_px, self._max_cost = reach_px, max_cost
        self._chains: dict[int, list[End]] = {i: [(i, 0)] for i in range(len(self.pieces))}
        self._chain_of = list(range(len(self.pieces)))
        known = [np.flatnonzero(np.isfinite(p.times_N)) for p in self.pieces]
        times = [p.times_N[at] for p, at in zip(self.pieces, known, strict=True)]
        votes = [max(1, min(6, len(at) // 2)) for at in known]
        # Time near both ends of every piece, and how many pixels from the ends it was taken.
        self._times = [
            (float(np.median(t[:v])), float(np.median(t[-v:])))
            for t, v in zip(times, votes, strict=True)
        ]
        self._inset = [
            (float(np.median(at[:v])), len(p.points_N2) - 1 - float(np.median(at[-v:])))
            for p, at, v in zip(self.pieces, known, votes, strict=True)
        ]
        self._direction = [
            (_outward(p.points_N2), _outward(p.points_N2[::-1])) for p in self.pieces
        ]
        self._spans = [(float(t.min()), float(t.max())) for t in times]
        self._paces = self._frames_per_px(times)

    @abstractmethod
    def geometry(self, a: End, b: End) -> float:
        """Cost of the turn and of the way between two ends; straight and close is 0."""

    @abstractmethod
    def cost_of_time(self, a: End, b: End) -> float:
        """Cost of what time says against one pen drawing both chains in one go."""

    def way(self, a: End, b: End) -> FloatArray:
        """Points (M, 2) that the pen passes between two joined ends."""
        del a, b
        return np.zeros((0, 2), np.float32)

    def run(self) -> list[Trace]:
        """Joins what can be joined."""
        queue = [(self.geometry(a, b), a, b) for a, b in self._near_ends()]
        queue = [entry for entry in queue if entry[0] <= self._max_cost]
        heapq.heapify(queue)
        while queue:
            cost, a, b = heapq.heappop(queue)
            now = self.geometry(a, b) + self.cost_of_time(a, b)
            if now > self._max_cost or not self._free(a, b):
                continue
            if now > cost + 1e-6:
                heapq.heappush(queue, (now, a, b))
                continue
            self._join(a, b)
        return [self.trace(chain) for chain in self._chains.values()]

    def at(self, end: End) -> FloatArray:
        """Position (x, y) of an end."""
        return self.pieces[end[0]].points_N2[-end[1]]

    def direction(self, end: End) -> FloatArray:
        """Unit direction in which the line leaves at this end."""
        return self._direction[end[0]][end[1]]

    def chain_span(self, end: End) -> tuple[float, float]:
        """First and last time of the chain that an end belongs to."""
        spans = [self._spans[i] for i, _ in self._chains[self._chain_of[end[0]]]]
        return min(s for s, _ in spans), max(s for _, s in spans)

    def misfit(self, a: End, b: End) -> list[tuple[float, float]]:
        """For either order of the two chains: wait at the pen's pace and time that runs back.

        Both in quanta.
        """
        step = self.at(b) - self.at(a)
        way_px = float(np.hypot(*step)) + self._inset[a[0]][a[1]] + self._inset[b[0]][b[1]]
        passed = way_px * (self._paces[a[0]] + self._paces[b[0]]) / 2
        (near_a, far_a), (near_b, far_b) = self._ends_of_chain(a), self._ends_of_chain(b)
        q = self.quantum
        found = []
        for near_1, far_1, near_2, far_2 in (
            (near_a, far_a, near_b, far_b),
            (near_b, far_b, near_a, far_a),
        ):
            # 1 is drawn before 2: time runs from far_1 over near_1 and near_2 to far_2.
            wait = abs(near_2 - near_1 - passed) / q
            backwards = max(0.0, far_1 - near_1 - 0.25 * q) + max(0.0, near_2 - far_2 - 0.25 * q)
            found.append((wait, backwards / q))
        return found

    def trace(self, chain: list[End]) -> Trace:
        """The path along a chain, in drawing direction."""
        runs = [self._run_of(entry) for entry in chain]
        points, times = [runs[0][0]], [runs[0][1]]
        for (here, there), (run_points, run_times) in zip(pairwise(chain), runs[1:], strict=True):
            between = self.way((here[0], 1 - here[1]), there)
            points += [between, run_points]
            times += [np.full(len(between), np.nan, np.float32), run_times]
        last_piece, entered = chain[-1]
        return _directed(
            np.vstack(points),
            np.concatenate(times),
            (
                self.pieces[chain[0][0]].joined[chain[0][1]],
                self.pieces[last_piece].joined[1 - entered],
            ),
        )

    def _run_of(self, entry: End) -> tuple[FloatArray, FloatArray]:
        piece, side = self.pieces[entry[0]], entry[1]
        step = -1 if side else 1
        return piece.points_N2[::step], piece.times_N[::step]

    def _frames_per_px(self, times: list[FloatArray]) -> list[float]:
        """Pace of the pen along every piece; where time stands still, that of all others."""
        spans = [(abs(float(t[-1] - t[0])), len(t)) for t in times]
        moving = [(span, px) for span, px in spans if span > self.quantum]
        usual = sum(s for s, _ in moving) / sum(px for _, px in moving) if moving else USUAL_PACE
        return [span / px if span > self.quantum else usual for span, px in spans]

    def _near_ends(self) -> list[tuple[End, End]]:
        ends = [(i, side) for i, p in enumerate(self.pieces) for side in (0, 1) if not p.ring]
        at = np.array([self.at(end) for end in ends]).reshape(-1, 2)
        gap = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
        pairs = np.argwhere(np.triu(gap <= self.reach_px, k=1))
        return [(ends[a], ends[b]) for a, b in pairs if ends[a][0] != ends[b][0]]

    def _ends_of_chain(self, end: End) -> tuple[float, float]:
        """Time at this outer end of a chain and at its other end."""
        chain = self._chains[self._chain_of[end[0]]]
        outer = [chain[0], (chain[-1][0], 1 - chain[-1][1])]
        other = outer[1] if outer[0] == end else outer[0]
        return self._times[end[0]][end[1]], self._times[other[0]][other[1]]

    def _free(self, a: End, b: End) -> bool:
        """Both are outer ends of two different chains."""
        chains = [self._chain_of[a[0]], self._chain_of[b[0]]]
        return chains[0] != chains[1] and all(
            end == self._chains[c][0] or end == (self._chains[c][-1][0], 1 - self._chains[c][-1][1])
            for end, c in zip((a, b), chains, strict=True)
        )

    def _join(self, a: End, b: End) -> None:
        first, second = self._chain_of[a[0]], self._chain_of[b[0]]
        one, two = self._chains[first], self._chains.pop(second)
        if one[0] == a:
            one = [(i, 1 - side) for i, side in reversed(one)]
        if two[0] != b:
            two = [(i, 1 - side) for i, side in reversed(two)]
        self._chains[first] = one + two
        for index, _ in two:
            self._chain_of[index] = first


def _directed(points_N2: FloatArray, times_N: FloatArray, joined: tuple[bool, bool]) -> Trace:
    known = times_N[np.isfinite(times_N)]
    votes = max(1, min(6, len(known) // 2))
    rise = float(np.median(known[-votes:]) - np.median(known[:votes]))
    if rise < 0:
        points_N2, times_N, joined = points_N2[::-1], times_N[::-1], (joined[1], joined[0])
    gap = float(np.hypot(*(points_N2[0] - points_N2[-1])))
    return Trace(
        points_N2=points_N2,
        times_N=times_N,
        directed=abs(rise) > 0.25,
        joined=joined,
        closed=len(points_N2) > 6 and gap < 2.0,
    )


def _outward(points_N2: FloatArray) -> FloatArray:
    """Unit direction in which a line leaves at its first point."""
    tip = points_N2[min(2, len(points_N2) - 1)] if len(points_N2) > 5 else points_N2[0]
    step = tip - points_N2[min(TANGENT_PX, len(points_N2) - 1)]
    norm = float(np.hypot(*step))
    return step / norm if norm else np.zeros(2, np.float32)
