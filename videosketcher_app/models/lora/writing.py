"""Writing LoRAs in a published layout: what was trained here, or what came in another layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.lora.adapter import LoraAdapter, LowRank, adapter_from
from videosketcher_app.models.lora.layouts import LAYOUTS, Layout
from videosketcher_app.models.lora.names import DIFFERENCES
from videosketcher_app.models.lora.reading import PEFT_CONFIG, PEFT_WEIGHTS
from videosketcher_app.models.lora.trigger_words import with_trigger_words
from videosketcher_app.storage import atomic
from videosketcher_app.storage.tensors import sha256_of, write_safetensors

PUBLISHED = LAYOUTS["diffsynth"]  # as VideoSketcher publishes
_KINDS = {parameter: kind for kind, parameter in DIFFERENCES.items()}


def trained_adapter(network: nn.Module, *, alpha: float, source: str = "the run") -> LoraAdapter:
    """The adapter that peft trains inside a network, copied to the CPU.

    Raises:
        DamagedModel: it holds NaN or Inf.
    """
    tensors = {
        name: value.detach().to("cpu", copy=True)
        for name, value in network.state_dict().items()
        if ".lora_A." in name or ".lora_B." in name
    }
    return adapter_from(tensors, source=source, alpha=alpha)


def named_as(
    adapter: LoraAdapter, layout: Layout = PUBLISHED, dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """The adapter's tensors as a layout names them.

    A layout without alphas means alpha = rank: what the file's own alpha said goes into the up
    matrix.

    Args:
        dtype: of the matrices; None leaves them as they are.
    """
    tensors: dict[str, Tensor] = {}
    for module, pair in adapter.pairs.items():
        base = layout.base_of(module)
        tensors[f"{base}.{layout.down}"] = pair.down_RI.to(dtype or pair.down_RI.dtype)
        tensors[f"{base}.{layout.up}"] = _up(pair, layout).to(dtype or pair.up_OR.dtype)
        if layout.has_alpha:
            tensors[f"{base}.alpha"] = torch.tensor(pair.alpha)
    for parameter, difference in adapter.differences.items():
        module, _, kind = parameter.rpartition(".")
        name = f"{layout.base_of(module)}.{_KINDS[kind]}"
        tensors[name] = difference.to(dtype or difference.dtype)
    return {name: value.contiguous() for name, value in tensors.items()}


def write_lora(
    path: Path,
    adapter: LoraAdapter,
    layout: Layout = PUBLISHED,
    *,
    dtype: torch.dtype | None = None,
    trigger_words: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Writes a LoRA file, whole or not at all, and returns its SHA-256.

    In the peft layout a path without the suffix .safetensors becomes a folder with the settings
    that peft reads.

    Args:
        trigger_words: words that call the style; kept in the file.
        metadata: further texts; None keeps those that the adapter came with.

    Raises:
        InvalidRequest: the adapter holds what this layout has no names for.
        CannotWrite: the folder cannot be written or the disk is full.
    """
    texts = with_trigger_words(adapter.metadata if metadata is None else metadata, trigger_words)
    tensors = named_as(adapter, layout, dtype)
    if layout.name != "peft" or path.suffix == ".safetensors":
        return write_safetensors(path, tensors, texts)
    config = _peft_config(adapter)
    with atomic.publish_folder(path) as folder:
        write_safetensors(folder / PEFT_WEIGHTS, tensors, texts)
        atomic.write_json(folder / PEFT_CONFIG, config)
    return sha256_of(path / PEFT_WEIGHTS)


def _up(pair: LowRank, layout: Layout) -> Tensor:
    strength = 1.0 if layout.has_alpha else pair.alpha / pair.rank
    return pair.up_OR if strength == 1 else (pair.up_OR.float() * strength).to(pair.up_OR.dtype)


def _peft_config(adapter: LoraAdapter) -> dict[str, object]:
    if len(adapter.ranks) != 1 or adapter.differences:
        raise InvalidRequest(
            f"{adapter.source} has several ranks or whole differences; peft's settings have no "
            "place for them.",
            hint="Choose another layout, for instance diffsynth.",
        )
    return {
        "peft_type": "LORA",
        "r": adapter.ranks[0],
        "lora_alpha": adapter.ranks[0],
        "target_modules": sorted(adapter.pairs),
        "bias": "none",
        "inference_mode": True,
    }
