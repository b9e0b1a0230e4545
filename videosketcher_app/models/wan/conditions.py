"""What a drawing's passes read beside the noisy latents, made with a pipeline's encoders.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells, S text tokens,
D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.models.image_condition import frame_pixels

if TYPE_CHECKING:
    from diffsynth.pipelines.wan_video import WanVideoPipeline

Size = tuple[int, int, int]  # frames, height and width in pixels
TILE_CELLS, TILE_STRIDE_CELLS = (30, 52), (15, 26)  # the reference's tiles of the VAE


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """A clip to draw over.

    Attributes:
        frames_THW3: uint8, of the canvas's size and as many as are drawn.
        strength: noise level to start from, before the shift: 1 keeps nothing of the clip.
    """

    frames_THW3: NDArray[np.uint8]
    strength: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditions:
    """Of one drawing.

    Attributes:
        words_BSD: embedded prompt, zero past its end.
        others_BSD: embedded negative prompt; None without guidance.
        y_B20Fhw, clip_feature_BSD: of a condition frame, see `image_to_video`.
    """

    words_BSD: Tensor
    others_BSD: Tensor | None = None
    y_B20Fhw: Tensor | None = None
    clip_feature_BSD: Tensor | None = None


def embedded_prompt(pipe: WanVideoPipeline, prompt: str) -> Tensor:
    """Text embeddings (1, S, D), zero past the prompt's end, in the pipeline's format."""
    pipe.load_models_to_device(["text_encoder"])
    ids, mask = pipe.tokenizer(prompt, return_mask=True, add_special_tokens=True)
    ids, mask = ids.to(pipe.device), mask.to(pipe.device)
    context = pipe.text_encoder(ids, mask)
    for row, length in enumerate(mask.gt(0).sum(dim=1).long()):
        context[row, length:] = 0
    return context.to(pipe.torch_dtype)


def latent_shape(pipe: WanVideoPipeline, size: Size) -> tuple[int, int, int, int]:
    """(C, F, h, w) of a clip."""
    num_frames, height, width = size
    stride = pipe.vae.upsampling_factor
    return (pipe.vae.model.z_dim, (num_frames - 1) // 4 + 1, height // stride, width // stride)


def tiles(tiled: bool) -> dict[str, Any]:
    """Arguments of the VAE's `encode` and `decode`."""
    return {"tiled": tiled, "tile_size": TILE_CELLS, "tile_stride": TILE_STRIDE_CELLS}


def encoded_clip(pipe: WanVideoPipeline, frames_THW3: NDArray[np.uint8], *, tiled: bool) -> Tensor:
    """Latents (1, C, F, h, w) of a clip."""
    pipe.load_models_to_device(["vae"])
    frames = [frame_pixels(torch.from_numpy(frame), pipe.torch_dtype) for frame in frames_THW3]
    clip_13THW = torch.cat(frames, dim=1)[None].to(pipe.device)
    return encoded(pipe, clip_13THW, tiled=tiled).to(pipe.device)


def encoded(pipe: WanVideoPipeline, clips: Tensor | Sequence[Tensor], *, tiled: bool) -> Tensor:
    """Latents (B, C, F, h, w) of clips (3, T, H, W) in [-1, 1].

    What the encoder's convolutions remember of the last frames is let go of: diffsynth keeps it until
    the next clip, and at 832x480 it is 1.1 GB that denoising would have to do without.
    """
    latents = pipe.vae.encode(clips, device=pipe.device, **tiles(tiled))
    pipe.vae.model.clear_cache()
    return latents
