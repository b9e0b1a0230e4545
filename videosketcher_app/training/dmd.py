"""Distribution matching distillation: the few-step generator learns to be as likely as the data.

Yin et al. 2024, "One-step diffusion with distribution matching distillation" (arXiv 2311.18828) and
"Improved DMD" (arXiv 2405.14867), as CausVid (arXiv 2412.07772) and Self-Forcing (Huang et al. 2025,
arXiv 2506.08009) use them for causal video. The teacher (real score) knows the data's distribution,
the critic (fake score) is trained on what the student draws, and the difference of their clean
estimates of a noised drawing says where the drawing should move. CausVid counts the teacher's
guidance from the conditional estimate, x_c + 3.5 (x_c - x_u), which is a usual scale of 4.5.

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import torch
from torch import Tensor

from videosketcher_app.engines.schedules import shifted
from videosketcher_app.training.ar_regression import masked_mean

SCORE_SHIFT = 8.0
LOWEST, HIGHEST = 20.0, 980.0  # timesteps at which scores are compared


def score_timesteps(u_B: Tensor, shift: float = SCORE_SHIFT) -> Tensor:
    """Timesteps (B,) of uniform positions in [0, 1)."""
    return (1000 * shifted((u_B * 1000).floor() / 1000, shift)).clamp(LOWEST, HIGHEST)


def dmd_gradient(
    drawn_BCFhw: Tensor, real_BCFhw: Tensor, fake_BCFhw: Tensor, counted_BF: Tensor
) -> Tensor:
    """Where the drawing should not go: (fake - real), scaled by how far the teacher is off.

    Args:
        drawn_BCFhw: what the student drew.
        real_BCFhw, fake_BCFhw: clean estimates of teacher and critic of the same noised drawing.
        counted_BF: latent frames that the student drew; the others have no gradient.
    """
    counted = counted_BF[:, None, :, None, None].to(drawn_BCFhw.dtype)
    channels, _, height, width = drawn_BCFhw.shape[1:]
    per_frame = channels * height * width
    off = ((drawn_BCFhw - real_BCFhw).abs() * counted).sum((1, 2, 3, 4), keepdim=True)
    mean_off = off / (counted_BF.sum(1).view(-1, 1, 1, 1, 1) * per_frame).clamp(min=1)
    return torch.nan_to_num((fake_BCFhw - real_BCFhw) * counted / mean_off, 0.0, 0.0, 0.0)


def dmd_loss(drawn_BCFhw: Tensor, gradient_BCFhw: Tensor, counted_BF: Tensor) -> Tensor:
    """A loss with this gradient: 0.5 MSE(x, stop(x - gradient)), in float64."""
    goal = (drawn_BCFhw - gradient_BCFhw).detach().double()
    error_BF = (drawn_BCFhw.double() - goal).square().mean((1, 3, 4))
    return 0.5 * masked_mean(error_BF, counted_BF)


def critic_loss(
    velocity_BCFhw: Tensor, noise_BCFhw: Tensor, drawn_BCFhw: Tensor, counted_BF: Tensor
) -> Tensor:
    """Flow matching on the student's drawings: squared error against noise - drawn."""
    goal = noise_BCFhw - drawn_BCFhw.detach()
    error_BF = (velocity_BCFhw.float() - goal).square().mean((1, 3, 4))
    return masked_mean(error_BF, counted_BF)
