"""Skip plans are known before sampling and follow the published rules."""

from __future__ import annotations

import pytest
import torch

from videosketcher_app.engines.step_cache.curves import MAG_RATIOS, TEA_COEFFICIENTS
from videosketcher_app.engines.step_cache.plans import (
    guidance_plan,
    mag_plan,
    no_skips,
    polynomial,
    stretched,
    tea_plan,
)
from videosketcher_app.engines.step_cache.residual import ResidualCache, embedding_changes
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import predict_velocity

RATIOS = MAG_RATIOS["wan2.1-t2v-14b"]


def test_the_published_fast_setting_skips_64_of_100_steps():
    plan = mag_plan(RATIOS, 50, max_error=0.24, max_skips=6, start=0.2)
    assert plan.share == 0.64
    assert not any(plan.skips[:10])


def test_runs_of_skips_end_by_count_and_by_error():
    never = mag_plan([1.0] * 20, 20, max_error=0.1, max_skips=3, start=0.0)
    assert never.skips[:9] == (False, True, True, True, False, True, True, True, False)
    falling = mag_plan([1.0] + [0.9] * 9, 10, max_error=0.15, max_skips=9, start=0.0)
    assert falling.skips == (False, True) * 5


def test_no_error_allowed_means_no_skips():
    assert mag_plan(RATIOS, 50, max_error=0.0, max_skips=6).skips == no_skips(50).skips
    assert tea_plan([0.0, 0.1, 0.1], [1.0, 0.0], threshold=0.0).skips == (False,) * 3


def test_tea_cache_computes_when_the_sum_reaches_the_threshold():
    plan = tea_plan([0.0] + [0.04] * 9, [1.0, 0.0], threshold=0.1, retained_steps=1)
    assert plan.skips == (False, True, True, False, True, True, False, True, True, False)


def test_tea_cache_keeps_its_first_steps_and_the_last():
    plan = tea_plan([0.0] * 12, [1.0, 0.0], threshold=1.0)
    assert plan.skips == (False,) * 5 + (True,) * 6 + (False,)


def test_polynomials_are_highest_degree_first():
    assert polynomial([2.0, 3.0, 5.0], 10.0) == 235.0
    assert all(len(c) in (2, 5) for c in TEA_COEFFICIENTS.values())


def test_curves_are_stretched_to_their_nearest_entries():
    assert stretched([1, 2, 3, 4, 5], 5) == [1, 2, 3, 4, 5]
    assert stretched([1, 2, 3, 4, 5], 3) == [1, 3, 5]
    assert stretched([1, 2, 3], 5)[::2] == [1, 2, 3]
    assert stretched([1, 2, 3], 1) == [3]


@pytest.mark.parametrize(("share", "skipped"), [(0.0, 0), (0.25, 5), (0.9, 8)])
def test_guidance_is_skipped_evenly_after_the_start(share, skipped):
    plan = guidance_plan(20, share)
    assert sum(plan.skips) == skipped
    assert not any(plan.skips[:4])
    pairs = zip(plan.skips, plan.skips[1:], strict=False)
    assert not any(a and b for a, b in pairs)


def test_a_reused_residual_gives_the_computed_pass_again():
    dit, words = tiny_model().transformer, torch.randn(1, 5, 32)
    x, level = torch.randn(1, 57, 2, 6, 6), torch.full((1, 1), 600.0)
    cache = ResidualCache()
    with torch.inference_mode():
        plain = predict_velocity(dit, x, level, words)
        computed = predict_velocity(dit, x, level, words, through=cache.compute)
        reused = predict_velocity(dit, x, level, words, through=cache.reuse)
    assert torch.equal(plain, computed)
    torch.testing.assert_close(reused, computed)
    assert cache.num_tokens == 8


def test_the_signal_of_tea_cache_falls_with_the_distance_of_two_steps():
    dit = tiny_model().transformer
    near = embedding_changes(dit, [700.0, 699.0])
    far = embedding_changes(dit, [700.0, 300.0])
    assert near[0] == 0.0
    assert 0 < near[1] < far[1]
