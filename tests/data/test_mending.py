from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.data.clips import as_decoded, clip, drawing, line, small_sketch
from videosketcher_app.data import recover, renderer
from videosketcher_app.data.grammar.curves import ellipse
from videosketcher_app.data.joining import Trace
from videosketcher_app.data.mending import mended
from videosketcher_app.data.recover import recover_sketch
from videosketcher_app.data.strokes import Sketch, Stroke, resample
from videosketcher_app.evaluation.strokes import RecoveryScore, score_recovery

WIDTH_PX = 3  # of the lines in `paper`
QUANTUM = 4.0
FRAYED = ("cat", "chair", "flower")


def trace(corners: list[tuple[float, float]], start: float, end: float) -> Trace:
    """A free path along a polyline, a point a pixel, at constant pace."""
    points_N2 = np.round(resample(np.array(corners, np.float32), 1.0))
    return Trace(
        points_N2=points_N2.astype(np.float32),
        times_N=np.linspace(start, end, len(points_N2), dtype=np.float32),
        directed=True,
        joined=(False, False),
    )


def mend(*traces: Trace) -> list[Trace]:
    """Mended traces on a mask in which all lines are WIDTH_PX wide."""
    length = sum(one.length_px for one in traces)
    mask_HW = np.zeros((240, 432), bool)
    mask_HW.reshape(-1)[: round(WIDTH_PX * length)] = True
    return mended(list(traces), mask_HW, QUANTUM)


def test_a_line_with_a_gap_is_one_stroke() -> None:
    (whole,) = mend(trace([(20, 60), (80, 60)], 4, 12), trace([(90, 61), (150, 61)], 13, 21))
    steps = np.hypot(*np.diff(whole.points_N2, axis=0).T)
    assert steps.max() < 2.5  # the pen passes the gap, so that the outline has no hole
    assert whole.points_N2[0, 0] == 20
    assert whole.points_N2[-1, 0] == 150


def test_a_missing_corner_is_drawn_as_a_corner() -> None:
    (whole,) = mend(trace([(20, 60), (80, 60)], 4, 12), trace([(84, 64), (84, 120)], 13, 21))
    assert np.hypot(*(whole.points_N2 - (84, 60)).T).min() <= 1


def test_an_almost_closed_outline_is_closed_and_an_open_one_is_not() -> None:
    sides = [(80, 20), (120, 20), (120, 80), (20, 80), (20, 20)]
    (square,) = mend(trace([*sides, (71, 20)], 4, 24))
    assert square.closed
    np.testing.assert_array_equal(square.points_N2[0], square.points_N2[-1])
    (letter_u,) = mend(trace([(20, 20), (20, 90), (26, 90), (26, 20)], 4, 24))
    assert not letter_u.closed


def test_a_line_revealed_from_both_ends_is_one_stroke() -> None:
    (whole,) = mend(trace([(20, 60), (80, 60)], 4, 8), trace([(140, 60), (81, 60)], 4, 9))
    assert whole.length_px == pytest.approx(120, abs=1)


@pytest.mark.parametrize(
    "other",
    [
        trace([(110, 60), (150, 60)], 13, 21),  # more than five widths away
        trace([(81, 60), (150, 60)], 36, 44),  # the pen was elsewhere for six latent frames
        trace([(85, 70), (20, 70)], 13, 21),  # parallel, the other way
        trace([(82, 75), (150, 75)], 13, 21),  # beside it
    ],
    ids=["far away", "much later", "turned back", "beside"],
)
def test_other_lines_stay_other_strokes(other: Trace) -> None:
    assert len(mend(trace([(20, 60), (80, 60)], 4, 12), other)) == 2


def test_two_lines_that_grow_towards_each_other_for_long_are_two_strokes() -> None:
    one, other = trace([(20, 60), (80, 60)], 4, 24), trace([(140, 60), (81, 60)], 4, 24)
    assert len(mend(one, other)) == 2


def test_a_crossing_is_passed_straight_on() -> None:
    left, right = trace([(20, 60), (79, 60)], 6, 6), trace([(81, 60), (150, 60)], 6, 6)
    above, below = trace([(80, 20), (80, 59)], 6, 6), trace([(80, 61), (80, 110)], 6, 6)
    boxes = sorted(tuple(np.ptp(one.points_N2, axis=0)) for one in mend(left, above, right, below))
    assert boxes == [(0, 90), (130, 0)]


def test_frayed_ends_go_and_dots_stay() -> None:
    outline = trace([(20, 60), (120, 60)], 4, 12)
    stub, dot = trace([(70, 61), (71, 67)], 8, 8), trace([(70, 90), (73, 90)], 20, 20)
    kept = mend(outline, stub, dot)
    assert [one.length_px for one in kept] == [outline.length_px, dot.length_px]
    assert len(mend(dot)) == 1


def frayed(frames_THW3: NDArray[np.uint8], sketch: Sketch, seed: int) -> NDArray[np.uint8]:
    """As a model draws: gaps of three widths, and stretches that come a latent frame late."""
    rng = np.random.default_rng(seed)
    worn = as_decoded(frames_THW3)
    for stroke in sketch.strokes:
        if stroke.length_px < 60:
            continue
        path_N2 = resample(stroke.points_N2, 1.0).round().astype(int)
        gap, late = rng.choice(np.arange(20, len(path_N2) - 20), 2, replace=False)
        x, y = path_N2[gap]
        worn[:, max(0, y - 4) : y + 5, max(0, x - 4) : x + 5] = 255
        x, y = path_N2[late]
        box = np.s_[max(0, y - 6) : y + 7, max(0, x - 6) : x + 7]
        worn[8:][:, box[0], box[1]] = worn[:-8][:, box[0], box[1]].copy()
    return worn


def scores(films: list[NDArray[np.uint8]]) -> list[RecoveryScore]:
    """Of the recovered strokes of films of FRAYED."""
    truths = [drawing(concept).sketch for concept in FRAYED]
    return [score_recovery(film, truth) for film, truth in zip(films, truths, strict=True)]


def test_frayed_drawings_are_recovered_with_their_number_of_strokes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    films = [frayed(clip(c), drawing(c).sketch, seed) for seed, c in enumerate(FRAYED)]
    found = scores(films)
    assert np.mean([score.stroke_count_ratio for score in found]) <= 1.2
    assert np.mean([score.iou for score in found]) >= 0.95  # gaps are closed, so none is 1
    assert np.mean([score.order for score in found]) >= 0.95
    monkeypatch.setattr(recover, "mended", lambda traces, *_: traces)
    assert np.mean([score.stroke_count_ratio for score in scores(films)]) >= 1.4


def rain() -> list[Stroke]:
    """Drops above each other, like dashes, their gaps as long as they are; and the ground."""
    rows = [(14 + 12 * i, 4 + 22 * j) for i in range(6) for j in range(3)]
    drops = [line([(x, y), (x - 3, y + 10)], k, k + 0.6) for k, (x, y) in enumerate(rows, 1)]
    return [*drops, line([(6, 67), (48, 67), (90, 67)], 1, 19)]


def whiskers() -> list[Stroke]:
    ring = [(float(x), float(y)) for x, y in ellipse(48, 36, 10)]
    sides = [
        line([(48 + s * 18, 36 + dy / 2.5), (48 + s * 42, 36 + dy)], 2 * k, 2 * k + 1.5)
        for k, (s, dy) in enumerate([(s, dy) for s in (-1, 1) for dy in (-18, 0, 18)], 3)
    ]
    return [line(ring, 1, 5), *sides]


def windows() -> list[Stroke]:
    corners = [(x, y) for y in (10, 44) for x in (10, 40, 70)]
    return [
        line([(x, y), (x + 16, y), (x + 16, y + 18), (x, y + 18), (x, y)], 3 * k, 3 * k + 2)
        for k, (x, y) in enumerate(corners, 1)
    ]


@pytest.mark.parametrize("strokes_of", [rain, whiskers, windows])
def test_many_short_strokes_stay_many(strokes_of: Callable[[], list[Stroke]]) -> None:
    strokes = strokes_of()
    frames = renderer.frames(small_sketch(*strokes))
    for film in (frames, as_decoded(frames)):
        assert len(recover_sketch(film).strokes) == len(strokes)
