"""Noise levels: the published ones, and those that are left when a clip is drawn over."""

from __future__ import annotations

import pytest

from videosketcher_app.engines.schedules import clean_estimate, emphasized, noisy, sigmas


def test_fifty_steps_with_shift_5_are_the_published_ones():
    levels = [1000 * sigma for sigma in sigmas(50, 5.0)]
    assert levels[:3] == pytest.approx([1000, 995.93, 991.74], abs=0.01)
    assert levels[-4:] == pytest.approx([241.94, 172.41, 92.59, 0], abs=0.01)


def test_a_strength_starts_lower_and_takes_as_many_steps():
    levels = [1000 * sigma for sigma in sigmas(4, 5.0, 0.5)]
    assert levels == pytest.approx([833.33, 750, 625, 416.67, 0], abs=0.01)
    assert sigmas(4, 5.0, 1.0) == sigmas(4, 5.0)


def test_noise_covers_the_clean_latents_by_its_level():
    assert (noisy(2.0, 4.0, 0.0), noisy(2.0, 4.0, 0.25), noisy(2.0, 4.0, 1.0)) == (2, 2.5, 4)


@pytest.mark.parametrize("emphasis", [1.0, 2.0, 3.5])
def test_emphasis_moves_the_clean_estimate_away_from_what_is_still(emphasis):
    x, velocity, still, sigma = 1.5, 0.5, 0.25, 0.75
    clean = clean_estimate(x, velocity, sigma)
    moved = clean_estimate(x, emphasized(velocity, x, still, sigma, emphasis), sigma)
    assert moved == pytest.approx(still + emphasis * (clean - still))
