"""Half-drawn sketches: drawings that another hand begins, or joins, and a model goes on with.

A drawing of the grammar keeps its shapes and its plan. Its time axis is laid out anew over blocks,
some of which belong to the other hand: there, lines are drawn with another pen, shakily, a little
off their place and size, in another order, or with a part left out for later.

A block is what a causal model draws at once: 9 frames for the first, then 12. A model sees seven
blocks: the first of the drawing, and the latest six.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from videosketcher_app.core.geometry import TEMPORAL_STRIDE
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data.strokes import FloatArray, Sketch, Stroke

BLOCK_LATENT_FRAMES = 3
BLOCK_FRAMES = BLOCK_LATENT_FRAMES * TEMPORAL_STRIDE
WINDOW_BLOCKS = 7
FASTEST = 2.2  # times the grammar's pace; what does not fit in the clip then goes on after it
MOST_AT_ONCE = 0.85  # of what is left to draw, in a turn that is not the last
SNAP_FRAMES = 9.0  # a turn ends with a stroke if one ends so near
KNOT_PX = 22.0  # distance of independent wobbles along a line
SMALLEST_STEP = 1e-3


def first_frame_of(block: int) -> int:
    """The frame with which a block begins."""
    return 0 if block == 0 else BLOCK_FRAMES * block - TEMPORAL_STRIDE + 1


@dataclass(frozen=True, kw_only=True)
class OtherHand:
    """How another person draws; lengths in canvas pixels.

    Attributes:
        width_px: of the pen.
        wobble_px: standard deviation of the shaking.
        offset_px: how far a part stands off.
        scaling: how much larger or smaller a part is, as a share.
        turn: by which a part is rotated, in radians.
    """

    width_px: float = 4.0
    wobble_px: float = 1.0
    offset_px: float = 2.5
    scaling: float = 0.05
    turn: float = 0.04

    @staticmethod
    def sample(rng: np.random.Generator) -> OtherHand:
        """A random hand, from as careful as the grammar's to clumsy."""
        return OtherHand(
            width_px=float(np.exp(rng.uniform(math.log(1.6), math.log(6.0)))),
            wobble_px=float(rng.uniform(0, 2.0)),
            offset_px=float(rng.uniform(0, 5.0)),
            scaling=float(rng.uniform(0, 0.1)),
            turn=float(rng.uniform(0, 0.09)),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Continuation:
    """A drawing of two hands.

    Attributes:
        sketch: all strokes, timed over the blocks; `part` is the index in `plan`, and what the
            plan does not name (an earlier part of a longer drawing) has an index below 0.
        labels: of the plan's parts, as compositions carry them.
        others: for every block, whether it is the other hand's.
    """

    sketch: Sketch
    plan: DrawingPlan
    source: str
    labels: tuple[str, ...]
    others: tuple[bool, ...]

    def begun(self, frame: float) -> frozenset[int]:
        """Parts of the plan with ink before a frame."""
        return frozenset(s.part for s in self.sketch.strokes if s.start < frame and s.part >= 0)

    def finished(self, frame: float) -> frozenset[int]:
        """Parts of the plan whose last stroke ends before a frame."""
        left = {s.part for s in self.sketch.strokes if s.end >= frame}
        return self.begun(frame) - left


def turns(given_blocks: int, rng: np.random.Generator) -> tuple[bool, ...]:
    """Who drew the blocks before the model's: whether it was the other hand, block by block.

    Half of the time the other hand drew all of them, a third of the time the model itself, else
    they took turns and the other hand was last.
    """
    pick = rng.random()
    if pick < 0.5:
        return (True,) * given_blocks
    if pick < 0.8:
        return (False,) * given_blocks
    backwards: list[bool] = []
    other = True
    while len(backwards) < given_blocks:
        backwards += [other] * int(rng.integers(1, 4))
        other = not other
    return tuple(backwards[:given_blocks][::-1])


def continue_sketch(
    sketch: Sketch,
    others: Sequence[bool],
    rng: np.random.Generator,
    *,
    hand: OtherHand | None = None,
    share: float | None = None,
) -> Sketch:
    """The sketch timed anew over these blocks, the other hand's strokes drawn by it.

    Args:
        sketch: timed by the grammar, parts in the plan's order.
        others: for every block whether it is the other hand's; the last one is the model's.
        hand: None for a random one.
        share: of the drawing that the other hand does in its first turn; None for a random pace.
    """
    assert not others[-1], others
    planned = sketch
    sketch = _reordered(sketch, rng) if others[0] else sketch
    hand = hand or OtherHand.sample(rng)
    strokes: list[Stroke] = []
    schedule = _turns(sketch, others, rng, share)
    if sketch is not planned:
        sketch = _rest_as_planned(sketch, schedule[0].old[1])
    for turn in schedule:
        drawn = [cut for s in sketch.strokes if (cut := turn.retimed(s)) is not None]
        strokes += drawn_by(drawn, hand, rng) if turn.other else drawn
    return replace(sketch, strokes=tuple(strokes), num_frames=first_frame_of(len(others)))


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """One hand's time: from when to when in the grammar's clip, and in the new one."""

    other: bool
    old: tuple[float, float]
    new: tuple[float, float]

    def retimed(self, stroke: Stroke) -> Stroke | None:
        """What of a stroke is drawn in this turn, at its new times."""
        seen = (stroke.times_N >= self.old[0]) & (stroke.times_N < self.old[1])
        if not seen.any():
            return None
        times = np.interp(stroke.times_N[seen], self.old, self.new)
        return replace(
            stroke,
            points_N2=stroke.points_N2[seen],
            times_N=times.astype(np.float32),
            pressure_N=stroke.pressure_N[seen],
        )


def drawn_by(strokes: Sequence[Stroke], hand: OtherHand, rng: np.random.Generator) -> list[Stroke]:
    """The strokes as another hand draws them; each part is off as a whole, each line shakes."""
    moved: list[Stroke] = []
    for part in dict.fromkeys(s.part for s in strokes):
        mine = [s for s in strokes if s.part == part]
        center = np.vstack([s.points_N2 for s in mine]).mean(0)
        matrix = _turn_and_scale(hand, rng)
        shift = center + rng.normal(0, hand.offset_px / 1.5, 2).clip(-2 * hand.offset_px, 99)
        for stroke in mine:
            points = (stroke.points_N2 - center) @ matrix + shift
            points = points + _wobble(len(points), stroke.length_px, hand.wobble_px, rng)
            width = hand.width_px * float(rng.uniform(0.9, 1.1))
            moved.append(
                replace(
                    stroke,
                    points_N2=points.astype(np.float32),
                    pressure_N=stroke.pressure_N.clip(0.6, 1.15),
                    pen=replace(stroke.pen, width_px=min(width, 6.0)),
                )
            )
    return sorted(moved, key=lambda s: s.start)


def _turn_and_scale(hand: OtherHand, rng: np.random.Generator) -> FloatArray:
    angle = rng.normal(0, hand.turn / 1.5)
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = np.array([[cosine, sine], [-sine, cosine]])
    return (turn * (1 + rng.normal(0, hand.scaling / 1.5, 2).clip(-0.2, 0.2))).astype(np.float32)


def _wobble(count: int, length_px: float, amount_px: float, rng: np.random.Generator) -> FloatArray:
    knots = max(2, int(length_px / KNOT_PX) + 1)
    at = np.linspace(0, knots - 1, count)
    drift = rng.normal(0, amount_px, (2, knots))
    shaking = np.stack([np.interp(at, np.arange(knots), row) for row in drift], axis=1)
    return (shaking * min(1.0, length_px / 40)).astype(np.float32)


def _segments(others: Sequence[bool]) -> list[tuple[bool, int, int]]:
    """Runs of blocks of one hand: (other's, first frame, frame after the last)."""
    edges = [0, *(b for b in range(1, len(others)) if others[b] != others[b - 1]), len(others)]
    return [(others[a], first_frame_of(a), first_frame_of(b)) for a, b in pairwise(edges)]


def _turns(
    sketch: Sketch, others: Sequence[bool], rng: np.random.Generator, share: float | None
) -> list[_Turn]:
    """How much of the drawing each hand does in each of its turns, and how fast."""
    at = min(s.start for s in sketch.strokes)
    end = max(s.end for s in sketch.strokes) + SMALLEST_STEP
    segments, found = _segments(others), []
    whole = end - at
    for other, low, high in segments[:-1]:
        slowest, fastest = (0.5, 4.5) if other else (1.0, 1.5)
        amount = (high - low) * math.exp(rng.uniform(math.log(slowest), math.log(fastest)))
        if share is not None and other and not any(turn.other for turn in found):
            amount = share * whole
        edge = _snapped(sketch, at + min(amount, MOST_AT_ONCE * (end - at)), rng)
        edge = min(max(edge, at + SMALLEST_STEP), end - SMALLEST_STEP)
        found.append(_Turn(other=other, old=(at, edge), new=_span(other, low, high, rng)))
        at = edge
    _, low, high = segments[-1]
    start = max(1.0, low + rng.uniform(0, 1))
    finish = start + (end - at) / _last_pace(start, high, end - at, rng)
    return [*found, _Turn(other=False, old=(at, end), new=(start, finish))]


def _span(other: bool, low: int, high: int, rng: np.random.Generator) -> tuple[float, float]:
    """When a turn's first and last points are drawn; the first frame of all is blank."""
    start = max(1.0, float(low))
    if not other:
        return start, high - SMALLEST_STEP
    if rng.random() < 0.15:  # pasted rather than drawn
        return start, start + 0.5
    return start, high - float(rng.uniform(1, 4))


def _last_pace(start: float, high: int, left: float, rng: np.random.Generator) -> float:
    """Pace of the model's last turn, relative to the grammar's.

    It ends shortly before the usual clip does, unless that would be a rush; later than that clip
    nothing hurries.
    """
    clip_end = first_frame_of(WINDOW_BLOCKS)
    if high > clip_end:
        return math.exp(rng.uniform(0, 0.4))
    goal = float(rng.uniform(0.89, 0.95)) * (clip_end - 1)
    return min(FASTEST, left / max(goal - start, SMALLEST_STEP))


def _snapped(sketch: Sketch, time: float, rng: np.random.Generator) -> float:
    """A near end of a stroke, mostly; else the stroke will be cut."""
    ends = np.array([s.end for s in sketch.strokes]) + SMALLEST_STEP
    nearest = float(ends[np.abs(ends - time).argmin()])
    return nearest if abs(nearest - time) < SNAP_FRAMES and rng.random() < 0.85 else time


def _reordered(sketch: Sketch, rng: np.random.Generator) -> Sketch:
    """Now and then a hand that begins takes parts in another order or leaves one out."""
    parts = list(dict.fromkeys(s.part for s in sketch.strokes))
    pick = rng.random()
    if len(parts) < 3 or pick > 0.5:
        return sketch
    first = int(rng.integers(2, len(parts)))
    order = list(parts)
    if pick < 0.25:
        order[:first] = [parts[i] for i in rng.permutation(first)]
    else:
        left_out = order.pop(int(rng.integers(0, first - 1)))
        order.insert(first - 1, left_out)
    return _in_order(sketch, order)


def _rest_as_planned(sketch: Sketch, edge: float) -> Sketch:
    """Parts that are not begun before `edge` follow in the plan's order."""
    drawn = list(dict.fromkeys(s.part for s in sketch.strokes))
    begun = [part for part in drawn if sketch.part_span(part)[0] < edge]  # type: ignore[index]
    return _in_order(sketch, [*begun, *sorted(set(drawn) - set(begun))])


def _in_order(sketch: Sketch, order: Sequence[int]) -> Sketch:
    """The same strokes with the parts' time spans in another order."""
    spans = {part: span for part in order if (span := sketch.part_span(part))}
    clock = min(low for low, _ in spans.values())
    strokes: list[Stroke] = []
    for part in order:
        low, high = spans[part]
        shift = np.float32(clock - low)
        mine = (s for s in sketch.strokes if s.part == part)
        strokes += [replace(s, times_N=s.times_N + shift) for s in mine]
        clock += high - low + 0.5
    return replace(sketch, strokes=tuple(strokes))
