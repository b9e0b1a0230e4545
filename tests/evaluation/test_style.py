"""The style of the unknown hand is told from the grammar's, and keeps what the plan says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.evaluation.seen_parts import reading_of
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.style_hand import (
    TAUGHT,
    plain_drawing,
    restyled,
    restyled_drawing,
    taught_drawings,
)
from videosketcher_app.evaluation.rough import roughened
from videosketcher_app.evaluation.scores import Score
from videosketcher_app.evaluation.style import (
    MARKS,
    StyleClassifier,
    fit_classifier,
    fitting_concepts,
    marks_of_clips,
    moved_towards,
    style_marks,
)
from videosketcher_app.evaluation.style_report import order_together, unseen_tasks


@pytest.fixture(scope="module")
def classifier() -> StyleClassifier:
    return fit_classifier(216, 120, drawings=16, num_frames=41)


def test_the_classifier_tells_the_hands_apart_on_unseen_concepts(
    classifier: StyleClassifier,
) -> None:
    assert classifier.calibration["new_as_new"] >= 0.9
    assert classifier.calibration["plain_as_new"] <= 0.15


def test_broken_and_doubled_lines_are_no_style(classifier: StyleClassifier) -> None:
    assert classifier.calibration["rough_new_as_new"] >= 0.8
    assert classifier.calibration["rough_plain_as_new"] <= 0.2


@pytest.mark.parametrize("make", [plain_drawing, restyled_drawing])
def test_a_rough_drawing_keeps_parts_and_times(make: Callable[..., Composition]) -> None:
    sketch, rng = make("bicycle", 5, 216, 120, 41).sketch, np.random.default_rng(3)
    assert roughened(sketch, rng, 0.0) is sketch
    rough = roughened(sketch, rng, 1.0)
    assert len(rough.strokes) > len(sketch.strokes)
    for part in range(len(sketch.part_names)):
        (begun, ended), (first, last) = sketch.part_span(part), rough.part_span(part)  # type: ignore[misc]
        assert begun <= first <= last <= ended
        assert first - begun < 4
    known = renderer.frames(sketch)[-1] < 128
    both = known & (renderer.frames(rough)[-1] < 128)
    assert 0.3 < both.sum() / known.sum() < 0.95


def test_marks_move_towards_the_style_that_is_drawn(classifier: StyleClassifier) -> None:
    names = ("dog", "barn", "lamp", "ship")
    sides = [
        marks_of_clips(renderer.frames(make(name, 9, 216, 120, 41).sketch) for name in names)
        for make in (plain_drawing, restyled_drawing)
    ]
    moved = moved_towards(sides[0], sides[1], classifier)
    assert moved["line"] > 0.3
    assert moved["order"] > 0.3
    assert moved_towards(sides[0], sides[0], classifier)["line"] == 0
    assert not classifier.is_new(sides[0]).all()
    assert classifier.is_new(sides[1]).all()


def test_blank_paper_is_in_no_style(classifier: StyleClassifier) -> None:
    marks = style_marks(np.full((41, 120, 216, 3), 255, np.uint8))
    assert marks.shape == (len(MARKS),)
    assert not classifier.is_new(marks[None]).any()


@pytest.mark.parametrize("name", ["cat", "bicycle", "garden"])
def test_the_hand_keeps_parts_their_order_and_times(name: str) -> None:
    plain = plain_drawing(name, 5, 216, 120)
    drawn = restyled(plain.sketch, np.random.default_rng(5))
    assert {s.part for s in drawn.strokes} == {s.part for s in plain.sketch.strokes}
    for part in range(len(plain.sketch.part_names)):
        assert drawn.part_span(part) == pytest.approx(plain.sketch.part_span(part))
    for stroke in drawn.strokes:
        assert (np.diff(stroke.times_N) >= 0).all()
        assert (stroke.points_N2 >= 0).all()
        assert (stroke.points_N2 <= (216, 120)).all()
    assert len(drawn.strokes) == 2 * len(plain.sketch.strokes)


def test_what_teaches_the_style_measures_nothing() -> None:
    drawings = taught_drawings(216, 120)
    assert [drawing.source for drawing in drawings] == list(TAUGHT)
    assert len(TAUGHT) == 7
    tasks = unseen_tasks(30)
    assert len(tasks) == 30
    fitted, unseen = fitting_concepts()
    assert not {task.name for task in tasks} & {*TAUGHT, *fitted}
    assert not set(fitted) & set(unseen)


def test_what_the_model_drew_before_counts_as_plain(classifier: StyleClassifier) -> None:
    names = ("dog", "barn", "lamp", "ship", "tent", "book")
    doubled = marks_of_clips(
        renderer.frames(restyled_drawing(name, 3, 216, 120, 41).sketch) for name in names
    )
    taught = fit_classifier(216, 120, drawings=16, num_frames=41, untaught_DM=doubled)
    assert taught.probability(doubled).mean() < classifier.probability(doubled).mean()


def test_order_is_compared_over_the_parts_that_both_drawings_show() -> None:
    def drawn(*frames: float | None) -> Score:
        reading = reading_of([str(number) for number in range(len(frames))], frames)
        return Score(task=None, clip=None, reading=reading)  # type: ignore[arg-type]

    one, other = [drawn(1, 2, None), drawn(3, 1)], [drawn(1, 3, 2), drawn(1, 2)]
    assert order_together(one, other) == 0.5, "1 before 2; 3 after 1"
    assert order_together(other, one) == 1, "the third part is not in the first drawing"
    assert np.isnan(order_together([drawn(1, None)], [drawn(None, 1)]))
