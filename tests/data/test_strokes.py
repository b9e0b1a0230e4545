from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.data.clips import clip, drawing, line, small_sketch
from videosketcher_app.data import renderer
from videosketcher_app.data.strokes import resample
from videosketcher_app.evaluation.strokes import (
    ink_iou,
    match_strokes,
    pair_accuracy,
    score_recovery_of,
    score_sketch,
)


def test_resampled_points_are_evenly_spaced_and_keep_the_ends() -> None:
    points = resample(np.array([[0, 0], [30, 40]], np.float32), 5)
    assert points[0].tolist() == [0, 0]
    assert points[-1].tolist() == [30, 40]
    np.testing.assert_allclose(np.hypot(*np.diff(points, axis=0).T), 5, atol=1e-4)


def test_a_scaled_sketch_scales_points_and_pen() -> None:
    sketch = small_sketch(line([(10, 10), (20, 20)], 1, 2)).scaled(192, 144)
    assert sketch.strokes[0].points_N2.tolist() == [[20, 20], [40, 40]]
    assert sketch.strokes[0].pen.width_px == 6


def test_the_truth_scores_full_marks_against_itself() -> None:
    truth = drawing("cat").sketch
    score = score_sketch(truth, clip("cat")[-1], truth)
    assert (score.iou, score.stroke_count_ratio, score.order, score.matched, score.parts) == (
        (1.0,) * 5
    )


def test_a_reversed_order_scores_nothing_and_a_swap_costs_its_pairs() -> None:
    truth = drawing("cat").sketch
    backwards = replace(truth, strokes=truth.strokes[::-1])
    assert score_sketch(backwards, clip("cat")[-1], truth).order == 0.0
    assert pair_accuracy([0, 2, 1, 3]) == pytest.approx(5 / 6)


def test_missing_strokes_lower_likeness_count_and_match() -> None:
    truth = drawing("cat").sketch
    half = replace(truth, strokes=truth.strokes[::2])
    score = score_sketch(half, clip("cat")[-1], truth)
    assert score.iou < 0.9
    assert score.stroke_count_ratio == pytest.approx(0.5, abs=0.05)
    assert score.matched <= 0.55


def test_moved_ink_is_no_match_beyond_the_tolerance() -> None:
    pictures = [
        renderer.picture(small_sketch(line([(10, y), (80, y)], 1, 2))) for y in (30, 31, 38)
    ]
    assert ink_iou(pictures[0], pictures[1]) == 1.0
    assert ink_iou(pictures[0], pictures[2]) == 0.0


def test_strokes_are_matched_by_place_alone() -> None:
    top, low = line([(10, 20), (80, 20)], 1, 4), line([(10, 50), (80, 50)], 5, 8)
    assert match_strokes(small_sketch(top, low), small_sketch(low, top)) == [(0, 1), (1, 0)]


def test_many_programs_are_scored_at_once() -> None:
    sketches = [small_sketch(line([(10, y), (80, y)], 1, 9)) for y in (20, 40)]
    assert [score.order for score in score_recovery_of(sketches)] == [1.0, 1.0]
