"""A suggested caption tells shape, size and place of every part, in drawing order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import DEFAULT_FPS, PLACES
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.core.wording import read_part
from videosketcher_app.data.grammar.hand import Hand, draw_parts
from videosketcher_app.data.grammar.primitives import (
    SHAPES,
    PlacedShape,
    compose_primitives,
    sample_shapes,
)
from videosketcher_app.data.shape_words import shape_of
from videosketcher_app.data.sketchbook_captions import suggested_plan
from videosketcher_app.data.strokes import Sketch, Stroke

KINDS: dict[str, tuple[str, ...]] = {"rectangle": ("rectangle", "tall rectangle", "wide rectangle")}
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
    turn_N = np.linspace(0, 2 * np.pi, 60)
    circle_N2 = 12 * np.stack([np.cos(turn_N), np.sin(turn_N)], axis=1)
    eyes = [[(circle_N2 + x).astype(np.float32)] for x in (40, 100)]
    sketch = draw_parts(eyes, ["eye", "eye"], Hand(tremor_px=0.1), rng)
    plan = suggested_plan(forgotten(sketch), "two eyes")
    assert len(plan.parts) == 1
    assert plan.parts[0].name == "Circles"
    assert plan.parts[0].description.startswith("two small circles")


def test_a_pause_separates_lines_that_touch():
    def line(*points: tuple[float, float], start: float) -> Stroke:
        return Stroke(
            points_N2=np.array(points, np.float32),
            times_N=np.array([start, start + 8], np.float32),
            pressure_N=np.ones(2, np.float32),
        )

    flat = line((100, 100), (200, 100), start=1)
    for pause_s, count in ((0.2, 1), (3.0, 2)):
        upright = line((200, 100), (200, 180), start=9 + pause_s * DEFAULT_FPS)
        plan = suggested_plan(Sketch(strokes=(flat, upright)), "a corner")
        assert len(plan.parts) == count


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
