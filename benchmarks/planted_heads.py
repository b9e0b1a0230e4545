"""Heads whose kind is known: each attends to its own frame, or to its own place through time."""

from __future__ import annotations

import torch
from torch import Tensor

from videosketcher_app.models.sparse_attention.layout import TokenLayout

HEAD_WIDTH = 32


def planted_heads(
    layout: TokenLayout,
    temporal_N: Tensor,
    *,
    seed: int,
    sharpness: float = 6.0,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    head_width: int = HEAD_WIDTH,
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values (1, N, L, E) of heads of these kinds, with noise on top.

    Queries and keys of a spatial head carry their frame's random direction, those of a temporal
    head their place's; words carry noise only.

    Args:
        temporal_N: bool, True for temporal heads.
        sharpness: length of that direction; the noise has length 1.
    """
    random = torch.Generator(device).manual_seed(seed)
    places = torch.arange(layout.num_video_tokens, device=device)
    frame, place = places // layout.tokens_per_frame, places % layout.tokens_per_frame
    kinds = max(layout.num_frames, layout.tokens_per_frame)
    shape = (len(temporal_N), layout.num_tokens, head_width)
    q, k, v = (torch.empty(1, *shape, device=device, dtype=dtype) for _ in range(3))
    video = slice(layout.video_start, layout.video_end)
    for head, is_temporal in enumerate(temporal_N.tolist()):
        # Attention divides by the root of the width: directions are long enough to survive that.
        directions = _noise((kinds, head_width), random) * sharpness * head_width**0.25
        own = directions[place if is_temporal else frame]
        for x in (q, k):
            noisy = _noise(shape[1:], random)
            noisy[video] += own
            x[0, head] = noisy
        v[0, head] = _noise(shape[1:], random) * head_width**0.5
    return q, k, v


def mixed_kinds(num_heads: int, seed: int) -> Tensor:
    """Random kinds (N,): True for temporal."""
    return torch.rand(num_heads, generator=torch.Generator("cpu").manual_seed(seed)) < 0.5


def _noise(shape: tuple[int, ...], random: torch.Generator) -> Tensor:
    """Random vectors of length about 1."""
    return torch.randn(shape, generator=random, device=random.device) / shape[-1] ** 0.5
