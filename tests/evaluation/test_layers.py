"""Steadiness: 0 for what stands still; every kind of trembling and drifting is seen."""

from __future__ import annotations

import numpy as np
import pytest

from videosketcher_app.data.style_hand import plain_drawing
from videosketcher_app.data.vector_pictures import vector_picture
from videosketcher_app.evaluation.layers import steadiness
from videosketcher_app.training.style_preset import StylePreset

SMALL = StylePreset(width=216, height=120)


def box_film(shift: int = 0, fade: int = 0, num_frames: int = 30) -> np.ndarray:
    """A box that comes in and then moves or fades by so much in every other frame."""
    frames = np.full((num_frames, 60, 100, 3), 255, np.uint8)
    for number in range(3, num_frames):
        odd = number % 2
        left = 30 + shift * odd
        frames[number, 20:40, left : left + 30] = (200 - fade * odd, 60, 40 + fade * odd)
    return frames


def test_a_picture_that_stands_still_is_steady():
    found = steadiness(box_film())
    assert (found.num_layers, found.shape_iou, found.color_drift) == (1, 1.0, 0.0)
    assert found.unsteady == 0
    for name in ("cat", "house"):
        film = vector_picture(name, plain_drawing(name, 3, 432, 240)).clip(SMALL, 41)
        found = steadiness(film)
        assert found.num_layers >= 4
        assert found.unsteady < 0.005, name


def test_an_area_that_jumps_loses_shape():
    one, three = steadiness(box_film(shift=1)), steadiness(box_film(shift=3))
    assert 1 > one.shape_iou > three.shape_iou
    # Half of the frames stand still; the others share 27 of 33 columns with the last one.
    assert three.shape_iou == pytest.approx((1 + 27 / 33) / 2, abs=0.02)


def test_a_color_that_changes_drifts():
    weak, strong = steadiness(box_film(fade=10)), steadiness(box_film(fade=25))
    assert weak.shape_iou == 1.0
    assert 0 < weak.color_drift < strong.color_drift


def test_a_film_of_nothing_has_no_figures():
    found = steadiness(np.full((5, 60, 100, 3), 255, np.uint8))
    assert found.num_layers == 0
    assert np.isnan(found.unsteady)
