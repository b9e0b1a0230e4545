"""The losses of causal regression, ODE regression and distribution matching, computed by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from videosketcher_app.training.ar_regression import (
    TIMESTEPS,
    add_noise,
    block_timesteps,
    clean_of,
    masked_mean,
    regression_loss,
    warped,
)
from videosketcher_app.training.dmd import (
    critic_loss,
    dmd_gradient,
    dmd_loss,
    score_timesteps,
)
from videosketcher_app.training.ode import (
    STORED_STEPS,
    mixed_states,
    ode_loss,
    path_end,
    segment_loss,
    stored_path,
    unshifted,
)
from videosketcher_app.training.state import StepRandom

SHAPE = (2, 3, 6, 2, 4)  # B, C, F, h, w


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape or SHAPE, generator=torch.Generator().manual_seed(seed))


def test_causal_regression_is_the_mean_over_noisy_frames() -> None:
    clean, noise, velocity = normal(0), normal(1), normal(2)
    timesteps = torch.tensor([[1000.0] * 3 + [0.0] * 3, [522.0] * 3 + [757.0] * 3])
    noisy = add_noise(clean, noise, timesteps / 1000)
    loss = regression_loss(clean_of(noisy, velocity, timesteps / 1000), clean, timesteps > 0)

    total, count = 0.0, 0
    for b in range(2):
        for f in range(6):
            sigma = float(timesteps[b, f]) / 1000
            if sigma == 0:
                continue
            x = (1 - sigma) * clean[b, :, f].double() + sigma * noise[b, :, f].double()
            error = (x - sigma * velocity[b, :, f].double() - clean[b, :, f].double()) ** 2
            total, count = total + float(error.sum()), count + error.numel()
    assert float(loss) == pytest.approx(total / count, abs=1e-6)


def test_timesteps_are_drawn_by_block_and_never_clean_all_over() -> None:
    timesteps = block_timesteps(400, 21, StepRandom(0, 0, 0, "cpu"), timesteps=(1000.0, 0.0))
    assert timesteps.shape == (400, 21)
    blocks = timesteps.unflatten(1, (7, 3))
    assert torch.equal(blocks[..., :1].expand_as(blocks), blocks)
    assert bool((timesteps > 0).any(1).all())
    seen = block_timesteps(400, 6, StepRandom(0, 1, 0, "cpu"))
    assert set(seen.unique().tolist()) == set(TIMESTEPS)
    # Two blocks of four kinds, one of the sixteen pairs refused.
    assert float((seen == 0).float().mean()) == pytest.approx(3 / 15, abs=0.04)


def test_a_warped_schedule_is_the_published_one() -> None:
    assert warped((1000, 750, 500, 250)) == pytest.approx((1000, 960, 888.8889, 727.2727))


def test_nothing_counted_is_no_loss() -> None:
    assert float(masked_mean(normal(0, 2, 3), torch.zeros(2, 3))) == 0


def test_a_path_ends_where_euler_s_method_by_hand_does() -> None:
    noisy, shift, steps = normal(3).double(), 8.0, 5
    sigma = torch.tensor([[1.0] * 3 + [0.522] * 3, [0.757] * 6]).double()

    def velocity(x: torch.Tensor, s_BF: torch.Tensor) -> torch.Tensor:
        return torch.sin(x) + s_BF[:, None, :, None, None]

    end = path_end(velocity, noisy, sigma, num_steps=steps, shift=shift)
    for b in range(2):
        for f in range(6):
            s = float(sigma[b, f])
            u = s / (shift - (shift - 1) * s)
            levels = [
                shift * v / (1 + (shift - 1) * v) for v in (u * (1 - k / steps) for k in range(6))
            ]
            x = noisy[b, :, f].numpy().copy()
            for now, after in pairwise(levels):
                x = x + (after - now) * (np.sin(x) + now)
            assert levels[-1] == 0
            np.testing.assert_allclose(end[b, :, f].numpy(), x, atol=1e-6)


def test_a_straight_path_ends_at_the_clean_latents() -> None:
    clean, noise = normal(0), normal(1)
    sigma = torch.rand(2, 6, generator=torch.Generator().manual_seed(5))
    end = path_end(lambda x, s: noise - clean, add_noise(clean, noise, sigma), sigma, num_steps=3)
    torch.testing.assert_close(end, clean, atol=1e-6, rtol=0)


def test_a_path_may_be_left_before_its_end_and_gone_on_with() -> None:
    noisy = normal(3).double()
    sigma = torch.tensor([[1.0] * 3 + [0.923] * 3, [0.667] * 3 + [0.0] * 3]).double()
    until = torch.tensor([[0.97] * 3 + [0.842] * 3, [0.0] * 6]).double()

    def velocity(x: torch.Tensor, s_BF: torch.Tensor) -> torch.Tensor:
        return torch.sin(x) + s_BF[:, None, :, None, None]

    left = path_end(velocity, noisy, sigma, num_steps=400, until_BF=until)
    end = path_end(velocity, left, until, num_steps=400)
    whole = path_end(velocity, noisy, sigma, num_steps=800)
    torch.testing.assert_close(end, whole, atol=4e-3, rtol=0)
    assert torch.equal(left[1, :, 3:], noisy[1, :, 3:])
    assert (left - end).abs().amax(dim=(1, 3, 4))[0].min() > 0.1


def test_a_velocity_without_segment_loss_steps_to_the_segment_s_end() -> None:
    noisy, end = normal(0), normal(1)
    sigma = torch.tensor([[1.0] * 3 + [0.923] * 3, [0.667] * 3 + [0.0] * 3])
    until = torch.tensor([[0.97] * 3 + [0.842] * 3, [0.0] * 6])
    way = torch.where(sigma > 0, until - sigma, 1.0)[:, None, :, None, None]
    velocity = (end - noisy) / way
    assert float(segment_loss(noisy, velocity, end, sigma, until)) < 1e-10
    stepped = noisy + way * velocity
    torch.testing.assert_close(stepped[0], end[0], atol=1e-5, rtol=0)
    # An error of one in every noisy frame is a loss of one; frames without noise do not count.
    off = velocity + torch.where(sigma > 0, 1.0, 50.0)[:, None, :, None, None]
    assert float(segment_loss(noisy, off, end, sigma, until)) == pytest.approx(1, abs=1e-4)


def test_stored_states_are_those_of_the_published_timesteps() -> None:
    clean, noise = normal(0), normal(1)
    path = stored_path(lambda x, s: noise - clean, noise)
    assert path.shape == (2, len(STORED_STEPS), *SHAPE[1:])
    for index, timestep in enumerate((1000.0, 756.7568, 521.7391, 0.0)):
        level = torch.full((2, 6), timestep / 1000)
        torch.testing.assert_close(
            path[:, index], add_noise(clean, noise, level), atol=2e-6, rtol=0
        )
    index = torch.tensor([[0, 0, 0, 3, 3, 3], [1, 1, 1, 2, 2, 2]])
    mixed = mixed_states(path, index)
    assert torch.equal(mixed[0, :, 4], path[0, 3, :, 4])
    assert torch.equal(mixed[1, :, 0], path[1, 1, :, 0])


def test_ode_regression_is_the_mean_over_frames_above_zero() -> None:
    noisy, velocity, end = normal(0), normal(1), normal(2)
    timesteps = torch.tensor([[1000.0] * 3 + [0.0] * 3, [522.0] * 6])
    squares = []
    for b, f in np.argwhere(timesteps.numpy() > 0):
        sigma = float(timesteps[b, f]) / 1000
        estimate = noisy[b, :, f].double() - sigma * velocity[b, :, f].double()
        squares.append(((estimate - end[b, :, f].double()) ** 2).flatten())
    expected = float(torch.cat(squares).mean())
    assert float(ode_loss(noisy, velocity, end, timesteps)) == pytest.approx(expected, abs=1e-6)


def test_unshifted_undoes_the_shift() -> None:
    sigma = torch.tensor([0.0, 0.3, 0.757, 1.0])
    u = unshifted(sigma, 8.0)
    torch.testing.assert_close(8 * u / (1 + 7 * u), sigma)


def test_scores_are_compared_at_the_published_timesteps() -> None:
    u = torch.tensor([0.0, 0.0011, 0.5, 0.9999])
    expected = [20.0, 1000 * 8 * 0.001 / 1.007 if 8 / 1.007 > 20 else 20.0, 8000 / 9, 980.0]
    assert score_timesteps(u).tolist() == pytest.approx(expected, abs=1e-3)


def test_the_student_s_loss_and_gradient_are_those_of_distribution_matching() -> None:
    drawn, real, fake = normal(0).requires_grad_(True), normal(1), normal(2)
    everything = torch.ones(2, 6, dtype=torch.bool)
    gradient = dmd_gradient(drawn.detach(), real, fake, everything)
    loss = dmd_loss(drawn, gradient, everything)

    total = 0.0
    for b in range(2):
        x, r, f = (t[b].detach().double().numpy() for t in (drawn, real, fake))
        g = (f - r) / np.abs(x - r).mean()
        np.testing.assert_allclose(gradient[b].numpy(), g, atol=1e-6)
        total += float((g**2).mean())
    assert loss.item() == pytest.approx(0.5 * total / 2, abs=1e-6)
    loss.backward()
    torch.testing.assert_close(drawn.grad, gradient / drawn.numel(), atol=1e-8, rtol=1e-5)


def test_given_frames_take_no_part_in_distribution_matching() -> None:
    drawn, real, fake = normal(0), normal(1), normal(2)
    counted = torch.tensor([[False] * 3 + [True] * 3] * 2)
    gradient = dmd_gradient(drawn, real, fake, counted)
    assert not gradient[:, :, :3].any()
    alone = dmd_gradient(
        drawn[:, :, 3:], real[:, :, 3:], fake[:, :, 3:], torch.ones(2, 3, dtype=torch.bool)
    )
    torch.testing.assert_close(gradient[:, :, 3:], alone, atol=1e-6, rtol=1e-6)


def test_a_gradient_that_is_not_a_number_is_none() -> None:
    same, everything = normal(0), torch.ones(2, 6, dtype=torch.bool)
    fake = same.clone()
    fake[0, 0, 0, 0, 0] = math.nan
    assert not dmd_gradient(same, same, fake, everything).any()


def test_the_critic_s_loss_is_flow_matching_on_the_drawing() -> None:
    velocity, noise, drawn = normal(0), normal(1), normal(2).requires_grad_(True)
    everything = torch.ones(2, 6, dtype=torch.bool)
    loss = critic_loss(velocity, noise, drawn, everything)
    values = [t.detach().double().numpy() for t in (velocity, noise, drawn)]
    expected = float(((values[0] - (values[1] - values[2])) ** 2).mean())
    assert float(loss) == pytest.approx(expected, abs=1e-6)
    assert not loss.requires_grad
    # The published form recovers the velocity from the clean estimate: (x_t - x_0) / sigma.
    sigma = torch.full((2, 6), 0.3)
    noisy = add_noise(drawn.detach(), noise, sigma)
    recovered = (noisy - clean_of(noisy, velocity, sigma)) / 0.3
    torch.testing.assert_close(recovered, velocity, atol=1e-5, rtol=0)
