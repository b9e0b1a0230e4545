"""Constant channels beside the latents: where and when a latent cell is, and the condition frame.

Wan knows only relative positions (RoPE); a small model finds "top left" or "late in the clip" only
if it is told (measured: facts, embedded model, run C against run D).

Legend: B batch, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

OCTAVES = 4
COORDINATE_CHANNELS = 3 * 2 * OCTAVES
CLIP_LATENT_FRAMES = 21  # latent frames that the time coordinate spans; later ones are clamped


def coordinate_channels(
    latent_frames: int, height: int, width: int, first_frame: int = 0
) -> Tensor:
    """Sine and cosine of (t, y, x) at 4 octaves: (24, F, h, w), float32.

    Args:
        first_frame: position of the first latent frame inside the clip or window; positions past
            the clip's end stay at its end, so that endless drawing sees values it knows.
    """
    t = (first_frame + torch.arange(latent_frames)).clamp(max=CLIP_LATENT_FRAMES - 1)
    axes = (
        t / (CLIP_LATENT_FRAMES - 1),
        torch.linspace(0, 1, height),
        torch.linspace(0, 1, width),
    )
    channels = []
    for axis, position in enumerate(axes):
        shape = [1, 1, 1]
        shape[axis] = len(position)
        for octave in range(OCTAVES):
            angle = position * math.pi * 2**octave
            for wave in (torch.sin(angle), torch.cos(angle)):
                channels.append(wave.view(shape).expand(latent_frames, height, width))
    return torch.stack(channels)


def input_channels(latent_channels: int = 16) -> int:
    """Channels of the transformer's input: noisy latents, coordinates, condition frame, mask."""
    return latent_channels + COORDINATE_CHANNELS + latent_channels + 1


def transformer_input(
    noisy_BCFhw: Tensor, coordinates_KFhw: Tensor, condition_BCFhw: Tensor | None = None
) -> Tensor:
    """Noisy latents with coordinates, condition and mask: (B, 57, F, h, w).

    Args:
        condition_BCFhw: latents of a condition frame, broadcast over time; None for no condition,
            which the model sees as zeros with a zero mask.
    """
    batch, channels, *shape = noisy_BCFhw.shape
    coordinates = coordinates_KFhw.to(noisy_BCFhw).expand(batch, -1, -1, -1, -1)
    if condition_BCFhw is None:
        rest = noisy_BCFhw.new_zeros(1, 1, 1, 1, 1).expand(batch, channels + 1, *shape)
        return torch.cat([noisy_BCFhw, coordinates, rest], dim=1)
    mask = torch.ones_like(condition_BCFhw[:, :1])
    return torch.cat([noisy_BCFhw, coordinates, condition_BCFhw, mask], dim=1)
