from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.drawings import shapes_drawing
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data import renderer
from videosketcher_app.evaluation.clip import read_clip
from videosketcher_app.evaluation.renders import (
    GRID_HEIGHT,
    GRID_WIDTH,
    distance_to_place,
    render,
)
from videosketcher_app.evaluation.samples import make_sample, shape_answers
from videosketcher_app.evaluation.vocabulary import (
    Vocabulary,
    full_label,
    related,
    swap_sides,
)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.of_primitives()


def test_render_and_film_of_a_sketch_agree_on_ink_and_time() -> None:
    drawing = shapes_drawing()
    picture = render(drawing.sketch, len(drawing.labels))
    clip = read_clip(renderer.frames(drawing.sketch))
    assert picture.ink_HW.shape == clip.ink_HW.shape == (GRID_HEIGHT, GRID_WIDTH)
    assert np.abs(picture.ink_HW - clip.ink_HW).mean() < 0.004
    both = (picture.ink_HW > 0.4) & (clip.ink_HW > 0.4)
    difference = np.abs(picture.times_HW - clip.times_HW)[both]
    assert np.median(difference) < 1.0
    assert clip.raw.persistence == clip.composited.persistence == 1


def test_owners_are_the_parts_of_the_sketch() -> None:
    drawing = shapes_drawing()
    picture = render(drawing.sketch, len(drawing.labels))
    assert np.unique(picture.owners_HW).tolist() == [0, 1, 2, 4, 8, 16]
    for center, label in zip(picture.centers_P2, drawing.labels, strict=True):
        assert distance_to_place(center, label.split("@")[1]) == 0


@pytest.mark.parametrize(
    ("point", "place", "distance"),
    [
        ((0.5, 0.5), "center", 0),
        ((0.1, 0.5), "center", 7 / 30),
        ((0.5, 0.9), "top center", 17 / 30),
    ],
)
def test_distance_to_a_place(point: tuple[float, float], place: str, distance: float) -> None:
    assert distance_to_place(point, place) == pytest.approx(distance, abs=1e-6)


def test_samples_are_the_same_for_the_same_seed(vocabulary: Vocabulary) -> None:
    one, same, other = (make_sample(vocabulary, [1, i]) for i in (4, 4, 5))
    assert np.array_equal(one.ink_HW, same.ink_HW)
    assert np.array_equal(one.queries_Q, same.queries_Q)
    assert not np.array_equal(one.ink_HW, other.ink_HW)


def test_every_asked_part_has_ink_and_absent_ones_have_no_bits(vocabulary: Vocabulary) -> None:
    for index in range(20):
        sample = make_sample(vocabulary, [1, index])
        assert (sample.answers_Q[sample.queries_Q < 0] == 0).all()
        for bits in sample.answers_Q[sample.answers_Q > 0]:
            assert (sample.owners_HW & bits).any()


def test_no_question_contradicts_the_picture(vocabulary: Vocabulary) -> None:
    centers = np.array([[0.5, 0.5], [0.3, 0.2]], np.float32)
    for seed in range(10):
        answers = shape_answers(
            vocabulary, ["wide oval", "star"], centers, np.random.default_rng(seed)
        )
        assert answers[vocabulary.query("oval@center")] == 1
        assert answers[vocabulary.query("wide oval@center")] == 1
        assert answers[vocabulary.query("star@top left")] == 2
        # The star stands so near to the border that either place may be said of it.
        assert vocabulary.query("star@top center") not in {
            q for q, bits in answers.items() if not bits
        }


def test_vocabulary_survives_its_text_form(vocabulary: Vocabulary) -> None:
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    assert len({vocabulary.query(f"{s}@left") for s in vocabulary.shapes}) == len(vocabulary.shapes)


def test_unknown_labels_are_refused_in_one_sentence(vocabulary: Vocabulary) -> None:
    with pytest.raises(InvalidRequest, match="does not know the part 'cat/horn'"):
        vocabulary.query("cat/horn")


def test_words_of_labels() -> None:
    assert swap_sides("left wing of the right bird") == "right wing of the left bird"
    assert full_label("cat", "head") == "cat/head"
    assert full_label("pseudo", "star@left") == "star@left"
    assert related("wide oval", "oval")
    assert not related("circle", "oval")
