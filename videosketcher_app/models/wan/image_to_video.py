"""Wan image-to-video as a model that the brush engine draws with, on diffsynth's pipeline.

Both styles are served: Wan 2.1 (36 input channels, the first frame also through CLIP) and Wan 2.2
(36 channels, no CLIP). Sampling repeats `WanVideoPipeline.__call__` step by step, so that it can be
watched and stopped; a test equates the two. Two silent failures of the pipeline are refused here:
text taken for an image where the image encoder is missing, and a text model that is given a frame.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells, S text tokens,
D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from videosketcher_app.core.errors import DamagedModel, InvalidRequest
from videosketcher_app.models.image_condition import (
    IMAGE_TO_VIDEO_CHANNELS,
    first_frame_condition,
    frame_pixels,
)
from videosketcher_app.models.pocket import ModelDefaults

if TYPE_CHECKING:
    from diffsynth.pipelines.wan_video import WanVideoPipeline

# Byte for byte the negative prompt of the reference (facts: reference 0).
NEGATIVE_PROMPT = (
    "色调艳丽，过曝，静态，细节模糊不清，字幕，风格，作品，画作，画面，静止，整体发灰，最差质量，低质量，"
    "JPEG压缩残留，丑陋的，残缺的，多余的手指，画得不好的手部，画得不好的脸部，畸形的，毁容的，形态畸形的肢体，"
    "手指融合，静止不动的画面，杂乱的背景，三条腿，背景人很多，倒着走"
)
STUDIO_DEFAULTS = ModelDefaults(
    num_inference_steps=50, cfg_scale=2.0, shift=5.0, width=832, height=480, multiple_px=16
)


TILE_CELLS, TILE_STRIDE_CELLS = (30, 52), (15, 26)  # the reference's tiles of the VAE


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstFrame:
    """A condition frame as the transformer reads it.

    Attributes:
        y_B20Fhw: mask and latents.
        clip_feature_BSD: of the image encoder; None for models without one.
        size: T, H, W of the clip that it was made for.
    """

    y_B20Fhw: Tensor
    clip_feature_BSD: Tensor | None
    size: tuple[int, int, int]


@dataclass(kw_only=True)
class WanImageModel:
    """An image-to-video pipeline on one device.

    Attributes:
        pipe: dit, vae, text encoder, tokenizer and, for Wan 2.1, image encoder are set.
        tiled: the VAE works in tiles, as the reference's does by default.
        frame_HW3: the condition frame to draw by, uint8.
    """

    name: str
    pipe: WanVideoPipeline
    defaults: ModelDefaults = STUDIO_DEFAULTS
    hashes: dict[str, str] = field(default_factory=dict)
    tiled: bool = True
    image_conditioned: bool = True
    frame_HW3: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        check_pipeline(self.pipe, self.name)

    @property
    def device(self) -> torch.device:
        """Where the pipeline computes."""
        return torch.device(self.pipe.device)

    def conditioned(self, frame_HW3: NDArray[np.uint8]) -> WanImageModel:
        """The same pipeline, drawing by a condition frame of the canvas's size."""
        return replace(self, frame_HW3=np.ascontiguousarray(frame_HW3))

    def denoise(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        *,
        num_inference_steps: int,
        cfg_scale: float,
        shift: float,
        num_frames: int,
        width: int,
        height: int,
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Samples one clip; yields (steps done, latents, clean estimate) after every step.

        Raises:
            InvalidRequest: there is no frame to draw by, or it is not of the canvas's size.
        """
        assert len(prompts) == len(seeds) == 1, "the pipeline draws one clip at a time"
        self._require_frame(width, height)
        pipe = self.pipe
        pipe.scheduler.set_timesteps(num_inference_steps, denoising_strength=1.0, shift=shift)
        with torch.no_grad():
            x = self._noise(seeds[0], num_frames, height, width)
            words = self._context(prompts[0])
            others = self._context(NEGATIVE_PROMPT) if cfg_scale != 1 else None
            first = self.first_frame(num_frames)
            pipe.load_models_to_device(pipe.in_iteration_models)
        for step, level in enumerate(pipe.scheduler.timesteps, start=1):
            with torch.no_grad():
                velocity = self._velocity(x, level, words, first)
                if others is not None:
                    away = self._velocity(x, level, others, first)
                    velocity = away + cfg_scale * (velocity - away)
                sigma = pipe.scheduler.sigmas[step - 1]
                clean = x - velocity * sigma
                x = pipe.scheduler.step(velocity, level, x)
            yield step, x, clean

    @torch.no_grad()
    def first_frame(self, num_frames: int) -> FirstFrame:
        """The condition frame as the transformer reads it in a clip of this length."""
        assert self.frame_HW3 is not None
        pipe = self.pipe
        frame_HW3 = torch.from_numpy(self.frame_HW3)
        clip_feature = None
        if pipe.dit.require_clip_embedding:
            pipe.load_models_to_device(["image_encoder"])
            image = frame_pixels(frame_HW3, pipe.torch_dtype).transpose(0, 1).to(pipe.device)
            feature = pipe.image_encoder.encode_image([image])
            clip_feature = feature.to(dtype=pipe.torch_dtype, device=pipe.device)
        pipe.load_models_to_device(["vae"])
        y = first_frame_condition(self._encoded, frame_HW3, num_frames, pipe.torch_dtype)
        return FirstFrame(
            y_B20Fhw=y.to(pipe.device),
            clip_feature_BSD=clip_feature,
            size=(num_frames, *self.frame_HW3.shape[:2]),
        )

    @torch.no_grad()
    def decode(self, latents_BCFhw: Tensor) -> Tensor:
        """Frames (B, 3, T, H, W) in [-1, 1], float32."""
        self.pipe.load_models_to_device(["vae"])
        clip = self.pipe.vae.decode(latents_BCFhw, device=self.pipe.device, **self._tiles())
        self.pipe.load_models_to_device(self.pipe.in_iteration_models)
        return clip.float().clamp(-1, 1)

    def _encoded(self, clip_3THW: Tensor) -> Tensor:
        pipe = self.pipe
        clip_3THW = clip_3THW.to(pipe.device)
        return pipe.vae.encode([clip_3THW], device=pipe.device, **self._tiles())[0]

    def _tiles(self) -> dict[str, Any]:
        return {"tiled": self.tiled, "tile_size": TILE_CELLS, "tile_stride": TILE_STRIDE_CELLS}

    def _noise(self, seed: int, num_frames: int, height: int, width: int) -> Tensor:
        stride = self.pipe.vae.upsampling_factor
        channels = self.pipe.vae.model.z_dim
        shape = (1, channels, (num_frames - 1) // 4 + 1, height // stride, width // stride)
        return self.pipe.generate_noise(shape, seed=seed, rand_device="cpu")

    def _context(self, prompt: str) -> Tensor:
        """Text embeddings (1, S, D), zero past the prompt's end."""
        pipe = self.pipe
        pipe.load_models_to_device(["text_encoder"])
        ids, mask = pipe.tokenizer(prompt, return_mask=True, add_special_tokens=True)
        ids, mask = ids.to(pipe.device), mask.to(pipe.device)
        context = pipe.text_encoder(ids, mask)
        for row, length in enumerate(mask.gt(0).sum(dim=1).long()):
            context[row, length:] = 0
        return context

    def _velocity(self, x: Tensor, level: Tensor, context: Tensor, first: FirstFrame) -> Tensor:
        pipe = self.pipe
        timestep = level.unsqueeze(0).to(dtype=pipe.torch_dtype, device=pipe.device)
        return pipe.model_fn(
            dit=pipe.dit,
            latents=x,
            timestep=timestep,
            context=context,
            clip_feature=first.clip_feature_BSD,
            y=first.y_B20Fhw,
        )

    def _require_frame(self, width: int, height: int) -> None:
        if self.frame_HW3 is None:
            raise InvalidRequest(
                f"{self.name} draws by a first frame, and there is none.",
                hint="Give a brush with --input-image.",
            )
        if self.frame_HW3.shape[:2] != (height, width):
            rows, columns = self.frame_HW3.shape[:2]
            raise InvalidRequest(
                f"The condition frame has {columns}x{rows} px, the canvas {width}x{height} px.",
                hint="Make the frame for this canvas.",
            )


def check_pipeline(pipe: WanVideoPipeline, name: str) -> None:
    """Refuses a pipeline that would draw without the frame, or take words for it.

    Raises:
        InvalidRequest: its transformer draws from text only.
        DamagedModel: it needs an image encoder and has none.
    """
    dit = pipe.dit
    if dit.patch_embedding.in_channels != IMAGE_TO_VIDEO_CHANNELS or not dit.require_vae_embedding:
        raise InvalidRequest(
            f"{name} has {dit.patch_embedding.in_channels} input channels: it draws from text only.",
            hint="Choose an image-to-video model, such as wan2.1-i2v-14b-480p.",
        )
    needs_clip = dit.require_clip_embedding or dit.has_image_input
    if needs_clip and pipe.image_encoder is None:
        raise DamagedModel(
            f"{name} has no image encoder, so it would take words for the brush.",
            hint="Put models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth beside its weights.",
        )
