"""A student's step stands for the guided teacher's small ones; what all recipes do with noise."""

from __future__ import annotations

import itertools

import pytest
import torch

from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.models.text import END
from videosketcher_app.training.flow_matching import drop_words, mixed_sigmas, noised
from videosketcher_app.training.guided_steps import GuidedSteps, step_losses
from videosketcher_app.training.state import StepRandom

STEPS = GuidedSteps(num_inference_steps=4, teacher_steps=3, guidance_scale=2.0, shift=8.0)


def random(seed: int = 0) -> StepRandom:
    return StepRandom(seed, 0, 0, "cpu")


def test_the_students_steps_begin_at_the_samplers_noise_levels():
    step_B = torch.arange(4)
    expected = torch.tensor(sigmas(4, 8.0)[:4])
    torch.testing.assert_close(STEPS.sigma(step_B), expected)
    drawn = STEPS.draw(400, random())
    assert set(drawn.tolist()) == {0, 1, 2, 3}


def test_a_constant_teacher_is_learned_as_it_is_and_guidance_goes_beyond_it():
    noisy = torch.randn(2, 16, 3, 4, 6, generator=torch.Generator().manual_seed(1))

    def teacher(doubled, timesteps):
        assert doubled.shape == (4, 16, 3, 4, 6)
        assert torch.equal(doubled[:2], doubled[2:])
        assert timesteps.shape == (4, 1)
        return torch.cat([torch.full_like(noisy, 3.0), torch.full_like(noisy, 1.0)])

    target = STEPS.mean_velocity(teacher, noisy, torch.tensor([0, 3]))
    torch.testing.assert_close(target, torch.full_like(noisy, 1.0 + 2.0 * (3.0 - 1.0)))


def test_the_teachers_levels_go_from_one_step_of_the_student_to_the_next():
    seen = []

    def teacher(doubled, timesteps):
        seen.append(float(timesteps[0, 0]) / 1000)
        return doubled

    noisy = torch.ones(1, 1, 1, 1, 1)
    fine = sigmas(12, 8.0)
    target = STEPS.mean_velocity(teacher, noisy, torch.tensor([3]))
    assert seen == pytest.approx(fine[9:12], abs=1e-6)
    x = 1.0
    for before, after in itertools.pairwise(fine[9:]):
        x += (after - before) * x
    assert float(target) == pytest.approx((x - 1) / (fine[12] - fine[9]), rel=1e-5)


def test_the_first_steps_error_is_told_apart():
    losses = step_losses(torch.tensor([1.0, 5.0, 3.0]), torch.tensor([0, 2, 0]))
    assert float(losses["loss"]) == 3.0
    assert float(losses["loss_first_step"]) == 2.0
    assert float(step_losses(torch.ones(1), torch.tensor([1]))["loss_first_step"]) == 0.0


def test_noise_levels_are_shifted_by_either_shift_alike_often():
    levels = mixed_sigmas(random(), (1.0, 9.0), 4000, 2)
    assert levels.shape == (4000, 2)
    assert 0 <= float(levels.min()) < float(levels.max()) < 1
    # The mean of k u / (1 + (k - 1) u) over u is 0.5 for k = 1 and 0.816 for k = 9.
    assert float(levels.mean()) == pytest.approx((0.5 + 0.816) / 2, abs=0.02)
    assert torch.equal(mixed_sigmas(random(3), (5.0, 20.0), 8)[:, 0], one_level(random(3)))


def one_level(generator: StepRandom) -> torch.Tensor:
    u, coin = generator.uniform(8), generator.uniform(8)
    shift = torch.where(coin < 0.5, 20.0, 5.0)
    return shift * u / (1 + (shift - 1) * u)


def test_dropped_prompts_are_empty_and_the_others_untouched():
    ids_BL = torch.full((200, 5), 7)
    dropped = drop_words(ids_BL, 0.25, random())
    is_empty = (dropped[:, 0] == END) & (dropped[:, 1:] == 0).all(1)
    assert 25 < int(is_empty.sum()) < 75
    assert torch.equal(dropped[~is_empty], ids_BL[~is_empty])
    assert torch.equal(drop_words(ids_BL, 0.0, random()), ids_BL)


def test_a_level_of_one_is_noise_and_of_zero_is_clean():
    clean, noise = torch.zeros(2, 1, 1, 1, 1), torch.ones(2, 1, 1, 1, 1)
    assert noised(clean, noise, torch.tensor([1.0, 0.25])).flatten().tolist() == [1.0, 0.25]
