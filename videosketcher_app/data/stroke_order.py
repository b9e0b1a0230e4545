"""The drawing order of a finished picture: groups of strokes that a person can bring into order.

A scan tells no order. `ingest.ordering` proposes one, by the plan's words, or by size and place; here
the strokes are told in groups (the parts of the plan, else what belongs together), and groups change
places. Strokes within a group stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import DrawingPlan, is_plan, parse_plan
from videosketcher_app.data.ingest.ordering import ordered
from videosketcher_app.data.ingest.pace import at_even_pace
from videosketcher_app.data.sketchbook_captions import grouped, suggested_plan
from videosketcher_app.data.sketchbooks import BookSketch
from videosketcher_app.data.strokes import Stroke

UNORDERED = ("scan", "image")  # origins of sketches that nobody saw being drawn
_ANY = "a drawing"


@dataclass(frozen=True, kw_only=True)
class StrokeGroup:
    """What is drawn in one go.

    Attributes:
        words: what it is, from the caption or from its shape.
        strokes: places in the sketch's list.
    """

    words: str
    strokes: tuple[int, ...]


def groups_of(sketch: BookSketch) -> tuple[StrokeGroup, ...]:
    """The groups of a sketch in drawing order."""
    if not sketch.strokes:
        return ()
    plan = _plan_of(sketch)
    if plan is not None:
        parts = dict.fromkeys(stroke.part for stroke in sketch.strokes)
        return tuple(
            StrokeGroup(words=plan.parts[part].name, strokes=_places(sketch, part))
            for part in parts
        )
    groups, at = [], 0
    told = suggested_plan(sketch.sketch, _ANY).parts
    for group, part in zip(grouped(sketch.sketch), told, strict=True):
        groups.append(StrokeGroup(words=part.name, strokes=tuple(range(at, at + len(group)))))
        at += len(group)
    return tuple(groups)


def proposed(sketch: BookSketch) -> BookSketch:
    """The sketch in the order that its caption tells, else from large to small and near to near.

    Raises:
        InvalidRequest: its order is known, since it was seen being drawn.
    """
    _require_unordered(sketch)
    plan = parse_plan(sketch.caption) if is_plan(sketch.caption) else None
    strokes = [replace(stroke, part=0) for stroke in sketch.strokes]
    return _paced(sketch, ordered(strokes, plan))


def moved(sketch: BookSketch, group: int, index: int) -> BookSketch:
    """The sketch with a group at another place; the plan of its caption follows.

    Args:
        group: its place among `groups_of`, from 0.
        index: its new place; beyond the end is the end.

    Raises:
        InvalidRequest: there is no such group, or its order is known.
    """
    _require_unordered(sketch)
    groups = list(groups_of(sketch))
    if not 0 <= group < len(groups):
        raise InvalidRequest(
            f"The sketch has {len(groups)} groups of strokes.", hint="Look at the list again."
        )
    groups.insert(min(max(0, index), len(groups) - 1), groups.pop(group))
    plan, caption = _plan_of(sketch), sketch.caption
    if plan is not None:
        order = [sketch.strokes[each.strokes[0]].part for each in groups]
        order += [part for part in range(len(plan.parts)) if part not in order]
        caption = str(replace(plan, parts=tuple(plan.parts[part] for part in order)))
    strokes = [
        replace(sketch.strokes[at], part=number)
        for number, each in enumerate(groups)
        for at in each.strokes
    ]
    return replace(_paced(sketch, strokes), caption=caption)


def _require_unordered(sketch: BookSketch) -> None:
    if sketch.origin not in UNORDERED:
        raise InvalidRequest(
            "The order of this sketch is known: it was seen being drawn.",
            hint="Only scans and pictures need one.",
        )


def _plan_of(sketch: BookSketch) -> DrawingPlan | None:
    """The caption's plan, if the strokes know to which of its parts they belong."""
    if not is_plan(sketch.caption):
        return None
    plan = parse_plan(sketch.caption)
    parts = {stroke.part for stroke in sketch.strokes}
    return plan if len(parts) > 1 and max(parts) < len(plan.parts) else None


def _places(sketch: BookSketch, part: int) -> tuple[int, ...]:
    return tuple(at for at, stroke in enumerate(sketch.strokes) if stroke.part == part)


def _paced(sketch: BookSketch, strokes: Sequence[Stroke]) -> BookSketch:
    return replace(sketch, strokes=at_even_pace(strokes, sketch.width, sketch.height))
