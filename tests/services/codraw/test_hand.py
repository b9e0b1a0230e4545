"""The user's strokes become frames: as trained, whatever the messages look like, and reversibly."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data import renderer
from videosketcher_app.data.strokes import Pen, Sketch
from videosketcher_app.services.codraw.hand import Hand
from videosketcher_app.services.codraw.paper import Paper

WIDTH, HEIGHT, FPS = 144, 96, 15.0


def _hand(first: bool = True) -> Hand:
    return Hand(Paper.blank(WIDTH, HEIGHT), fps=FPS, first=first)


def _curve(count: int = 40, seconds: float = 1.0) -> list[list[float]]:
    t = np.linspace(0, 1, count)
    rows = np.column_stack([20 + 100 * t, 48 + 30 * np.sin(6 * t), seconds * t, 0.5 + 0.5 * t])
    return rows.tolist()


def _draw(hand: Hand, points: list[list[float]], number: int = 1, **how: object) -> None:
    hand.move(points, number=number, pen=None, eraser=False, **how)
    hand.lift()


def _clip(hand: Hand) -> np.ndarray:
    return hand.reel.clip(0, len(hand.reel))


@given(cuts=st.lists(st.integers(0, 40), max_size=8))
def test_the_frames_do_not_depend_on_how_the_points_were_sent(cuts: list[int]) -> None:
    points = _curve()
    whole, pieces = _hand(), _hand()
    _draw(whole, points)
    borders = [0, *sorted(cuts), len(points)]
    for start, stop in pairwise(borders):
        pieces.move(points[start:stop], number=1, pen=None, eraser=False)
    pieces.lift()
    assert np.array_equal(_clip(whole), _clip(pieces))


def test_the_frames_are_those_that_training_data_would_have() -> None:
    hand = _hand()
    _draw(hand, _curve())
    sketch = Sketch(
        strokes=(hand.strokes[0].stroke,),
        width_px=WIDTH,
        height_px=HEIGHT,
        num_frames=len(hand.reel),
    )
    trained, seen = 255 - renderer.frames(sketch).astype(int), 255 - _clip(hand).astype(int)
    # Piece by piece, a line is stamped at other places than whole: its edge is a shade darker.
    ink = trained.sum(axis=(1, 2, 3))[1:]
    assert (np.abs(seen.sum(axis=(1, 2, 3))[1:] / ink - 1) < 0.13).all()
    assert abs(seen[-1].sum() / trained[-1].sum() - 1) < 0.03
    assert (np.abs(seen - trained) > 130).mean() < 2e-4


def test_a_drawing_begins_with_blank_paper_and_shows_its_end() -> None:
    hand = _hand()
    _draw(hand, _curve())
    clip = _clip(hand)
    assert (clip[0] == 255).all()
    assert np.array_equal(clip[-1], hand.paper.picture_HW3)
    assert (clip[-1] < 128).any()


def test_a_pen_that_rests_takes_no_time() -> None:
    quick, slow = _hand(), _hand()
    _draw(quick, [[20, 20, 0, 1], [60, 20, 0.3, 1]])
    _draw(slow, [[20, 20, 0, 1], [20, 20, 600, 1], [60, 20, 600.3, 1]])
    assert quick.end == pytest.approx(slow.end, abs=1e-3)
    crept = _hand()
    _draw(crept, [[20, 20, 0, 1], [60, 20, 3000, 1]])
    assert crept.end < 20


def test_ink_stays_while_a_stroke_is_drawn() -> None:
    hand = _hand()
    _draw(hand, _curve())
    steps = np.diff(_clip(hand).astype(int), axis=0)
    assert steps.max() <= 0


def test_a_stroke_that_is_taken_back_and_put_back_is_the_same() -> None:
    hand = _hand()
    _draw(hand, _curve(), 1)
    before = _clip(hand)
    _draw(hand, [[10, 10, 0, 1], [50, 80, 0.4, 1]], 2)
    after, stroke = _clip(hand), hand.strokes[-1].stroke
    removed = hand.take_back()
    assert removed is not None
    assert np.array_equal(_clip(hand), before)
    hand.put_back(removed)
    assert np.array_equal(_clip(hand), after)
    assert np.array_equal(hand.strokes[-1].stroke.points_N2, stroke.points_N2)
    assert np.array_equal(hand.strokes[-1].stroke.times_N, stroke.times_N)
    assert hand.strokes[-1].seconds == pytest.approx(0.4)


def test_a_discarded_stroke_leaves_nothing() -> None:
    hand = _hand()
    _draw(hand, _curve(), 1)
    before = _clip(hand)
    hand.move(_curve(), number=2, pen=None, eraser=False)
    hand.discard()
    assert np.array_equal(_clip(hand), before)
    assert len(hand.strokes) == 1


def test_another_number_is_another_stroke() -> None:
    hand = _hand()
    hand.move([[10, 10, 0, 1], [30, 10, 0.1, 1]], number=1, pen=None, eraser=False)
    hand.move([[10, 50, 0, 1], [30, 50, 0.1, 1]], number=2, pen=None, eraser=False)
    hand.lift()
    assert [len(kept.stroke.points_N2) for kept in hand.strokes] == [2, 2]
    assert hand.strokes[1].stroke.start > hand.strokes[0].stroke.end


def test_an_eraser_brings_the_paper_back() -> None:
    hand = _hand()
    _draw(hand, [[20, 40, 0, 1], [100, 40, 0.4, 1]], 1)
    hand.move([[20, 40, 0, 1], [100, 40, 0.4, 1]], number=2, pen=Pen(width_px=12), eraser=True)
    hand.lift()
    assert (hand.paper.picture_HW3 == 255).all()
    assert hand.paper.user_HW.max() == 0


@pytest.mark.parametrize(
    "points",
    [
        [[1, 2, 3]],
        [["a", 2, 3, 4]],
        [[float("nan"), 2, 3, 4]],
        [[1e9, 2, 3, 4]],
        [[1, 2, float("inf"), 4]],
        [[10**400, 0, 0, 0]],
        [[1, 2, 3, 4], [1, 2]],
        {"x": 1},
    ],
)
def test_points_that_are_none_are_refused(points: object) -> None:
    hand = _hand()
    with pytest.raises(InvalidRequest):
        hand.move(points, number=1, pen=None, eraser=False)  # type: ignore[arg-type]
    assert hand.is_empty


def test_a_stroke_without_an_end_is_refused_before_it_fills_memory() -> None:
    hand = _hand()
    zigzag = [[0.0 if i % 2 else 9000.0, 50.0, i * 0.1, 1.0] for i in range(100)]
    with pytest.raises(InvalidRequest, match="too long"):
        hand.move(zigzag, number=1, pen=Pen(width_px=60), eraser=False)
