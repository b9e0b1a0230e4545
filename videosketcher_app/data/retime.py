"""Retiming: other order, other durations, pauses and pace for the parts of a finished sketch.

Only times change. Strokes keep their place in the list, which decides how they cover each other,
so the finished drawing is the same to the last pixel however its parts are moved.

Legend: P parts that have strokes, in drawing order; times are frames.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.strokes import Sketch, Stroke

MIN_PART_S, MAX_PART_S = 0.05, 60.0
MAX_HOLD_S = 30.0
MIN_SPEED, MAX_SPEED = 0.1, 10.0
MAX_FRAMES = 3000
FIRST_INK = 0.5  # nothing is inked in frame 0, which is blank paper
SHORTEST = 0.5  # frames that a part takes at least, also one that came all at once


@dataclass(frozen=True, kw_only=True)
class Retiming:
    """What to change; parts are named by their index in the sketch.

    Attributes:
        order: the parts in their new order; empty keeps the order. Parts without strokes may be
            left out, and come last then.
        durations_s: seconds that a part takes, as the timeline shows it: the first part's include
            the blank paper before it and the last part's the time until the clip ends.
        holds_s: seconds to wait at the end of a part.
        speed: 2 draws twice as fast; holds keep their length.
    """

    order: tuple[int, ...] = ()
    durations_s: Mapping[int, float] = field(default_factory=dict)
    holds_s: Mapping[int, float] = field(default_factory=dict)
    speed: float = 1.0

    def __post_init__(self) -> None:
        _require_range("The speed", self.speed, MIN_SPEED, MAX_SPEED)
        for part, seconds in self.durations_s.items():
            _require_range(f"The time of part {part + 1}", seconds, MIN_PART_S, MAX_PART_S, " s")
        for part, seconds in self.holds_s.items():
            _require_range(f"The pause after part {part + 1}", seconds, 0.0, MAX_HOLD_S, " s")


@dataclass(frozen=True, kw_only=True)
class _Slot:
    """Where one part goes: its own times from `start` on, times `scale`, begin at `at`."""

    start: float
    scale: float
    at: float


def full_order(sketch: Sketch, order: tuple[int, ...]) -> list[int]:
    """All parts of the sketch (also those without strokes) in their new order.

    Raises:
        InvalidRequest: a part is unknown, twice in the order, or has strokes and is missing.
    """
    count = max([len(sketch.part_names), *(stroke.part + 1 for stroke in sketch.strokes)])
    given = list(order) or drawn_order(sketch)
    unknown = [part for part in given if not 0 <= part < count]
    if unknown or len(set(given)) != len(given):
        raise InvalidRequest(
            f"The new order must name each of the {count} parts once. "
            f"Received: {[part + 1 for part in given]}",
            hint="Number the parts as in the plan.",
        )
    missing = [part for part in drawn_order(sketch) if part not in given]
    if missing:
        raise InvalidRequest(
            f"The new order leaves out part {missing[0] + 1}.", hint="Name every part once."
        )
    return given + [part for part in range(count) if part not in given]


def drawn_order(sketch: Sketch) -> list[int]:
    """The parts that have strokes, by their first one."""
    spans = _spans(sketch)
    return sorted(spans, key=lambda part: (spans[part][0], part))


def retimed(sketch: Sketch, retiming: Retiming) -> Sketch:
    """The same strokes at other times; parts are renumbered in their new order.

    Raises:
        InvalidRequest: the order is no order of these parts, or the clip becomes too long.
    """
    order = full_order(sketch, retiming.order)
    slots, length = _slots(sketch, retiming, order)
    num_frames = max(2, round(length))
    if num_frames > MAX_FRAMES:
        raise InvalidRequest(
            f"The clip would have {num_frames:,} frames; at most {MAX_FRAMES:,} are possible.",
            hint="Shorten parts or pauses, or draw faster.",
        )
    place = {part: index for index, part in enumerate(order)}
    strokes = tuple(
        _moved(stroke, slots[stroke.part], place[stroke.part], num_frames)
        for stroke in sketch.strokes
    )
    names = tuple(sketch.part_names[part] for part in order if part < len(sketch.part_names))
    return replace(sketch, strokes=strokes, num_frames=num_frames, part_names=names)


def _slots(sketch: Sketch, retiming: Retiming, order: list[int]) -> tuple[dict[int, _Slot], float]:
    """The new place of every part with strokes, and the length of the clip in frames."""
    spans = _spans(sketch)
    if not spans:
        return {}, sketch.num_frames / retiming.speed
    old_order = drawn_order(sketch)
    lead = spans[old_order[0]][0]
    last_end = max(end for _, end in spans.values())
    tail = max(0.0, sketch.num_frames - last_end)
    starts = [spans[part][0] for part in old_order]
    ends = [*starts[1:], last_end]
    natural = {p: max(SHORTEST, b - a) for p, a, b in zip(old_order, starts, ends, strict=True)}
    new_order = [part for part in order if part in spans]
    slots, at = {}, 0.0
    for part in new_order:
        before = lead if part == new_order[0] else 0.0
        after = tail if part == new_order[-1] else 0.0
        shown = before + natural[part] + after
        wanted = retiming.durations_s.get(part, shown / sketch.fps) * sketch.fps
        factor = wanted / shown / retiming.speed
        start, end = spans[part]
        own = max(SHORTEST, end - start)
        # A part whose last strokes reach into the next one is squeezed into its own time.
        squeeze = min(1.0, natural[part] / own)
        slots[part] = _Slot(start=start, scale=factor * squeeze, at=at + before * factor)
        at += shown * factor + retiming.holds_s.get(part, 0.0) * sketch.fps
    return slots, at


def _moved(stroke: Stroke, slot: _Slot, part: int, num_frames: int) -> Stroke:
    times = slot.at + (stroke.times_N.astype(np.float64) - slot.start) * slot.scale
    times = np.clip(times, FIRST_INK, num_frames - 1)
    return replace(stroke, times_N=times.astype(np.float32), part=part)


def _spans(sketch: Sketch) -> dict[int, tuple[float, float]]:
    """First and last frame of every part that has strokes."""
    spans: dict[int, tuple[float, float]] = {}
    for stroke in sketch.strokes:
        a, b = spans.get(stroke.part, (math.inf, -math.inf))
        spans[stroke.part] = min(a, stroke.start), max(b, stroke.end)
    return spans


def _require_range(what: str, value: float, low: float, high: float, unit: str = "") -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and low <= value <= high):  # also refuses NaN
        raise InvalidRequest(
            f"{what} must be from {low:g} to {high:g}{unit}. Received: {reprlib.repr(value)}",
            hint="Choose a value in between.",
        )
