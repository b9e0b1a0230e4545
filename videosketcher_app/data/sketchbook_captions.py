"""A first caption for a drawing: its parts in the order in which the pen drew them, as a plan.

What was drawn without pausing or moving away is one part; strokes that are known to belong to
parts keep them. Every part is told by its shape, size and place in the words of the plan language.
What a part *is* (a head, a wheel) nobody can read from strokes: the person who drew it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import DEFAULT_FPS, place_of
from videosketcher_app.core.plan import DrawingPlan, PlanPart, is_plan, parse_plan
from videosketcher_app.core.wording import Layout, plural_of, where_words, write_part
from videosketcher_app.data.shape_words import Box, is_closed, outline_word, shape_of, size_of
from videosketcher_app.data.strokes import Sketch, Stroke

MAX_LOOKED_AT = 60  # groups; of more, most end in a common part anyway
MAX_PARTS = 10  # the published plans have 5 to 10 steps
BORDER = 1.0  # a change from one stroke to the next that adds up to this begins a new part
LONG_PAUSE_S = 1.2
FAR_SHARE = 0.12  # of the drawing's diagonal
APART = 0.35  # strokes that do not touch
CLOSED = 0.5  # an outline that is closed is mostly a part by itself
NEAR = 3.0  # shapes of one kind are at most this many of their sizes away from each other
ALIKE = 1.6  # sizes of shapes of one kind differ by at most this factor
LOOK_BACK = 12  # strokes of a part that the next one may touch; hatching has hundreds
NUMBERS = ("two", "three", "four", "five", "six")
_Group = list[Stroke]


def suggested_plan(sketch: Sketch, concept: str) -> DrawingPlan:
    """The plan of a drawing as its strokes tell it.

    Raises:
        InvalidRequest: there is no stroke, or the concept is no line of words.
    """
    if not sketch.strokes:
        raise InvalidRequest("There is no stroke to tell about.", hint="Draw something first.")
    concept = parse_plan(concept).concept if is_plan(concept) else concept
    parts = tuple(_part(group, sketch) for group in grouped(sketch))
    return DrawingPlan(concept=concept, parts=parts)


def grouped(sketch: Sketch) -> list[_Group]:
    """The strokes in groups of one part each, in drawing order."""
    strokes = list(sketch.strokes)
    if len({stroke.part for stroke in strokes}) > 1:
        groups = _known(strokes)
    else:
        groups = _joined_alike(_cut(strokes))
    return _at_most(groups, MAX_PARTS)


def _known(strokes: Sequence[Stroke]) -> list[_Group]:
    order = dict.fromkeys(stroke.part for stroke in strokes)
    return [[stroke for stroke in strokes if stroke.part == part] for part in order]


def _cut(strokes: Sequence[Stroke]) -> list[_Group]:
    """Groups of strokes that follow each other closely in time and place."""
    box = Box.around([stroke.points_N2 for stroke in strokes])
    diagonal = max(1e-6, 2 * float(np.hypot(box.half_width, box.half_height)))
    groups: list[_Group] = [[strokes[0]]]
    for stroke in strokes[1:]:
        if _change(groups[-1], stroke, diagonal) >= BORDER:
            groups.append([stroke])
        else:
            groups[-1].append(stroke)
    return groups


def _change(group: _Group, stroke: Stroke, diagonal: float) -> float:
    """How much speaks for a new part: a pause, a way, ink that does not touch, closed outlines."""
    pause_s = max(0.0, stroke.start - group[-1].end) / DEFAULT_FPS
    lately = group[-LOOK_BACK:]
    gap_px = min(_gap(one, stroke) for one in lately)
    reach_px = 2.5 * max(one.pen.width_px for one in (*lately, stroke))
    way = gap_px / (FAR_SHARE * diagonal)
    closed = is_closed(stroke.points_N2) + is_closed(group[-1].points_N2)
    apart = APART if gap_px > reach_px else 0.0
    return pause_s / LONG_PAUSE_S + way + apart + CLOSED * closed


def _gap(one: Stroke, other: Stroke) -> float:
    """Smallest distance of the points of two strokes, in pixels, to about a hundredth."""
    a, b = (s.points_N2[:: max(1, len(s.points_N2) // 100)] for s in (one, other))
    return float(np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1).min()))


def _joined_alike(groups: list[_Group]) -> list[_Group]:
    """Neighbors of one shape and size become one part: two eyes, four wheels."""
    if len(groups) > MAX_LOOKED_AT:
        return groups
    joined: list[_Group] = []
    for group in groups:
        if joined and len(group) == 1 and _alike(joined[-1], group[0]):
            joined[-1].append(group[0])
        else:
            joined.append(group)
    return joined


def _alike(group: _Group, stroke: Stroke) -> bool:
    sizes = [_extent(one) for one in (*group, stroke)]
    is_even = max(sizes) <= ALIKE * max(1e-6, min(sizes))
    if not is_even or len(group) > len(NUMBERS) or _gap(group[-1], stroke) > NEAR * max(sizes):
        return False
    shapes = {shape_of([one.points_N2]) for one in (*group, stroke)}
    return len(shapes) == 1 and shapes != {None}


def _extent(stroke: Stroke) -> float:
    return float(np.hypot(*np.ptp(stroke.points_N2, axis=0)))


def _at_most(groups: list[_Group], count: int) -> list[_Group]:
    """Joins neighbors, those with the shortest pause between them first, then the smallest."""
    groups = list(groups)
    while len(groups) > count:
        costs = [(b[0].start - a[-1].end, len(a) + len(b)) for a, b in pairwise(groups)]
        at = costs.index(min(costs))
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
    return groups


def _part(group: _Group, sketch: Sketch) -> PlanPart:
    lines = [stroke.points_N2 for stroke in group]
    box = Box.around(lines)
    place = place_of(*box.center, sketch.width_px, sketch.height_px)
    shape = shape_of(lines)
    if shape is None and 1 < len(group) <= 1 + len(NUMBERS):
        each = {shape_of([line]) for line in lines}
        if len(each) == 1 and None not in each and _alike(group[:-1], group[-1]):
            return _several(each.pop() or "", group, place, sketch)
    size = size_of(shape, box, sketch.height_px)
    if shape is not None:
        name, words = shape, write_part(Layout(shape=shape, size=size, place=place))
        return PlanPart(name=name.capitalize(), description=words)
    noun = outline_word(lines[0]) if len(lines) == 1 else "shape"
    where = where_words(Layout(place=place))
    return PlanPart(name=noun.capitalize(), description=f"a {size} {noun} {where}")


def _several(shape: str, group: _Group, place: str, sketch: Sketch) -> PlanPart:
    first = Box.around([group[0].points_N2])
    size = size_of(shape, first, sketch.height_px)
    words = f"{NUMBERS[len(group) - 2]} {size} {plural_of(shape)}"
    where = where_words(Layout(place=place))
    return PlanPart(name=plural_of(shape).capitalize(), description=f"{words} {where}")
