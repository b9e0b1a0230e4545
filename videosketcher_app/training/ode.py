"""Regression to where a teacher's path ends: many guided steps into a few plain ones.

The initialization of CausVid (Yin et al. 2025, arXiv 2412.07772): a teacher solves the flow's
ordinary differential equation with guidance, and the student learns to point from a noisy state at
the end of that path. A path's end is a function of its state, so the mean that regression finds
is not a blur of many drawings, as it is when the target is the data.

CausVid's teacher is bidirectional and its paths are stored (`STORED_STEPS` of 50). Pocket's teacher
is itself causal, so that a block's target depends on nothing that the student cannot see, and its
paths begin where the student stands (`training.pocket_ar_ode`). A student whose steps keep their
noise learns segments of a path, from one of its steps to the next, instead of the whole way.

Legend: B batch, C channels, F latent frames, S stored states, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from videosketcher_app.engines.schedules import shifted
from videosketcher_app.training.ar_regression import clean_of, per_frame, regression_loss

# CausVid's paths have a guidance scale of 6.
STORED_STEPS = (0, 36, 44, -1)  # of 50 steps with shift 8: timesteps 1000, 757, 522 and clean

# (noisy latents, noise level per latent frame) -> velocity
Velocity = Callable[[Tensor, Tensor], Tensor]


def unshifted(sigma: Tensor, shift: float) -> Tensor:
    """The uniform position of a noise level: the inverse of `engines.schedules.shifted`."""
    return sigma / (shift - (shift - 1) * sigma)


@torch.no_grad()
def path_end(
    velocity: Velocity,
    noisy_BCFhw: Tensor,
    sigma_BF: Tensor,
    *,
    num_steps: int,
    shift: float = 8.0,
    until_BF: Tensor | None = None,
) -> Tensor:
    """Latents where the flow from a noisy state comes to, by Euler's method.

    Args:
        sigma_BF: noise level of every latent frame; each has a schedule of its own.
        num_steps: from each level down to `until_BF`, evenly spaced before the shift.
        until_BF: noise levels at which the path is left; None follows it to its clean end.
    """
    u_BF = unshifted(sigma_BF, shift)
    way_BF = u_BF if until_BF is None else u_BF - unshifted(until_BF, shift)
    x = noisy_BCFhw
    for step in range(num_steps):
        now = shifted(u_BF - way_BF * (step / num_steps), shift)
        after = shifted(u_BF - way_BF * ((step + 1) / num_steps), shift)
        x = x + per_frame(after - now) * velocity(x, now)
    return x


@torch.no_grad()
def stored_path(
    velocity: Velocity,
    noise_BCFhw: Tensor,
    *,
    num_steps: int = 50,
    shift: float = 8.0,
    keep: Sequence[int] = STORED_STEPS,
) -> Tensor:
    """States of a path from pure noise that an ODE pair keeps: (B, S, C, F, h, w), clean last.

    Args:
        keep: numbers of states; -1 is the clean end.
    """
    ones_BF = noise_BCFhw.new_ones(noise_BCFhw.shape[0], noise_BCFhw.shape[2])
    states = [noise_BCFhw]
    for step in range(num_steps):
        now = shifted(ones_BF * (1 - step / num_steps), shift)
        after = shifted(ones_BF * (1 - (step + 1) / num_steps), shift)
        x = states[-1]
        states.append(x + per_frame(after - now) * velocity(x, now))
    return torch.stack([states[index] for index in keep], dim=1)


def mixed_states(path_BSCFhw: Tensor, index_BF: Tensor) -> Tensor:
    """For every latent frame one of the path's states: (B, C, F, h, w)."""
    batch, _, channels, _, *cells = path_BSCFhw.shape
    index = index_BF[:, None, None, :, None, None].expand(batch, 1, channels, -1, *cells)
    return path_BSCFhw.gather(1, index)[:, 0]


def ode_loss(
    noisy_BCFhw: Tensor,
    velocity_BCFhw: Tensor,
    end_BCFhw: Tensor,
    timesteps_BF: Tensor,
    sigma_BF: Tensor | None = None,
) -> Tensor:
    """Squared error of the clean estimate against the path's end, over frames with t above 0.

    Args:
        sigma_BF: noise levels, where a family means others than a thousandth of its timesteps.
    """
    sigma_BF = timesteps_BF / 1000 if sigma_BF is None else sigma_BF
    estimate = clean_of(noisy_BCFhw, velocity_BCFhw, sigma_BF)
    return regression_loss(estimate, end_BCFhw, timesteps_BF > 0)


def segment_loss(
    noisy_BCFhw: Tensor,
    velocity_BCFhw: Tensor,
    end_BCFhw: Tensor,
    sigma_BF: Tensor,
    until_BF: Tensor,
) -> Tensor:
    """Squared error of the velocity against the mean one of a path's segment, over noisy frames.

    Progressive distillation (Salimans and Ho 2022, arXiv 2202.00512): a plain step of Euler's
    method with this velocity comes to where the teacher's segment ends.

    Args:
        end_BCFhw: of `path_end` from `sigma_BF` until `until_BF`.
    """
    counted_BF = sigma_BF > 0
    way_BF = torch.where(counted_BF, until_BF - sigma_BF, 1.0)
    mean_velocity = (end_BCFhw - noisy_BCFhw) / per_frame(way_BF)
    return regression_loss(velocity_BCFhw, mean_velocity, counted_BF)
