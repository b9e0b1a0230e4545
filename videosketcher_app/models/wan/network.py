"""Builds Wan transformers of any size from diffsynth's `WanModel`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffsynth.models.wan_video_dit import WanModel
from torch import nn

__all__ = ["TransformerConfig", "WanModel", "build_transformer", "initialize"]


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """Size of a Wan transformer; the defaults are Pocket's.

    The head width (dim / num_heads) must have an even third (24, 48, 96, 128): diffsynth's RoPE
    tables do not add up otherwise.
    """

    dim: int = 384
    in_dim: int = 57
    ffn_dim: int = 1024
    out_dim: int = 16
    text_dim: int = 256
    freq_dim: int = 256
    num_heads: int = 4
    num_layers: int = 7
    patch: int = 3

    def __post_init__(self) -> None:
        head = self.dim // self.num_heads
        assert self.dim % self.num_heads == 0, (self.dim, self.num_heads)
        assert (head // 3) % 2 == 0, f"head width {head} has an odd third"

    def to_dict(self) -> dict:
        """Plain values."""
        return asdict(self)


def build_transformer(config: TransformerConfig, *, reads_picture: bool = False) -> WanModel:
    """A WanModel with random weights in float32.

    Args:
        reads_picture: it draws by a frame as Wan 2.1's image-to-video does: its blocks read the
            frame's tokens in front of the words, by weights of their own.
    """
    return WanModel(
        dim=config.dim,
        in_dim=config.in_dim,
        ffn_dim=config.ffn_dim,
        out_dim=config.out_dim,
        text_dim=config.text_dim,
        freq_dim=config.freq_dim,
        eps=1e-6,
        patch_size=(1, config.patch, config.patch),
        num_heads=config.num_heads,
        num_layers=config.num_layers,
        has_image_input=reads_picture,
        require_vae_embedding=reads_picture,
        require_clip_embedding=reads_picture,
    )


def initialize(dit: Any, generator: torch.Generator) -> None:
    """Starts training from small residual branches and a zero output layer."""
    depth = 2 * len(dit.blocks)
    for block in dit.blocks:
        for linear in (block.self_attn.o, block.cross_attn.o, block.ffn[2]):
            nn.init.normal_(linear.weight, std=0.02 / math.sqrt(depth), generator=generator)
            nn.init.zeros_(linear.bias)
    nn.init.zeros_(dit.head.head.weight)
    nn.init.zeros_(dit.head.head.bias)
    nn.init.normal_(dit.time_projection[1].weight, std=0.02, generator=generator)
    nn.init.zeros_(dit.time_projection[1].bias)
