"""Files in the published formats at their real shapes, whose tensors are holes in the disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from videosketcher_app.models.identify.networks import shapes_of
from videosketcher_app.models.lora.layouts import LAYOUTS
from videosketcher_app.storage.safetensors_format import encode_header

Shapes = Mapping[str, tuple[int, ...]]
BF16, F32 = "BF16", "F32"


def sparse_safetensors(
    path: Path, shapes: Shapes, dtype: str = BF16, metadata: Mapping[str, str] | None = None
) -> Path:
    """A safetensors file of these shapes; only its header takes room."""
    head, _ = encode_header(
        {name: (dtype, shape) for name, shape in shapes.items()}, metadata or {}
    )
    content = json.loads(head[8:])
    content.pop("__metadata__", None)
    end = max((entry["data_offsets"][1] for entry in content.values()), default=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + end)
    return path


def sparse_pickle(path: Path, content: Any) -> Path:
    """What torch.save writes of these tensors, with holes for their bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.serialization.skip_data():
        torch.save(content, path)
    return path


def empty(shapes: Shapes, dtype: torch.dtype = torch.bfloat16) -> dict[str, torch.Tensor]:
    """Tensors of these shapes; nothing is written to their memory."""
    return {name: torch.empty(shape, dtype=dtype) for name, shape in shapes.items()}


def sharded(folder: Path, network: str, count: int, dtype: str = F32) -> list[Path]:
    """A transformer in shards with their index, as Wan publishes it."""
    shapes = dict(shapes_of(network))
    names = sorted(shapes)
    per_shard = -(-len(names) // count)
    stem, where, paths = "diffusion_pytorch_model", {}, []
    for index in range(count):
        held = names[index * per_shard : (index + 1) * per_shard]
        name = f"{stem}-{index + 1:05}-of-{count:05}.safetensors"
        paths.append(sparse_safetensors(folder / name, {n: shapes[n] for n in held}, dtype))
        where |= dict.fromkeys(held, name)
    text = json.dumps({"metadata": {}, "weight_map": where})
    (folder / f"{stem}.safetensors.index.json").write_text(text, "utf-8")
    return paths


def generator(network: str = "wan-t2v-1.3b", prefix: str = "model.") -> dict[str, torch.Tensor]:
    """The table that causal trainers write: a transformer below a wrapper's name."""
    return empty({prefix + name: shape for name, shape in shapes_of(network).items()})


# How each publisher packs a causal (or few-step) transformer.
CAUSAL_FILES: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "videosketcher-ar": (
        "VideoSketcher_AR/AR_1.3B.pt",
        lambda: {"generator": generator(), "epoch": 26, "config": {"lr": 2e-6}},
    ),
    "causvid-ar": (
        "autoregressive_checkpoint/model.pt",
        lambda: {"generator": generator(), "critic": {"x": torch.zeros(1)}},
    ),
    "causvid-ode": (
        "wan_causal_ode_checkpoint_model_003000/model.pt",
        lambda: {"generator": generator()},
    ),
    "causvid-bidirectional-1": (
        "bidirectional_checkpoint1/model.pt",
        lambda: {"generator": generator(), "critic": {"x": torch.zeros(1)}},
    ),
    "causvid-bidirectional-2": (
        "bidirectional_checkpoint2/model.pt",
        lambda: {"generator": generator(), "critic": {"x": torch.zeros(1)}},
    ),
    "self-forcing": (
        "checkpoints/self_forcing_dmd.pt",
        lambda: {"generator_ema": generator()},
    ),
}


def lora_shapes(
    layout: str, *, rank: int, dim: int, ffn_dim: int, num_layers: int
) -> dict[str, tuple[int, ...]]:
    """A LoRA of the published targets, in one of the layouts."""
    widths = {
        **{f"{a}.{p}": (dim, dim) for a in ("self_attn", "cross_attn") for p in "qkvo"},
        "ffn.0": (ffn_dim, dim),
        "ffn.2": (dim, ffn_dim),
    }
    known, shapes = LAYOUTS[layout], {}
    for index in range(num_layers):
        for module, (out, inputs) in widths.items():
            base = known.base_of(f"blocks.{index}.{module}")
            shapes[f"{base}.{known.down}"] = (rank, inputs)
            shapes[f"{base}.{known.up}"] = (out, rank)
            if known.has_alpha:
                shapes[f"{base}.alpha"] = ()
    return shapes
