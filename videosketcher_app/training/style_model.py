"""What a style run asks of the model that it teaches, of Pocket's family and of Wan's alike.

Pocket's transformer is small and is copied; Wan's has up to 28 GB and is taught in place: its own
blocks hold the pairs, and samples are drawn with them. Pocket's shipped models draw in a few steps, of
which the first are held to what they were (`style_path`); Wan's draw in fifty and learn at all levels.

Legend: B batch, C channels, F latent frames, T frames, h/w latent cells, L tokens, D width.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.coordinates import coordinate_channels
from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer
from videosketcher_app.training.style_preset import StylePreset

_TEXT_CHANNELS = 16  # of the input of a network that draws from words alone


def is_pocket(model: PocketModel) -> bool:
    """Whether the model is of Pocket's family; a Wan model has the same methods for drawing."""
    return isinstance(model, PocketModel)


def check_teachable(model: PocketModel, preset: StylePreset) -> None:
    """Whether the preset can teach this model.

    Raises:
        InvalidRequest: it is for models that draw in a few steps, or for another kind of model.
    """
    if is_pocket(model):
        return
    if config_of(model).in_dim != _TEXT_CHANNELS:
        raise InvalidRequest(
            f"{model.name} draws from a picture; a style is taught to models that draw from text.",
            hint="Choose a text-to-video model.",
        )
    if preset.kept_share or preset.keep_plans:
        raise InvalidRequest(
            f"{model.name} draws in many steps, and the preset holds the first of a few.",
            hint="Take --config presets/training/lora_studio.yaml, or set kept_share and "
            "keep_plans to 0.",
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


@torch.no_grad()
def encoded(model: Any, frames_THW3: NDArray[np.uint8]) -> Tensor:
    """Latents (1, C, F, h, w) of a clip, float32 on the CPU."""
    if not is_pocket(model):
        from videosketcher_app.models.wan.conditions import encoded_clip

        return encoded_clip(model.pipe, frames_THW3, tiled=model.tiled).float().cpu()
    pixels = torch.from_numpy(np.ascontiguousarray(frames_THW3)).to(model.device, model.dtype)
    clip_BCTHW = (pixels / 127.5 - 1).permute(3, 0, 1, 2)[None]
    return model.vae.encode(clip_BCTHW).float().cpu()


@torch.no_grad()
def embedded(model: PocketModel, prompts: Sequence[str]) -> Tensor:
    """Embedded prompts (B, L, D), half precision on the CPU."""
    if not prompts:
        return torch.zeros(0, 1, config_of(model).text_dim, dtype=torch.float16)
    return model.encode_prompts(prompts).to("cpu", torch.float16, copy=True)


def compiles(model: PocketModel) -> bool:
    """Whether the steps are worth a minute of compiling, and can be compiled here."""
    has_triton = importlib.util.find_spec("triton") is not None
    return not is_pocket(model) and model.device.type == "cuda" and has_triton


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
