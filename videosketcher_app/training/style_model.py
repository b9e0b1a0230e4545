"""What a style run asks of the model that it teaches, of Pocket's family and of Wan's alike.

Pocket's transformer is small and is copied; Wan's has up to 28 GB and is taught in place: its own
blocks hold the pairs, and samples are drawn with them. Pocket's shipped models draw in a few steps, of
which the first are held to what they were (`style_path`); Wan's draw in fifty and learn at all levels.
Both families have models that draw with a brush: they read a condition frame beside the noise, and
learn from clips that begin with one.

Legend: B batch, C channels, F latent frames, T frames, h/w latent cells, L tokens, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.compiling import can_compile
from videosketcher_app.models.coordinates import coordinate_channels, transformer_input
from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer
from videosketcher_app.training.style_preset import StylePreset, studio_preset


def is_pocket(model: PocketModel) -> bool:
    """Whether the model is of Pocket's family; a Wan model has the same methods for drawing."""
    return isinstance(model, PocketModel)


def check_teachable(model: PocketModel, preset: StylePreset) -> None:
    """Whether the preset can teach this model.

    Raises:
        InvalidRequest: it is for models that draw in a few steps.
    """
    if is_pocket(model):
        return
    if preset.kept_share or preset.keep_plans:
        raise InvalidRequest(
            f"{model.name} draws in many steps, and the preset holds the first of a few.",
            hint=f"Take --config {studio_preset(by_brush=model.image_conditioned)}, or set "
            "kept_share and keep_plans to 0.",
        )


def arithmetic_of(model: Any) -> torch.dtype:
    """The format that the model computes in."""
    return model.dtype if is_pocket(model) else model.pipe.torch_dtype


def config_of(model: Any) -> TransformerConfig:
    """The size of the model's transformer."""
    if is_pocket(model):
        return model.transformer_config
    dit = model.transformer
    return TransformerConfig(
        dim=dit.dim,
        in_dim=dit.patch_embedding.in_channels,
        ffn_dim=dit.blocks[0].ffn_dim,
        out_dim=dit.head.head.out_features // (dit.patch_size[1] * dit.patch_size[2]),
        text_dim=dit.text_embedding[0].in_features,
        freq_dim=dit.freq_dim,
        num_heads=dit.blocks[0].num_heads,
        num_layers=len(dit.blocks),
        patch=dit.patch_size[1],
    )


def reads_picture(model: Any) -> bool:
    """Whether the blocks of its transformer read the tokens of a picture in front of the words."""
    return not is_pocket(model) and bool(model.transformer.has_image_input)


def transformer_to_teach(model: PocketModel) -> nn.Module:
    """The network that gets the pairs, frozen: a copy of Pocket's, Wan's own."""
    if not is_pocket(model):
        return model.transformer.requires_grad_(False)
    transformer = build_transformer(model.transformer_config)
    transformer.load_state_dict(model.transformer.state_dict())
    return transformer.to(model.dtype).requires_grad_(False)


def coordinates_of(model: PocketModel, frames: int, height: int, width: int) -> Tensor | None:
    """The constant channels that Pocket's network reads beside the latents (K, F, h, w)."""
    if not is_pocket(model):
        return None
    return coordinate_channels(frames, height, width).to(model.device, model.dtype)


def conditioned_input(
    x_BCFhw: Tensor, coordinates_KFhw: Tensor, condition_BC1hw: Tensor | None
) -> Tensor:
    """What Pocket's network reads: the condition of a frame is the same in every latent frame."""
    if condition_BC1hw is not None:
        condition_BC1hw = condition_BC1hw.expand(-1, -1, x_BCFhw.shape[2], -1, -1)
    return transformer_input(x_BCFhw, coordinates_KFhw, condition_BC1hw)


@torch.no_grad()
def encoded(model: Any, frames_THW3: NDArray[np.uint8]) -> Tensor:
    """Latents (1, C, F, h, w) of a clip, float32 on the CPU."""
    if not is_pocket(model):
        from videosketcher_app.models.wan.conditions import encoded_clip

        return encoded_clip(model.pipe, frames_THW3, tiled=model.tiled).float().cpu()
    pixels = torch.from_numpy(np.ascontiguousarray(frames_THW3)).to(model.device, model.dtype)
    clip_BCTHW = (pixels / 127.5 - 1).permute(3, 0, 1, 2)[None]
    return model.vae.encode(clip_BCTHW).float().cpu()


def painter(model: Any, frame_HW3: NDArray[np.uint8]) -> PocketModel:
    """The model as it draws by a condition frame of the canvas's size; one that reads none as it is."""
    return model.conditioned(frame_HW3) if model.image_conditioned else model


@torch.no_grad()
def condition_of(
    model: Any, frame_HW3: NDArray[np.uint8], num_frames: int
) -> tuple[Tensor, Tensor]:
    """What a network reads of a condition frame in a clip of this length, half precision on the CPU.

    Returns:
        The channels beside the noisy latents: Wan's mask and latents (1, 20, F, h, w), Pocket's
        latents (1, 16, 1, h, w) for every latent frame; and the picture's tokens (1, S, D), none
        of them for networks that read only channels.
    """
    drawing = painter(model, frame_HW3)
    if is_pocket(model):
        assert drawing.condition_BCFhw is not None, "the frame was given"
        return drawing.condition_BCFhw.to("cpu", torch.float16, copy=True), _no_tokens()
    first = drawing.first_frame(num_frames)  # type: ignore[attr-defined]
    tokens = first.clip_feature_BSD
    tokens = _no_tokens() if tokens is None else tokens.to("cpu", torch.float16)
    return first.y_B20Fhw.to("cpu", torch.float16), tokens


def _no_tokens() -> Tensor:
    return torch.zeros(1, 0, 0, dtype=torch.float16)


@torch.no_grad()
def embedded(model: PocketModel, prompts: Sequence[str]) -> Tensor:
    """Embedded prompts (B, L, D), half precision on the CPU."""
    if not prompts:
        return torch.zeros(0, 1, config_of(model).text_dim, dtype=torch.float16)
    return model.encode_prompts(prompts).to("cpu", torch.float16, copy=True)


def compiles(model: PocketModel) -> bool:
    """Whether the steps are worth a minute of compiling, and can be compiled here."""
    return not is_pocket(model) and model.device.type == "cuda" and can_compile("cuda")


def park_encoders(model: Any) -> None:
    """Takes off the device what steps do not need, where memory is short enough to have a plan."""
    if not is_pocket(model):
        model.pipe.load_models_to_device([])


def drawing_with(
    model: PocketModel, adapter: LoraAdapter, in_place: Callable[[], AbstractContextManager[None]]
) -> AbstractContextManager[None]:
    """Inside, the model draws with what the run has learned.

    Args:
        in_place: the same for a network that holds the pairs itself.
    """
    if is_pocket(model):
        return applied(model.transformer, [(adapter, 1.0)], base=model.name)
    return in_place()
