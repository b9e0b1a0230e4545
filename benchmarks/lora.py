"""What a LoRA costs: a forward with it on, hot, against the base's own, and putting it on.

    python -m benchmarks.lora pocket
    python -m benchmarks.lora 14b --device cuda --layers 4

Weights are random, and the up matrices zero, so that both forwards must agree: the work depends on
shapes alone. A model of forty layers costs the same ratio as one of four, so `--layers` keeps the
memory small. Merged, a forward costs what the base's own does, so only putting it on is timed.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.harness import compare, machine, timed
from videosketcher_app.models.lora.adapter import LoraAdapter, adapter_from
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.wan.forward import predict_velocity
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

RANK = 32
_WAN: dict[str, Any] = {"in_dim": 16, "text_dim": 4096, "patch": 2}
# By name: the transformer, and latent frames, height and width of a usual clip.
SIZES: dict[str, tuple[TransformerConfig, tuple[int, int, int]]] = {
    "pocket": (TransformerConfig(), (21, 30, 54)),
    "1.3b": (
        TransformerConfig(dim=1536, ffn_dim=8960, num_heads=12, num_layers=30, **_WAN),
        (21, 60, 104),
    ),
    "14b": (
        TransformerConfig(dim=5120, ffn_dim=13824, num_heads=40, num_layers=40, **_WAN),
        (21, 60, 104),
    ),
}
_TARGETS = ("q", "k", "v", "o", "0", "2")


def measure(size: str, *, device: str, layers: int | None, rank: int) -> dict[str, Any]:
    """The ratio of a forward with a hot LoRA to one without, and the seconds to put it on."""
    config, clip = SIZES[size]
    is_cuda = device.startswith("cuda")
    dtype = torch.bfloat16 if is_cuda else torch.float32
    wait = torch.cuda.synchronize if is_cuda else (lambda: None)
    network = _network(config, layers, device, dtype)
    adapter = _adapter(network, rank)
    inputs = _inputs(config, clip, device, dtype)

    def plain() -> Any:
        with torch.inference_mode():
            return predict_velocity(network, *inputs).float().cpu().numpy()

    def hot() -> Any:
        with applied(network, [(adapter, 1.0)]):
            return plain()

    found = compare(plain, hot, max_relative_error=1e-6, synchronize=wait)
    return {
        "bench": "lora",
        "size": size,
        "layers": len(network.blocks),
        "rank": rank,
        **vars(found) | {"parity": vars(found.parity)},
        "put_on_s": {
            name: round(timed(lambda merge=merge: _put_on(network, adapter, merge), wait), 4)
            for name, merge in (("hot", False), ("merged", True))
        },
        **machine(),
    }


def _put_on(network: nn.Module, adapter: LoraAdapter, merge: bool) -> None:
    with applied(network, [(adapter, 1.0)], merge=merge):
        pass


def _network(
    config: TransformerConfig, layers: int | None, device: str, dtype: torch.dtype
) -> nn.Module:
    fewer = TransformerConfig(**{**config.to_dict(), "num_layers": layers or config.num_layers})
    with torch.device(device):
        network = build_transformer(fewer)
    return network.to(dtype).eval().requires_grad_(False)


def _adapter(network: nn.Module, rank: int) -> LoraAdapter:
    tensors: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        is_target = name.startswith("blocks.") and name.rsplit(".", 1)[1] in _TARGETS
        if isinstance(module, nn.Linear) and is_target:
            tensors[f"{name}.lora_A.weight"] = torch.randn(rank, module.in_features) * 0.02
            tensors[f"{name}.lora_B.weight"] = torch.zeros(module.out_features, rank)
    return adapter_from(tensors)


def _inputs(
    config: TransformerConfig, clip: tuple[int, int, int], device: str, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    latents = torch.randn(1, config.in_dim, *clip, device=device, dtype=dtype)
    words = torch.randn(1, 512, config.text_dim, device=device, dtype=dtype)
    return latents, torch.full((1, 1), 700.0, device=device), words


def main() -> None:
    """Parses the command line and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--rank", type=int, default=RANK)
    chosen = parser.parse_args()
    line = measure(chosen.size, device=chosen.device, layers=chosen.layers, rank=chosen.rank)
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
