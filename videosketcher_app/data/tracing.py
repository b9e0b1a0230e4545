"""From pieces of centerline to pen paths: cut where time jumps, join where line and time go on.

A stroke is a path along which time of ink advances smoothly. Pieces are cut at jumps of time, then
ends are joined across junctions and under crossing lines by direction and continuity of time,
best pair first.

Legend: N points of a trace. Times are frames; a quantum is the step by which time of ink advances
in this clip (1 frame for true renders, up to 4 where a decoder reveals a latent frame at once).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.skeleton import Piece
from videosketcher_app.data.strokes import FloatArray

MAX_QUANTUM_FRAMES = 4.0
MIN_RUN_PX = 3  # shorter plateaus of time are noise
JUMP_QUANTA = 1.7  # time that passes within two pixels while the pen was up
REACH_PX = 14.0  # how far a line may run hidden under another one
TANGENT_PX = 9  # the direction of an end is taken over this many pixels
CORNER_WEIGHT = 0.6  # of turns, where time is fine enough to vouch that the pen went round a corner
FINE_QUANTUM_FRAMES = 1.5
MAX_COST = 1.25  # two ends with a higher cost stay apart

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


def time_quantum(pieces: list[Piece]) -> float:
    """The usual step of time of ink along lines, between 1 and 4 frames."""
    steps: list[float] = []
    for piece in pieces:
        times = piece.times_N[np.isfinite(piece.times_N)]
        if len(times) < 2 * MIN_RUN_PX:
            continue
        edges = np.flatnonzero(np.abs(np.diff(times)) > 0.25) + 1
        runs = [run for run in np.split(times, edges) if len(run) >= MIN_RUN_PX]
        levels = np.array([np.median(run) for run in runs])
        steps.extend(np.abs(np.diff(levels)).tolist())
    known = [step for step in steps if 0.3 < step <= 1.5 * MAX_QUANTUM_FRAMES]
    return float(np.clip(np.median(known), 1.0, MAX_QUANTUM_FRAMES)) if known else 1.0


def trace_strokes(pieces: list[Piece], mask_HW: NDArray[np.bool_]) -> list[Trace]:
    """Pen paths from pieces of centerline; every piece ends up in exactly one path or is noise."""
    quantum = time_quantum(pieces)
    cut = [part for piece in pieces for part in _cut(piece, quantum)]
    useful = [piece for piece in cut if len(piece.points_N2) > 2 or not all(piece.joined)]
    return _Joiner(useful, quantum, mask_HW).run()


def _cut(piece: Piece, quantum: float) -> list[Piece]:
    """The piece without jumps of time and without turns of its direction."""
    if piece.ring:
        piece = _opened(piece, quantum)
    cuts = _jumps(piece.times_N, quantum)
    parts = [piece.part(a, b) for a, b in pairwise([0, *cuts, len(piece.points_N2)])]
    return [half for part in parts for half in _monotone(part, quantum)]


def _opened(piece: Piece, quantum: float) -> Piece:
    """A ring that starts where its time jumps most or, if nowhere, at its topmost point."""
    points, times = piece.points_N2[:-1], piece.times_N[:-1]
    drop = np.abs(_filled(times) - np.roll(_filled(times), 1))
    start = int(drop.argmax()) if drop.max() > JUMP_QUANTA * quantum else int(points[:, 1].argmin())
    return Piece(
        points_N2=np.vstack([np.roll(points, -start, axis=0), points[start][None]]),
        times_N=np.append(np.roll(times, -start), np.roll(times, -start)[-1]),
        joined=(False, False),
        ring=True,
    )


def _filled(times_N: FloatArray) -> FloatArray:
    known = np.isfinite(times_N)
    index = np.arange(len(times_N))
    return np.interp(index, index[known], times_N[known]).astype(np.float32)


def _jumps(times_N: FloatArray, quantum: float) -> list[int]:
    """Indices before which the pen was up."""
    known = np.flatnonzero(np.isfinite(times_N))
    times = times_N[known]
    if len(times) < 4:
        return []
    # Three pixels on either side vote, so that one odd pixel is no jump.
    padded = np.pad(times, 3, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 3)
    before = np.median(windows[1 : len(times)], axis=1)
    after = np.median(windows[4 : len(times) + 3], axis=1)
    size = np.abs(after - before)
    cuts = []
    while size.size and size.max() > JUMP_QUANTA * quantum:
        at = int(size.argmax())
        local = slice(max(0, at - 1), at + 2)
        exact = local.start + int(np.abs(np.diff(times))[local].argmax())
        cuts.append((known[exact] + known[exact + 1] + 1) // 2)
        size[max(0, at - 4) : at + 5] = 0
    return sorted(int(cut) for cut in cuts)


def _monotone(piece: Piece, quantum: float) -> list[Piece]:
    """Halves of a piece whose time rises and falls again by more than a step (or the reverse)."""
    times = _filled(piece.times_N) if np.isfinite(piece.times_N).any() else None
    if times is None or len(times) < 2 * MIN_RUN_PX:
        return [piece]
    for sign in (1, -1):
        peak = int((sign * times).argmax())
        same = np.flatnonzero(np.abs(times - times[peak]) < 0.25)
        peak = int(np.median(same))
        left, right = sign * (times[peak] - times[0]), sign * (times[peak] - times[-1])
        if min(left, right) > 1.2 * quantum:
            first, second = piece.part(0, peak), piece.part(peak, len(times))
            return [*_monotone(first, quantum), *_monotone(second, quantum)]
    return [piece]


class _Joiner:
    """Joins ends of pieces, best pair first.

    A chain is a list of pieces, each with the end at which it is entered.
    """

    def __init__(self, pieces: list[Piece], quantum: float, mask_HW: NDArray[np.bool_]) -> None:
        self._pieces = [p for p in pieces if np.isfinite(p.times_N).any()]
        self._quantum = quantum
        self._turn_weight = CORNER_WEIGHT if quantum <= FINE_QUANTUM_FRAMES else 1.0
        self._mask_HW = mask_HW
        self._chains: dict[int, list[End]] = {i: [(i, 0)] for i in range(len(self._pieces))}
        self._chain_of = list(range(len(self._pieces)))
        known = [np.flatnonzero(np.isfinite(p.times_N)) for p in self._pieces]
        times = [p.times_N[at] for p, at in zip(self._pieces, known, strict=True)]
        votes = [max(1, min(6, len(at) // 2)) for at in known]
        # Time near both ends of every piece, and how many pixels from the ends it was taken.
        self._times = [
            (float(np.median(t[:v])), float(np.median(t[-v:])))
            for t, v in zip(times, votes, strict=True)
        ]
        self._inset = [
            (float(np.median(at[:v])), len(p.points_N2) - 1 - float(np.median(at[-v:])))
            for p, at, v in zip(self._pieces, known, votes, strict=True)
        ]
        self._at = [(p.points_N2[0], p.points_N2[-1]) for p in self._pieces]
        self._direction = [
            (_outward(p.points_N2), _outward(p.points_N2[::-1])) for p in self._pieces
        ]
        self._paces = self._frames_per_px(times)

    def run(self) -> list[Trace]:
        queue = [(self._geometry(a, b), a, b) for a, b in self._near_ends()]
        queue = [entry for entry in queue if entry[0] <= MAX_COST]
        heapq.heapify(queue)
        while queue:
            cost, a, b = heapq.heappop(queue)
            now = self._cost(a, b)
            if now > MAX_COST or not self._free(a, b):
                continue
            if now > cost + 1e-6:
                heapq.heappush(queue, (now, a, b))
                continue
            self._join(a, b)
        return [self._trace(chain) for chain in self._chains.values()]

    def _frames_per_px(self, times: list[FloatArray]) -> list[float]:
        """Pace of the pen along every piece; where time stands still, that of all others."""
        spans = [(abs(float(t[-1] - t[0])), len(t)) for t in times]
        moving = [(span, px) for span, px in spans if span > self._quantum]
        usual = sum(s for s, _ in moving) / sum(px for _, px in moving) if moving else 0.04
        return [span / px if span > self._quantum else usual for span, px in spans]

    def _near_ends(self) -> list[tuple[End, End]]:
        ends = [(i, side) for i, p in enumerate(self._pieces) for side in (0, 1) if not p.ring]
        at = np.array([self._at[i][side] for i, side in ends]).reshape(-1, 2)
        gap = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
        pairs = np.argwhere(np.triu(gap <= REACH_PX, k=1))
        return [(ends[a], ends[b]) for a, b in pairs if ends[a][0] != ends[b][0]]

    def _geometry(self, a: End, b: End) -> float:
        """Cost of the turn and of the hidden way between two ends; straight and close is 0."""
        out, back = self._direction[a[0]][a[1]], -self._direction[b[0]][b[1]]
        step = self._at[b[0]][b[1]] - self._at[a[0]][a[1]]
        gap = float(np.hypot(*step))
        turn = self._turn_weight * (1 - float(out @ back))
        if gap > 4:
            sideways = 2 - float(out @ step + back @ step) / gap
            turn = max(turn, sideways)
            if not self._under_ink(a, b):
                return np.inf
        return turn + max(0.0, gap - 4) / REACH_PX

    def _under_ink(self, a: End, b: End) -> bool:
        ends = np.stack([self._at[a[0]][a[1]], self._at[b[0]][b[1]]])
        at = np.round(np.linspace(ends[0], ends[1], 12)).astype(int)
        return float(self._mask_HW[at[:, 1], at[:, 0]].mean()) >= 0.8

    def _span(self, end: End) -> tuple[float, float]:
        """Time at this outer end of a chain and at its other end."""
        chain = self._chains[self._chain_of[end[0]]]
        outer = [chain[0], (chain[-1][0], 1 - chain[-1][1])]
        other = outer[1] if outer[0] == end else outer[0]
        return self._times[end[0]][end[1]], self._times[other[0]][other[1]]

    def _cost(self, a: End, b: End) -> float:
        step = self._at[b[0]][b[1]] - self._at[a[0]][a[1]]
        way_px = float(np.hypot(*step)) + self._inset[a[0]][a[1]] + self._inset[b[0]][b[1]]
        passed = way_px * (self._paces[a[0]] + self._paces[b[0]]) / 2
        (near_a, far_a), (near_b, far_b) = self._span(a), self._span(b)
        q = self._quantum
        best = np.inf
        for near_1, far_1, near_2, far_2 in (
            (near_a, far_a, near_b, far_b),
            (near_b, far_b, near_a, far_a),
        ):
            # 1 is drawn before 2: time runs from far_1 over near_1 and near_2 to far_2.
            wait = abs(near_2 - near_1 - passed) / q
            backwards = max(0.0, far_1 - near_1 - 0.25 * q) + max(0.0, near_2 - far_2 - 0.25 * q)
            best = min(best, max(0.0, wait - 0.6) + 2 * backwards / q)
        return self._geometry(a, b) + best

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

    def _trace(self, chain: list[End]) -> Trace:
        runs = [
            (p.points_N2, p.times_N, p.joined)
            if side == 0
            else (p.points_N2[::-1], p.times_N[::-1], (p.joined[1], p.joined[0]))
            for p, side in ((self._pieces[i], side) for i, side in chain)
        ]
        points = np.vstack([run[0] for run in runs])
        times = np.concatenate([run[1] for run in runs])
        joined = (runs[0][2][0], runs[-1][2][1])
        known = times[np.isfinite(times)]
        votes = max(1, min(6, len(known) // 2))
        rise = float(np.median(known[-votes:]) - np.median(known[:votes]))
        if rise < 0:
            points, times, joined = points[::-1], times[::-1], (joined[1], joined[0])
        gap = float(np.hypot(*(points[0] - points[-1])))
        return Trace(
            points_N2=points,
            times_N=times,
            directed=abs(rise) > 0.25,
            joined=joined,
            closed=len(points) > 6 and gap < 2.0,
        )


def _outward(points_N2: FloatArray) -> FloatArray:
    """Unit direction in which a line leaves at its first point."""
    tip = points_N2[min(2, len(points_N2) - 1)] if len(points_N2) > 5 else points_N2[0]
    step = tip - points_N2[min(TANGENT_PX, len(points_N2) - 1)]
    norm = float(np.hypot(*step))
    return step / norm if norm else np.zeros(2, np.float32)
