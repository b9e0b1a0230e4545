from __future__ import annotations

import time

import numpy as np
import pytest

from tests.data.clips import CONCEPTS, as_decoded, clip, drawing, line, small_sketch
from videosketcher_app.data import renderer
from videosketcher_app.data.grammar.curves import ellipse, star
from videosketcher_app.data.parting import assign_parts
from videosketcher_app.data.recover import recover_sketch
from videosketcher_app.data.strokes import Pen
from videosketcher_app.evaluation.strokes import RecoveryScore, median_score, score_recovery


def scores(decoded: bool) -> list[RecoveryScore]:
    return [
        score_recovery(as_decoded(clip(c)) if decoded else clip(c), drawing(c).sketch)
        for c in CONCEPTS
    ]


@pytest.mark.parametrize("decoded", [False, True], ids=["true render", "as decoded"])
def test_likeness_number_and_order_meet_the_bars(decoded: bool) -> None:
    found = scores(decoded)
    assert min(score.iou for score in found) >= 0.95
    assert 0.8 <= median_score(found).stroke_count_ratio <= 1.2
    assert median_score(found).order >= 0.95
    assert np.mean([score.order for score in found]) >= 0.95
    assert np.mean([score.matched for score in found]) >= 0.85


def test_parts_of_true_renders_are_mostly_right() -> None:
    assert np.mean([score.parts for score in scores(decoded=False)]) >= 0.85


def test_recovery_is_quick_and_deterministic() -> None:
    begin = time.perf_counter()
    first = recover_sketch(clip("cat"))
    assert time.perf_counter() - begin < 5  # 0.2 s on an idle core
    second = recover_sketch(clip("cat"))
    for a, b in zip(first.strokes, second.strokes, strict=True):
        np.testing.assert_array_equal(a.points_N2, b.points_N2)
        np.testing.assert_array_equal(a.times_N, b.times_N)


def test_crossing_lines_stay_two_strokes_in_their_own_colors() -> None:
    red, blue = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)
    sketch = small_sketch(
        line([(10, 36), (86, 36)], 1, 8, Pen(color=red, width_px=3)),
        line([(48, 66), (48, 6)], 10, 18, Pen(color=blue, width_px=5)),
    )
    across, upward = recover_sketch(renderer.frames(sketch)).strokes
    np.testing.assert_allclose(across.pen.color, red, atol=0.05)
    np.testing.assert_allclose(upward.pen.color, blue, atol=0.05)
    assert across.points_N2[0, 0] < across.points_N2[-1, 0]
    assert upward.points_N2[0, 1] > upward.points_N2[-1, 1]
    assert across.pen.width_px == pytest.approx(3, abs=0.4)
    assert upward.pen.width_px == pytest.approx(5, abs=0.5)


def test_times_follow_the_pen() -> None:
    sketch = small_sketch(line([(10, 36), (86, 36)], 2, 18))
    (stroke,) = recover_sketch(renderer.frames(sketch)).strokes
    assert (np.diff(stroke.times_N) >= 0).all()
    true = np.interp(stroke.points_N2[:, 0], [10, 86], [2, 18])
    assert np.abs(stroke.times_N - true).max() < 0.8


def test_a_closed_star_keeps_its_corners_in_one_stroke() -> None:
    points = [(float(x), float(y)) for x, y in star(48, 38, 30)]
    (stroke,) = recover_sketch(renderer.frames(small_sketch(line(points, 1, 18)))).strokes
    gaps = np.hypot(*(stroke.points_N2[None] - np.array(points)[:, None]).transpose(2, 0, 1))
    assert gaps.min(axis=1).max() < 4.5  # thinning shortens a sharp tip by its own width


def test_strokes_that_touch_are_cut_where_the_pen_was_up() -> None:
    ring = [(float(x), float(y)) for x, y in ellipse(30, 36, 20)]
    sketch = small_sketch(line([(50, 36), (90, 36)], 1, 5), line(ring, 9, 18))
    assert len(recover_sketch(renderer.frames(sketch)).strokes) == 2


def test_a_dot_is_a_stroke_and_blank_paper_has_none() -> None:
    sketch = small_sketch(line([(40, 40)], 5, 5, Pen(width_px=6)))
    (dot,) = recover_sketch(renderer.frames(sketch)).strokes
    np.testing.assert_allclose(dot.points_N2.mean(axis=0), (40, 40), atol=1)
    assert recover_sketch(np.full((9, 32, 32, 3), 255, np.uint8)).strokes == ()


def test_every_part_gets_consecutive_strokes() -> None:
    strokes = drawing("cat").sketch.strokes
    parts = assign_parts(strokes, 7)
    assert parts == sorted(parts)
    assert set(parts) == set(range(7))
    assert parts == [stroke.part for stroke in strokes]
    assert assign_parts(strokes[:2], 7) == [0, 1]
    assert assign_parts([], 3) == []
