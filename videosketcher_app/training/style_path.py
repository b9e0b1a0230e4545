"""The arithmetic of learning a style from a few-step model: pure functions.

A distilled model jumps along a schedule of a few noise levels, and its first jumps choose a layout
from the noise: asked for the mean of all layouts instead, as flow matching does there, it would
blur. So a style run starts at a later level s, where the layout stands. The point there is either a
noisy clip of the style itself (ordinary flow matching at the schedule's levels) or the point to
which the model's own step led from an earlier level: that one still has the model's lines, as it
will have when the style is wanted. From there the path is straight towards the styled clip:

    x_k = (sigma_k / sigma_s) x_s + (1 - sigma_k / sigma_s) clean,   velocity = (x_k - clean) / sigma_k

With x_s = (1 - sigma_s) clean + sigma_s noise this is x_k = (1 - sigma_k) clean + sigma_k noise and
the velocity is noise - clean.

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor


def noised(clean_BCFhw: Tensor, noise_BCFhw: Tensor, sigma: float | Tensor) -> Tensor:
    """The clip at a noise level."""
    return (1 - sigma) * clean_BCFhw + sigma * noise_BCFhw


def carried(
    start_BCFhw: Tensor, clean_BCFhw: Tensor, start_sigma: float, sigma_B111: Tensor
) -> Tensor:
    """Points on straight paths from a start at one noise level to the clean clips."""
    left = sigma_B111 / start_sigma
    return left * start_BCFhw + (1 - left) * clean_BCFhw


def velocity_to(clean_BCFhw: Tensor, x_BCFhw: Tensor, sigma_B111: Tensor) -> Tensor:
    """The velocity that leads from points at a noise level to the clean clips."""
    return (x_BCFhw - clean_BCFhw) / sigma_B111


def trajectory_point(
    noise_BCFhw: Tensor, velocities_BSCFhw: Tensor, levels: Sequence[float], steps_B: Tensor
) -> tuple[Tensor, Tensor]:
    """Where a stored drawing was before step k, and the velocity that it took there.

    Args:
        velocities_BSCFhw: of its first S steps.
        levels: noise levels of the schedule, at least S + 1.
        steps_B: k of every drawing, in [0, S).
    """
    num_stored = velocities_BSCFhw.shape[1]
    widths = [after - before for before, after in pairwise(levels)][:num_stored]
    widths_S = torch.tensor(widths).to(noise_BCFhw)
    passed_BS = torch.arange(num_stored, device=steps_B.device) < steps_B[:, None]
    weights_BS = passed_BS * widths_S
    moved = (weights_BS[:, :, None, None, None, None] * velocities_BSCFhw).sum(1)
    rows = torch.arange(len(steps_B), device=steps_B.device)
    return noise_BCFhw + moved, velocities_BSCFhw[rows, steps_B]


def weighted_error(
    velocity_BCFhw: Tensor, target_BCFhw: Tensor, weight_BFhw: Tensor | None = None
) -> Tensor:
    """Mean squared error of every clip (B,); weights of cells have the mean 1."""
    error = (velocity_BCFhw - target_BCFhw).square()
    if weight_BFhw is not None:
        error = error * weight_BFhw[:, None]
    return error.mean((1, 2, 3, 4))
