"""Changes: what a re-render did to a drawing, as its config records it and a replay reads it."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import refuse_unknown
from videosketcher_app.data.retime import Retiming

DEFAULT_HEIGHT_PX = 1080
MIN_HEIGHT_PX, MAX_HEIGHT_PX = 64, 2160
MAX_STEPS = 100
_KEYS: dict[str, None] = dict.fromkeys(("order", "durations_s", "holds_s", "speed", "height_px"))


@dataclass(frozen=True, kw_only=True)
class Changes:
    """One re-render: other times, another size.

    Attributes:
        retiming: order, durations, pauses and speed.
        height_px: of video and picture; the width follows from the canvas.
    """

    retiming: Retiming = field(default_factory=Retiming)
    height_px: int = DEFAULT_HEIGHT_PX

    def __post_init__(self) -> None:
        check_height(self.height_px)

    def with_order(self, order: list[int]) -> Changes:
        """The same with the order written out in full."""
        return replace(self, retiming=replace(self.retiming, order=tuple(order)))

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for JSON."""
        retiming = self.retiming
        return {
            "order": list(retiming.order),
            "durations_s": {str(p): float(s) for p, s in sorted(retiming.durations_s.items())},
            "holds_s": {str(p): float(s) for p, s in sorted(retiming.holds_s.items())},
            "speed": float(retiming.speed),
            "height_px": self.height_px,
        }


def check_height(height_px: int) -> None:
    """Refuses a height that no export can have.

    Raises:
        InvalidRequest: it is odd, too small or too large.
    """
    possible = type(height_px) is int and MIN_HEIGHT_PX <= height_px <= MAX_HEIGHT_PX
    if not possible or height_px % 2:
        raise InvalidRequest(
            f"The height must be an even number from {MIN_HEIGHT_PX} to {MAX_HEIGHT_PX} px. "
            f"Received: {reprlib.repr(height_px)}",
            hint=f"Try {DEFAULT_HEIGHT_PX}.",
        )


def size_of(width_px: int, height_px: int, *, wanted_height_px: int) -> tuple[int, int]:
    """(width, height) of an export of a canvas, both even."""
    check_height(wanted_height_px)
    width = 2 * round(wanted_height_px * width_px / height_px / 2)
    if not 2 <= width <= 2 * MAX_HEIGHT_PX:
        raise InvalidRequest(
            f"The export would be {width:,} px wide; at most {2 * MAX_HEIGHT_PX:,} are possible.",
            hint="Choose a smaller height.",
        )
    return width, wanted_height_px


def read_changes(config: Mapping[str, Any]) -> tuple[Changes, ...]:
    """The re-renders that a config records, first one first; none for a drawing as it was made.

    Raises:
        InvalidRequest: the record is damaged.
    """
    steps = config.get("rerender", [])
    if not isinstance(steps, list) or len(steps) > MAX_STEPS:
        raise InvalidRequest("The record of re-renders is damaged.", hint="Use the original.")
    return tuple(_read_step(step) for step in steps)


def shown_plan(plan: DrawingPlan, steps: tuple[Changes, ...]) -> DrawingPlan:
    """The plan with its parts in the order in which the clip draws them after all changes."""
    for step in steps:
        if len(step.retiming.order) == len(plan.parts):
            plan = plan.reordered(list(step.retiming.order))
    return plan


def _read_step(step: object) -> Changes:
    try:
        if not isinstance(step, dict):
            raise TypeError
        refuse_unknown(step, _KEYS)
        order = tuple(_index(part) for part in step["order"])
        if sorted(order) != list(range(len(order))):
            raise ValueError
        return Changes(
            retiming=Retiming(
                order=order,
                durations_s={int(k): float(v) for k, v in step["durations_s"].items()},
                holds_s={int(k): float(v) for k, v in step["holds_s"].items()},
                speed=float(step["speed"]),
            ),
            height_px=_index(step["height_px"]),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InvalidRequest(
            "The record of re-renders is damaged.", hint="Use the original drawing."
        ) from error


def _index(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value
