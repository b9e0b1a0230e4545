"""Regression to clean latents with a noise level per block: how a causal model is begun.

VideoSketcher's and CausVid's recipe (Yin et al. 2025, "From slow bidirectional to fast
autoregressive video diffusion models", arXiv 2412.07772; a noise level per frame is the diffusion
forcing of Chen et al. 2024, arXiv 2407.01392). Every block of latent frames gets one of a few
timesteps, 0 meaning clean context; the network sees the whole clip through block-causal attention,
and the squared error of its clean estimate is averaged over the frames that were noisy.

Convention: x = (1 - sigma) clean + sigma noise, velocity = noise - clean.

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from videosketcher_app.engines.schedules import shifted
from videosketcher_app.training.state import StepRandom

TIMESTEPS = (1000.0, 757.0, 522.0, 0.0)  # entries 0, 36 and 44 of 50 steps with shift 8, and clean


def warped(timesteps: Sequence[float], shift: float = 8.0) -> tuple[float, ...]:
    """Timesteps of an unshifted schedule at the same places of a shifted one.

    CausVid's four steps 1000, 750, 500, 250 become 1000, 960, 888.9, 727.3.
    """
    return tuple(1000 * shifted(t / 1000, shift) for t in timesteps)


def block_timesteps(
    batch: int,
    num_frames: int,
    random: StepRandom,
    *,
    timesteps: Sequence[float] = TIMESTEPS,
    block_frames: int = 3,
) -> Tensor:
    """One timestep a block, drawn alike often: (B, F); a clip that is clean all over is redrawn."""
    choices = torch.tensor(tuple(timesteps), device=random.device)
    blocks = -(-num_frames // block_frames)
    index = _indices(batch, blocks, len(choices), random)
    while bool((clean := (choices[index] == 0).all(1)).any()):
        index = torch.where(clean[:, None], _indices(batch, blocks, len(choices), random), index)
    return choices[index].repeat_interleave(block_frames, dim=1)[:, :num_frames]


def add_noise(clean_BCFhw: Tensor, noise_BCFhw: Tensor, sigma_BF: Tensor) -> Tensor:
    """Latents with a noise level per latent frame."""
    sigma = per_frame(sigma_BF)
    return (1 - sigma) * clean_BCFhw + sigma * noise_BCFhw


def clean_of(noisy_BCFhw: Tensor, velocity_BCFhw: Tensor, sigma_BF: Tensor) -> Tensor:
    """The clean estimate of a velocity."""
    return noisy_BCFhw - per_frame(sigma_BF) * velocity_BCFhw


def regression_loss(estimate_BCFhw: Tensor, target_BCFhw: Tensor, counted_BF: Tensor) -> Tensor:
    """Mean squared error over the latent frames that count: those with a timestep other than 0."""
    error_BF = (estimate_BCFhw.float() - target_BCFhw.float()).square().mean((1, 3, 4))
    return masked_mean(error_BF, counted_BF)


def masked_mean(values_BF: Tensor, counted_BF: Tensor) -> Tensor:
    """Mean over what counts; 0 if nothing does."""
    weight = counted_BF.to(values_BF.dtype)
    return (values_BF * weight).sum() / weight.sum().clamp(min=1)


def per_frame(values_BF: Tensor) -> Tensor:
    """Values of latent frames, ready to multiply latents (B, C, F, h, w)."""
    return values_BF[:, None, :, None, None]


def _indices(batch: int, blocks: int, count: int, random: StepRandom) -> Tensor:
    return (random.uniform(batch, blocks) * count).long()
