"""From pieces of centerline to pen paths: cut where time jumps, join where line and time go on.

A stroke is a path along which time of ink advances smoothly. Pieces are cut at jumps of time, then
ends are joined across junctions and under crossing lines by direction and continuity of time,
best pair first.

Legend: N points of a trace. Times are frames; a quantum is the step by which time of ink advances
in this clip (1 frame for true renders, up to 4 where a decoder reveals a latent frame at once).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.joining import End, Joiner, Trace
from videosketcher_app.data.skeleton import Piece
from videosketcher_app.data.strokes import FloatArray

MAX_QUANTUM_FRAMES = 4.0
MIN_RUN_PX = 3  # shorter plateaus of time are noise
JUMP_QUANTA = 1.7  # time that passes within two pixels while the pen was up
REACH_PX = 14.0  # how far a line may run hidden under another one
CORNER_WEIGHT = 0.6  # of turns, where time is fine enough to vouch that the pen went round a corner
FINE_QUANTUM_FRAMES = 1.5
MAX_COST = 1.25  # two ends with a higher cost stay apart


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
    return _Continued(useful, quantum, mask_HW).run()


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


class _Continued(Joiner):
    """Joins ends where the line goes on and time says that the pen did."""

    def __init__(self, pieces: list[Piece], quantum: float, mask_HW: NDArray[np.bool_]) -> None:
        super().__init__(pieces, quantum=quantum, reach_px=REACH_PX, max_cost=MAX_COST)
        self._turn_weight = CORNER_WEIGHT if quantum <= FINE_QUANTUM_FRAMES else 1.0
        self._mask_HW = mask_HW

    def geometry(self, a: End, b: End) -> float:
        out, back = self.direction(a), -self.direction(b)
        step = self.at(b) - self.at(a)
        gap = float(np.hypot(*step))
        turn = self._turn_weight * (1 - float(out @ back))
        if gap > 4:
            sideways = 2 - float(out @ step + back @ step) / gap
            turn = max(turn, sideways)
            if not self._under_ink(a, b):
                return np.inf
        return turn + max(0.0, gap - 4) / REACH_PX

    def cost_of_time(self, a: End, b: End) -> float:
        return min(max(0.0, wait - 0.6) + 2 * back for wait, back in self.misfit(a, b))

    def _under_ink(self, a: End, b: End) -> bool:
        at = np.round(np.linspace(self.at(a), self.at(b), 12)).astype(int)
        return float(self._mask_HW[at[:, 1], at[:, 0]].mean()) >= 0.8
