"""Random brushes: any color and hand, and none that is held out; the unseen ones are."""

from __future__ import annotations

import numpy as np
import pytest

from videosketcher_app.data.brushes import variety
from videosketcher_app.data.brushes.model import KINDS


def test_training_never_meets_a_held_out_brush():
    rng = np.random.default_rng(1)
    brushes = [variety.training_brush(rng) for _ in range(300)]
    assert not any(variety.is_held_out(brush) for brush in brushes)
    assert {brush.kind for brush in brushes} == set(KINDS)
    drawn = [variety.random_brush(rng) for _ in range(300)]
    assert 0.1 < np.mean([variety.is_held_out(brush) for brush in drawn]) < 0.5


def test_unseen_brushes_are_always_the_same_and_all_held_out():
    brushes = variety.unseen_brushes()
    assert len(brushes) == 40
    assert len(set(brushes)) == 40
    assert {brush.kind for brush in brushes} == set(KINDS)
    assert all(variety.has_held_out_color(brush) for brush in brushes)
    assert sum(variety.has_held_out_hand(brush) for brush in brushes) >= 20
    variety.unseen_brushes.cache_clear()
    assert variety.unseen_brushes() == brushes


@pytest.mark.parametrize("hue", range(0, 360, 30))
def test_colors_keep_their_hue_inside_the_screens_gamut(hue):
    color = variety.in_gamut(50, 120, hue)
    assert all(0 <= channel <= 1 for channel in color)
    lightness, chroma, found = variety.lightness_chroma_hue(color)
    assert lightness == pytest.approx(50, abs=2)
    assert chroma > 20
    assert abs((found - hue + 180) % 360 - 180) < 3
