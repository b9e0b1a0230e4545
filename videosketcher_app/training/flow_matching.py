"""What every recipe of flow matching does in a step: noise levels, noise, lost words.

Legend: B batch, N noise levels of a clip, C channels, F latent frames, h/w latent cells, L tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from videosketcher_app.engines.schedules import shifted
from videosketcher_app.models.text import END
from videosketcher_app.training.state import StepRandom


def mixed_sigmas(
    random: StepRandom, shifts: tuple[float, float], batch: int, count: int = 1
) -> Tensor:
    """Noise levels (B, N) of clips: uniform positions, shifted by one of two shifts a clip.

    Half of the clips get the larger shift, whose levels are close to pure noise, where the layout of
    a drawing is decided.
    """
    u_BN = random.uniform(batch, count)
    low, high = shifts
    shift_B1 = torch.where(random.uniform(batch, 1) < 0.5, high, low)
    return shifted(u_BN, shift_B1)  # type: ignore[arg-type]


def drop_words(ids_BL: Tensor, share: float, random: StepRandom) -> Tensor:
    """Token ids of which a share of the prompts is emptied, so that the model can be guided."""
    return torch.where(random.uniform(len(ids_BL), 1) < share, without_words(ids_BL), ids_BL)


def without_words(ids_BL: Tensor) -> Tensor:
    """The ids of empty prompts."""
    empty = torch.zeros_like(ids_BL)
    empty[:, 0] = END
    return empty


def noised(clean_BCFhw: Tensor, noise_BCFhw: Tensor, sigma_B: Tensor) -> Tensor:
    """Latents with a noise level per clip."""
    return (1 - per_clip(sigma_B)) * clean_BCFhw + per_clip(sigma_B) * noise_BCFhw


def per_clip(value_B: Tensor) -> Tensor:
    """Values that broadcast over clips of latents."""
    return value_B.view(-1, 1, 1, 1, 1)
