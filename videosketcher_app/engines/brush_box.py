"""The brush box put back into a drawing's latents, so that a decoded clip shows the box as it was given.

A model redraws the box with every frame, and a little wrong. What the box's latents are is known
exactly: image-to-video pipelines put given frames back in the same way. Cells of the box that gain
ink belong to the drawing, with the cells around them, which the decoder mixes with them.

Legend: B batch, C channels, F latent frames, h/w latent cells, T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d

from videosketcher_app.core.geometry import SPATIAL_STRIDE
from videosketcher_app.data.brushes.condition import box_size
from videosketcher_app.models.pocket import PocketModel, paper_of

# Mean squared change of a cell since the first frame. Cells of a box that nothing reaches stay below
# 0.07 in drawings of the shipped model; the palest ink of the shelf changes a cell by more than this.
GAINED = 0.15
_SETTLING_FRAMES = 9  # a causal encoder's answer to a still clip no longer changes then


@dataclass(kw_only=True)
class BoxedModel(PocketModel):
    """A conditioned model whose clips show their box unchanged; clips of any other length are left alone.

    Attributes:
        still_BCFhw: latents of the still condition frames, as long as the clips to be drawn.
    """

    still_BCFhw: Tensor

    @torch.inference_mode()
    def decode(self, latents_BCFhw: Tensor) -> Tensor:
        """Frames (B, 3, T, H, W) in [-1, 1], float32."""
        if latents_BCFhw.shape[2] == self.still_BCFhw.shape[2]:
            latents_BCFhw = with_box_of(latents_BCFhw, self.still_BCFhw)
        return super().decode(latents_BCFhw)


def boxed_model(
    model: PocketModel,
    frames: Sequence[NDArray[np.uint8]],
    num_frames: int,
    *,
    shown: Sequence[NDArray[np.uint8]] | None = None,
) -> BoxedModel:
    """The model drawing by condition frames (H, W, 3), one for each clip of a batch.

    Args:
        shown: frames whose boxes the clips show instead.
    """
    known = [model.conditioned(frame).condition_BCFhw for frame in frames]
    condition_BCFhw = torch.cat([latents for latents in known if latents is not None])
    pixels_BHW3 = torch.from_numpy(np.stack(shown or frames)).to(model.device, model.dtype)
    still = (pixels_BHW3 / 127.5 - 1).permute(0, 3, 1, 2)[:, :, None]
    with torch.inference_mode():
        begun = model.vae.encode(still.expand(-1, -1, _SETTLING_FRAMES, -1, -1)).float()
    own = {field.name: getattr(model, field.name) for field in fields(PocketModel)}
    own["condition_BCFhw"] = condition_BCFhw
    return BoxedModel(**own, still_BCFhw=paper_of(begun, num_frames))


def with_box_of(latents_BCFhw: Tensor, still_BCFhw: Tensor) -> Tensor:
    """A drawing's latents with the box of a still clip wherever the drawing leaves it alone."""
    height, width = latents_BCFhw.shape[-2:]
    right, bottom = box_size((width * SPATIAL_STRIDE, height * SPATIAL_STRIDE))
    columns, rows = (-(-side // SPATIAL_STRIDE) for side in (right, bottom))
    # One row and column more are looked at: ink beside the box reaches into it when it is decoded.
    near = latents_BCFhw[..., : rows + 1, : columns + 1]
    gained_B1hw = (near - near[:, :, :1]).square().mean(1).amax(1, keepdim=True) > GAINED
    reached = max_pool2d(gained_B1hw.float(), 3, stride=1, padding=1)[:, :, None] > 0
    mended = latents_BCFhw.clone()
    box = np.s_[..., :rows, :columns]
    mended[box] = torch.where(reached[box], latents_BCFhw[box], still_BCFhw.to(mended)[box])
    return mended
