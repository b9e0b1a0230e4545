"""Wan image-to-video as a model that the brush engine draws with, on diffsynth's pipeline.

Both styles are served: Wan 2.1 (36 input channels, the first frame also through CLIP) and Wan 2.2
(36 channels, no CLIP). Two silent failures of the pipeline are refused here: text taken for an
image where the image encoder is missing, and a text model that is given a frame.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells, S text tokens,
D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videosketcher_app.core.errors import DamagedModel, InvalidRequest
from videosketcher_app.core.geometry import frames_of
from videosketcher_app.models.image_condition import (
    IMAGE_TO_VIDEO_CHANNELS,
    first_frame_condition,
    frame_pixels,
)
from videosketcher_app.models.pocket import ModelDefaults
from videosketcher_app.models.wan.conditions import Conditions, Size, encoded
from videosketcher_app.models.wan.text_to_video import NEGATIVE_PROMPT, WanTextModel

if TYPE_CHECKING:
    from diffsynth.pipelines.wan_video import WanVideoPipeline

__all__ = ["NEGATIVE_PROMPT", "STUDIO_DEFAULTS", "FirstFrame", "WanImageModel", "check_pipeline"]

STUDIO_DEFAULTS = ModelDefaults(
    num_inference_steps=50, cfg_scale=2.0, shift=5.0, width=832, height=480, multiple_px=16
)


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
class WanImageModel(WanTextModel):
    """An image-to-video pipeline on one device.

    Attributes:
        pipe: has an image encoder too, if it is Wan 2.1.
        frame_HW3: the condition frame to draw by, uint8.
    """

    defaults: ModelDefaults = STUDIO_DEFAULTS
    image_conditioned: bool = True
    frame_HW3: NDArray[np.uint8] | None = None
    _first: FirstFrame | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_pipeline(self.pipe, self.name)

    def conditioned(self, frame_HW3: NDArray[np.uint8]) -> WanImageModel:
        """The same pipeline, drawing by a condition frame of the canvas's size."""
        return replace(self, frame_HW3=np.ascontiguousarray(frame_HW3))

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

    def _encoded(self, clip_3THW: Tensor) -> Tensor:
        pipe = self.pipe
        return encoded(pipe, [clip_3THW.to(pipe.device)], tiled=self._is_tiled)[0]

    def _frame_conditions(self, latent_frames: int) -> tuple[Tensor | None, Tensor | None]:
        num_frames = frames_of(latent_frames)
        if self._first is None or self._first.size[0] != num_frames:
            self._first = self.first_frame(num_frames)
            self.pipe.load_models_to_device(self.pipe.in_iteration_models)
        return self._first.y_B20Fhw, self._first.clip_feature_BSD

    def _conditions(self, prompt: str, size: Size, *, guided: bool) -> Conditions:
        words = super()._conditions(prompt, size, guided=guided)
        first = self.first_frame(size[0])
        return replace(words, y_B20Fhw=first.y_B20Fhw, clip_feature_BSD=first.clip_feature_BSD)

    def _check(self, size: Size) -> None:
        super()._check(size)
        if self.frame_HW3 is None:
            raise InvalidRequest(
                f"{self.name} draws by a first frame, and there is none.",
                hint="Give a brush with --input-image.",
            )
        rows, columns = self.frame_HW3.shape[:2]
        if (rows, columns) != size[1:]:
            raise InvalidRequest(
                f"The condition frame has {columns}x{rows} px, the canvas {size[2]}x{size[1]} px.",
                hint="Make the frame for this canvas.",
            )

    def _stops(self) -> Iterator[nn.Module]:
        yield from super()._stops()
        if self.pipe.image_encoder is not None:
            yield self.pipe.image_encoder


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
