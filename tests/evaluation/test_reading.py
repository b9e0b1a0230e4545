from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.drawings import oracle_masks, oracle_reading, shapes_drawing
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.evaluation import altered
from videosketcher_app.evaluation.reading import ordered_pairs, queries_of, read_drawing
from videosketcher_app.evaluation.renders import (
    STRANGE_BIT,
    part_box,
    render,
    with_part_moved,
    without_part,
)


def test_a_true_drawing_has_every_figure_right() -> None:
    drawing = shapes_drawing()
    reading = oracle_reading(drawing.sketch, drawing.labels)
    assert all(part.present and part.in_place and part.right_shape for part in reading.parts)
    assert (reading.pairs_right, reading.pairs) == (10, 10)
    assert reading.extra_ink < 0.001


def test_times_of_parts_lie_within_their_strokes() -> None:
    drawing = shapes_drawing()
    for index, part in enumerate(oracle_reading(drawing.sketch, drawing.labels).parts):
        span = drawing.sketch.part_span(index)
        assert span is not None
        assert part.frame is not None
        assert span[0] <= part.frame <= span[1]


def test_order_against_shuffled_plans_is_chance() -> None:
    rng = np.random.default_rng(0)
    right = total = 0.0
    for seed in range(12):
        drawing = shapes_drawing(seed)
        planned = [drawing.labels[i] for i in rng.permutation(len(drawing.labels))]
        reading = oracle_reading(drawing.sketch, drawing.labels, planned=planned)
        right += reading.pairs_right
        total += reading.pairs
    assert 0.35 < right / total < 0.65


def test_a_drawing_made_backwards_has_no_pair_right() -> None:
    drawing = shapes_drawing()
    reading = oracle_reading(drawing.sketch, drawing.labels, planned=drawing.labels[::-1])
    assert (reading.pairs_right, reading.pairs) == (0, 10)


def test_a_removed_part_is_missing_and_the_others_stay() -> None:
    drawing = shapes_drawing()
    reading = oracle_reading(without_part(drawing.sketch, 2), drawing.labels)
    assert [part.present for part in reading.parts] == [True, True, False, True, True]
    assert reading.parts[2].frame is None
    assert reading.parts[2].right_shape is False
    assert (reading.pairs_right, reading.pairs) == (6, 6)


def test_a_part_beyond_its_third_is_out_of_place() -> None:
    drawing = shapes_drawing()
    moved = with_part_moved(drawing.sketch, 1, np.array([130, 0]))
    reading = oracle_reading(moved, drawing.labels)
    assert [part.in_place for part in reading.parts] == [True, False, True, True, True]
    nudged = with_part_moved(drawing.sketch, 1, np.array([75, 0]))
    assert oracle_reading(nudged, drawing.labels).parts[1].in_place


def test_another_shape_at_the_place_is_present_but_wrong() -> None:
    drawing = shapes_drawing()
    picture = render(drawing.sketch, len(drawing.labels))
    masks = oracle_masks(picture, drawing.labels)
    planned = ["heart@top left", *drawing.labels[1:]]
    own = dict(zip(queries_of(drawing.labels), masks.probability_QN, strict=True))
    masks = type(masks)(
        ink_HW=masks.ink_HW,
        rows_N=masks.rows_N,
        columns_N=masks.columns_N,
        probability_QN=np.stack([own[name] for name in queries_of(planned)]),
    )
    part = read_drawing(masks, planned, None, {}, {}).parts[0]
    assert (part.present, part.in_place, part.right_shape) == (True, True, False)


def test_strange_ink_is_counted_by_its_share() -> None:
    drawing = shapes_drawing()
    rng = np.random.default_rng(1)
    sketch = altered.scribbled(drawing.sketch, STRANGE_BIT, rng)
    clean = render(drawing.sketch, 5).ink_HW.sum()
    added = render(sketch, 5).ink_HW.sum() - clean
    reading = oracle_reading(sketch, drawing.labels)
    assert reading.extra_ink == pytest.approx(added / (added + clean), abs=0.04)


def test_ties_count_one_half_and_missing_parts_nothing() -> None:
    assert ordered_pairs([1.0, 1.0, 2.0]) == (2.5, 3)
    assert ordered_pairs([None, 3.0, 2.0]) == (0, 1)
    assert ordered_pairs([None]) == (0, 0)


def test_an_empty_picture_has_no_parts() -> None:
    drawing = shapes_drawing()
    blank = without_part(drawing.sketch, 0)
    for part in range(1, 5):
        blank = without_part(blank, part)
    reading = oracle_reading(blank, drawing.labels)
    assert not any(part.present for part in reading.parts)
    assert reading.extra_ink == 0


def test_moved_parts_of_objects_stand_where_they_never_stand() -> None:
    rng = np.random.default_rng(3)
    drawing = compose(programs()["cat"], rng, drop=False, shuffle=False, wording="name")
    moved = [altered.moved_far(drawing, part, rng) for part in range(len(drawing.labels))]
    for part, sketch in enumerate(moved):
        if sketch is None:
            continue
        low, high = part_box(sketch, part)
        usual = altered.natural_centers("cat")[drawing.labels[part]]
        nearest = np.hypot(*(usual - (low + high) / 2).T).min()
        assert nearest >= altered.FAR * sketch.height_px - 1e-3
    assert sum(sketch is not None for sketch in moved) >= 4
