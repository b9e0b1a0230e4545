"""What Wan's image-to-video models read beside the noise: mask and latents of the first frame.

Layout (facts: reference 2.4): `y` has 20 channels, four of mask and then sixteen of latents. The
latents are those of a clip that holds the frame and then nothing but mid grey; the mask is 1 on that
frame. A frame is four mask channels of a latent frame, so the first one has all four.

Legend: C latent channels, F latent frames, T frames, H/W pixels, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from videosketcher_app.core.geometry import SPATIAL_STRIDE, TEMPORAL_STRIDE, latent_frames_of

LATENT_CHANNELS = 16
MASK_CHANNELS = TEMPORAL_STRIDE
CONDITION_CHANNELS = MASK_CHANNELS + LATENT_CHANNELS
IMAGE_TO_VIDEO_CHANNELS = LATENT_CHANNELS + CONDITION_CHANNELS


def frame_pixels(frame_HW3: Tensor, dtype: torch.dtype) -> Tensor:
    """A uint8 frame as (3, 1, H, W) in [-1, 1]; scaled in `dtype`, as the reference does."""
    return (frame_HW3.float().to(dtype) * (2 / 255) - 1).permute(2, 0, 1)[:, None]


def first_frame_clip(frame_31HW: Tensor, num_frames: int) -> Tensor:
    """The frame and then mid grey: (3, T, H, W)."""
    height, width = frame_31HW.shape[-2:]
    rest = torch.zeros(3, num_frames - 1, height, width, device=frame_31HW.device)
    return torch.cat([frame_31HW, rest], dim=1).to(frame_31HW.dtype)


def first_frame_mask(num_frames: int, height: int, width: int) -> Tensor:
    """Mask (4, F, h, w) of a canvas in pixels: 1 where the frame is given, which is the first."""
    shape = (latent_frames_of(num_frames), height // SPATIAL_STRIDE, width // SPATIAL_STRIDE)
    mask = torch.zeros(MASK_CHANNELS, *shape)
    mask[:, 0] = 1
    return mask


def first_frame_condition(
    encode: Callable[[Tensor], Tensor], frame_HW3: Tensor, num_frames: int, dtype: torch.dtype
) -> Tensor:
    """Condition `y` (1, 20, F, h, w) of a uint8 frame.

    Args:
        encode: clip (3, T, H, W) in [-1, 1] -> latents (16, F, h, w).
    """
    height, width = frame_HW3.shape[:2]
    latents = encode(first_frame_clip(frame_pixels(frame_HW3, dtype), num_frames)).to(dtype)
    mask = first_frame_mask(num_frames, height, width).to(latents)
    return torch.cat([mask, latents])[None]
