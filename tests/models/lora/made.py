"""LoRAs made up for tests: of the tiny model, and of the published sizes at rank 1."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

TARGETS = ("q", "k", "v", "o", "0", "2")  # of attention and of the feed-forward


def modules_of(network: nn.Module) -> dict[str, tuple[int, int]]:
    """(outputs, inputs) of the linear layers that published LoRAs adapt."""
    return {
        name: (module.out_features, module.in_features)
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear)
        and name.startswith("blocks.")
        and name.rsplit(".", 1)[1] in TARGETS
    }


def published_modules(dim: int, ffn_dim: int, num_layers: int) -> dict[str, tuple[int, int]]:
    """The ten modules a block of a published LoRA, for a size that need not be built."""
    attention = [f"{a}.{p}" for a in ("self_attn", "cross_attn") for p in "qkvo"]
    block = dict.fromkeys(attention, (dim, dim))
    block |= {"ffn.0": (ffn_dim, dim), "ffn.2": (dim, ffn_dim)}
    return {f"blocks.{n}.{name}": shape for n in range(num_layers) for name, shape in block.items()}


def made(
    modules: Mapping[str, tuple[int, int]],
    *,
    rank: int = 4,
    seed: int = 0,
    size: float = 0.2,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor]:
    """A trained LoRA with random matrices, in the layout that VideoSketcher publishes."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for module, (outputs, inputs) in modules.items():
        for letter, shape in (("A", (rank, inputs)), ("B", (outputs, rank))):
            value = torch.randn(shape, generator=generator) * size
            tensors[f"{module}.lora_{letter}.default.weight"] = value.to(dtype)
    return tensors
