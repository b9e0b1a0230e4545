"""A suggested caption tells shape, size and place of every part, in drawing order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import PLACES
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.core.wording import read_part
from videosketcher_app.data.grammar.hand import draw_parts
from videosketcher_app.data.grammar.primitives import (
    SHAPES,
    PlacedShape,
    compose_primitives,
    sample_shapes,
)
from videosketcher_app.data.shape_words import shape_of
from videosketcher_app.data.sketchbook_captions import suggested_plan
from videosketcher_app.data.strokes import Sketch

KINDS = {"rectangle": ("rectangle", "tall rectangle", "wide rectangle")}
KINDS["straight line"] = (
    "straight line",
    "vertical line",
    "horizontal line",
    "diagonal line",
)


def forgotten(sketch: Sketch) -> Sketch:
    """Strokes that do not know their part any more."""
    return replace(sketch, strokes=tuple(replace(stroke, part=0) for stroke in sketch.strokes))


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_the_language_is_recognized(shape):
    rng = np.random.default_rng(sum(map(ord, shape)))
    for _ in range(3):
        item = PlacedShape(shape=shape, place="center", size="large")
        sketch = compose_primitives(rng, [item]).sketch
        word = shape_of([stroke.points_N2 for stroke in sketch.strokes])
        assert word in KINDS.get(shape, (shape,))


def test_parts_are_told_in_the_order_of_the_pen():
    rng = np.random.default_rng(99)
    right = 0
    for _ in range(20):
        items = sample_shapes(rng, int(rng.integers(2, 8)))
        plan = suggested_plan(forgotten(compose_primitives(rng, items).sketch), "some shapes")
        assert parse_plan(str(plan)) == plan
        assert plan.concept == "some shapes"
        told = [read_part(part.description).place for part in plan.parts]
        right += told == [item.place for item in items]
    assert right >= 15


def test_strokes_that_know_their_parts_keep_them():
    items = [PlacedShape(shape="circle", place=place, size="small") for place in PLACES]
    sketch = compose_primitives(np.random.default_rng(4), items).sketch
    plan = suggested_plan(sketch, "circles")
    assert [read_part(part.description).place for part in plan.parts] == list(PLACES)
    assert {part.description.split()[1] for part in plan.parts} <= {"small", "tiny"}


def test_equal_neighbors_are_one_part_with_their_number():
    rng = np.random.default_rng(2)
    eyes = [[40 + 60 * i + 12 * np.stack([np.cos(t), np.sin(t)], 1)] for i, t in _turns(2)]
    sketch = draw_parts(eyes, ["eye", "eye"], _hand(), rng)
    plan = suggested_plan(forgotten(sketch), "two eyes")
    assert len(plan.parts) == 1
    assert plan.parts[0].name == "Circles"
    assert plan.parts[0].description.startswith("two small circles")


def test_pauses_separate_lines_that_touch():
    rng = np.random.default_rng(3)
    item = PlacedShape(shape="wave", place="center", size="large")
    wave = compose_primitives(rng, [item]).sketch.strokes[0]
    after = replace(wave, points_N2=wave.points_N2 + 3, times_N=wave.times_N + wave.end + 40)
    plan = suggested_plan(Sketch(strokes=(wave, after)), "waves")
    assert 1 <= len(plan.parts) <= 2
    long = replace(after, times_N=after.times_N + 100)
    scribble = replace(long, points_N2=long.points_N2 * np.float32([0.3, 1.6]))
    assert len(suggested_plan(Sketch(strokes=(wave, scribble)), "waves").parts) == 2


def test_a_plan_as_a_concept_gives_its_concept_and_no_words_are_refused():
    sketch = compose_primitives(np.random.default_rng(5)).sketch
    plan = suggested_plan(sketch, "a cat")
    assert suggested_plan(sketch, str(plan)) == plan
    for concept in ("", "  ", "a\ncat\x00"):
        with pytest.raises(InvalidRequest):
            suggested_plan(sketch, concept)
    with pytest.raises(InvalidRequest):
        suggested_plan(Sketch(strokes=()), "a cat")


def test_many_strokes_stay_a_plan_of_at_most_ten_parts():
    rng = np.random.default_rng(6)
    strokes = []
    for _ in range(4):
        strokes += compose_primitives(rng, sample_shapes(rng, 9)).sketch.strokes
    moved = tuple(replace(s, part=0, times_N=s.times_N + 90 * i) for i, s in enumerate(strokes))
    assert len(suggested_plan(Sketch(strokes=moved), "a lot").parts) == 10


def _turns(count):
    return [(i, np.linspace(0, 2 * np.pi, 60)) for i in range(count)]


def _hand():
    from videosketcher_app.data.grammar.hand import Hand

    return Hand(tremor_px=0.1)
