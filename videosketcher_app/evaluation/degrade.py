"""What a video model's decoder does to lines: blur, noise, ragged and broken strokes, ghosts.

Legend: B drawings, H/W the detector's grid.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

HOLE_CELLS = (15, 27)  # grid of the smooth noise that breaks lines


def degrade(ink_BHW: Tensor, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Ink coverage as a decoder might give it back, each drawing in another way.

    Args:
        ink_BHW: coverage in [0, 1].
        generator: on the same device.
        strength: 0 leaves the drawing clean, 1 is the training's worst case.
    """
    batch, height, width = ink_BHW.shape
    options = {"generator": generator, "device": ink_BHW.device}

    def amount(low: float, high: float, chance: float) -> Tensor:
        value = low + (high - low) * torch.rand(batch, 1, 1, **options)
        happens = torch.rand(batch, 1, 1, **options) < chance * strength
        return value * happens

    smooth = torch.randn(batch, 1, *HOLE_CELLS, **options)
    smooth = functional.interpolate(smooth, (height, width), mode="bilinear", align_corners=False)
    hole_share = amount(0.01, 0.1, 0.35)
    # The bilinear noise has a standard deviation of about 0.67; its upper tail becomes holes.
    limit = torch.where(hole_share > 0, 0.67 * _upper_quantile(hole_share), 9.0)
    ink = ink_BHW * (smooth[:, 0] < limit)
    ink = ink * (1 - amount(0.1, 0.5, 0.4) * torch.rand(batch, height, width, **options))
    ghost = torch.roll(ink, shifts=(1, 2), dims=(1, 2))
    ink = torch.maximum(ink, amount(0.1, 0.3, 0.15) * ghost)
    ink = _blurred(ink, amount(0.3, 0.8, 0.5))
    ink = ink * (1 - amount(0.0, 0.35, 0.5))
    noise = torch.randn(batch, height, width, **options)
    return (ink + amount(0.005, 0.04, 0.6) * noise).clamp(0, 1)


def _upper_quantile(share: Tensor) -> Tensor:
    """Value that a standard normal variable exceeds with probability `share`."""
    return torch.special.ndtri(1 - share.clamp(1e-4, 0.5))


def _blurred(ink_BHW: Tensor, sigma_B11: Tensor) -> Tensor:
    """Gaussian blur with a standard deviation in pixels for each drawing; 0 leaves it sharp."""
    offset = torch.arange(-2, 3, device=ink_BHW.device, dtype=ink_BHW.dtype)
    kernel_B5 = torch.exp(-0.5 * (offset / sigma_B11[:, 0].clamp(min=1e-3)) ** 2)
    kernel_B5 = kernel_B5 / kernel_B5.sum(1, keepdim=True)
    for dimension in (1, 2):
        length = ink_BHW.shape[dimension]
        padding = (0, 0, 2, 2) if dimension == 1 else (2, 2)
        padded = functional.pad(ink_BHW, padding)
        weighted = (
            kernel_B5[:, k, None, None] * padded.narrow(dimension, k, length) for k in range(5)
        )
        ink_BHW = sum(weighted, start=torch.zeros_like(ink_BHW))
    return ink_BHW
