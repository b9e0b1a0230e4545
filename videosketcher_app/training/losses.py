"""Flow matching with the published weights per noise level: what a LoRA of Wan minimises.

Diffsynth's training objective, which VideoSketcher uses unchanged: one of the 1000 levels of a table
with shift 5, drawn alike often; the squared error of the velocity, weighted by a bell over the
level's timestep so that the middle counts most.

Convention: x = (1 - sigma) clean + sigma noise, velocity = noise - clean, timestep = 1000 sigma.

Legend: B batch, N levels of the table.
"""

from __future__ import annotations

import torch
from torch import Tensor

from videosketcher_app.engines.schedules import shifted

NUM_LEVELS = 1000
LORA_SHIFT = 5.0


def level_table(shift: float = LORA_SHIFT, num_levels: int = NUM_LEVELS) -> Tensor:
    """Noise levels (N,) from 1 down, float64; the table ends one step above 0."""
    return shifted(1 - torch.arange(num_levels, dtype=torch.float64) / num_levels, shift)


def bell_weights(sigma_N: Tensor) -> Tensor:
    """The weight of every level of a table, 1 on average: exp(-2 (t/1000 - 1/2)^2), from 0 up."""
    bell = torch.exp(-2 * (sigma_N - 0.5) ** 2)
    raised = bell - bell.min()
    return raised * (len(sigma_N) / raised.sum())


def weighted_flow_loss(velocity: Tensor, noise: Tensor, clean: Tensor, weight_B: Tensor) -> Tensor:
    """Squared error of the velocity against noise - clean, weighted by clip, in float32.

    Args:
        velocity, noise, clean: (B, ...), alike in shape.
        weight_B: of each clip's noise level, from `bell_weights`.
    """
    error_B = (velocity.float() - (noise.float() - clean.float())).square().flatten(1).mean(1)
    return (error_B * weight_B.to(error_B)).mean()
