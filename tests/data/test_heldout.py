from __future__ import annotations

import numpy as np

from videosketcher_app.core.geometry import PLACES
from videosketcher_app.data.grammar.primitives import SHAPES, PlacedShape, compose_primitives
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.heldout import is_held_out, load, titles


def test_the_sets_hold_what_the_evaluation_promises() -> None:
    primitives, concepts = load("heldout_primitives"), load("heldout_concepts")
    assert (len(primitives), len(concepts)) == (300, 60)
    assert {len(item.labels) for item in primitives} == {3, 4, 5, 6, 7, 8}
    for item in (*primitives, *concepts):
        assert len(item.plan.parts) == len(item.labels) == len(set(item.labels))
        for label in item.labels:
            shape, place = label.split("@")
            assert shape in SHAPES
            assert place in PLACES


def test_a_drawing_of_a_held_out_plan_is_recognised() -> None:
    item = load("heldout_primitives")[7]
    pairs = zip(item.labels, item.sizes, strict=True)
    items = [PlacedShape(shape=x.split("@")[0], place=x.split("@")[1], size=s) for x, s in pairs]
    drawing = compose_primitives(np.random.default_rng(0), items)
    assert is_held_out(drawing.labels)
    assert not is_held_out(drawing.labels[::-1])


def test_no_program_draws_a_held_out_concept() -> None:
    drawn = {title for p in programs().values() for title in (p.title, *p.titles)}
    assert not drawn & titles()
