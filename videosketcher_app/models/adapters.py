"""Adapters: a small file that turns Pocket's shipped transformer into another member of the family.

How another model of the family is made, from training to a drawing:

    base = load_pocket(CHECKPOINTS / "pocket")               # dequantized, frozen
    inject(base.transformer, AdapterConfig(rank=64, full=("patch_embedding",)))
    ...                                                       # train what requires a gradient
    tensors = adapter_tensors(base.transformer)               # or (transformer, state.ema)
    save_adapter(folder / ADAPTER_FILE, tensors, base=base, config=base.transformer_config)
    adapter = read_adapter(folder / ADAPTER_FILE, base=base)  # refuses another base
    weights = adapted_weights(base.transformer.state_dict(), adapter)

`models.pocket.save_adapted` and `load_adapted` do the same for whole models.

An adapter holds low-rank pairs (Hu et al. 2021, "LoRA", arXiv 2106.09685): W + scale * B A, by the
names that the published LoRAs use, `blocks.0.self_attn.q.lora_A.weight`, and, under their own names,
tensors that are stored whole because a low rank does not pay (biases, modulation) or because their
shape is another one (a patch embedding with more input channels: give the wider `config`, put the
wider module into the transformer before `inject`, and name it in `full`). The metadata says which
base the file belongs to, by the SHA-256 of the base's transformer file.

Legend: R rank, I/O input and output width of a linear layer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from videosketcher_app.core.errors import DamagedModel, InvalidFile
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.merging import merged
from videosketcher_app.models.quantize import dequantize_rows, quantize_rows
from videosketcher_app.models.wan.network import TransformerConfig
from videosketcher_app.storage import tensors as tensor_files

if TYPE_CHECKING:
    from videosketcher_app.models.pocket import PocketModel

ADAPTER_FILE = "adapter.safetensors"
TRANSFORMER_FILE = "transformer.safetensors"
FORMAT = "videosketcher-adapter-1"
TARGETS = ("q", "k", "v", "o", "ffn.0", "ffn.2")
_ADAPTER_NAME = "default"  # peft's; left out of the file
_A, _B = ".lora_A.weight", ".lora_B.weight"
_TORN_HINT = "Restore the model's folder, or train the adapter again."


@dataclass(frozen=True, kw_only=True)
class AdapterConfig:
    """What an adapter may change.

    Attributes:
        rank: of the low-rank pairs; their scale is 1.
        targets: linear layers that get a pair, by the end of their names.
        full: tensors that are trained whole: names, or names of modules; "*.modulation" and
            "*.bias" mean every tensor with that ending.
    """

    rank: int = 64
    targets: tuple[str, ...] = TARGETS
    full: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A read adapter file.

    Attributes:
        tensors: float32, by name.
        config: of the adapted transformer.
        scale: of the low-rank products.
    """

    tensors: Mapping[str, Tensor]
    config: TransformerConfig
    scale: float = 1.0


def inject(transformer: nn.Module, config: AdapterConfig, *, seed: int = 0) -> None:
    """Adds trainable pairs to the transformer, in place; all but them and `full` is frozen.

    The function that the transformer computes is unchanged, as B starts at zero. The global
    generator of random numbers is left as it was.
    """
    from peft import LoraConfig, inject_adapter_in_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(
            LoraConfig(r=config.rank, lora_alpha=config.rank, target_modules=list(config.targets)),
            transformer,
            adapter_name=_ADAPTER_NAME,
        )
    for name, param in transformer.named_parameters():
        if _is_pair(name):
            continue
        param.requires_grad_(any(_matches(stored_name(name), end) for end in config.full))


def stored_name(name: str) -> str:
    """A parameter's name in the file: without the marks of the injection."""
    return name.replace(f".{_ADAPTER_NAME}.", ".").replace(".base_layer.", ".")


def adapter_tensors(
    transformer: nn.Module, values: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """What training changed, by stored name: float32 on the CPU.

    Args:
        values: other values by parameter name, such as an average of the weights.
    """
    return {
        stored_name(name): (param if values is None else values[name])
        .detach()
        .to("cpu", torch.float32)
        for name, param in transformer.named_parameters()
        if param.requires_grad
    }


def load_into(transformer: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts stored tensors back into an injected transformer, to train on.

    Raises:
        DamagedModel: they are not those that this transformer trains.
    """
    own = {stored_name(n): p for n, p in transformer.named_parameters() if p.requires_grad}
    shapes = {name: tuple(param.shape) for name, param in own.items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if shapes != given:
        odd = sorted(name for name in {*shapes, *given} if shapes.get(name) != given.get(name))
        raise DamagedModel(
            f"The adapter does not fit: {len(odd)} tensors differ, the first is {odd[0]!r}.",
            hint="Use the rank and the list of whole tensors that it was trained with.",
        )
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)


@torch.no_grad()
def copy_merged(source: nn.Module, target: nn.Module) -> None:
    """Overwrites a plain transformer with an injected (or plain) one, its pairs folded in."""
    params = {stored_name(name): param for name, param in source.named_parameters()}
    for name, param in target.named_parameters():
        value = params[name]
        module = name.removesuffix(".weight")
        if module + _A in params:
            value = value + params[module + _B] @ params[module + _A]
        param.copy_(value)


def save_adapter(
    path: Path,
    tensors: Mapping[str, Tensor],
    *,
    base: PocketModel,
    config: TransformerConfig,
    quantized: bool = True,
) -> str:
    """Writes an adapter of `base`, as int8 by row or as float16; returns the file's SHA-256."""
    stored = (
        quantize_rows(tensors)
        if quantized
        else {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in tensors.items()}
    )
    metadata = {
        "format": FORMAT,
        "base": base.name,
        "base_sha256": base.hashes.get(TRANSFORMER_FILE, ""),
        "transformer": json.dumps(config.to_dict()),
        "scale": "1.0",
    }
    return tensor_files.write_safetensors(path, stored, metadata)


def read_adapter(path: Path, *, base: PocketModel) -> Adapter:
    """Reads an adapter that belongs to `base`.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: it is not an adapter.
        DamagedModel: it belongs to other weights, or holds NaN.
    """
    metadata = tensor_files.read_metadata(path)
    if metadata.get("format") != FORMAT:
        raise InvalidFile(
            f"{path.name} is not an adapter of this app.",
            hint="Give the file that `train` exported.",
        )
    expected = base.hashes.get(TRANSFORMER_FILE, "")
    if metadata.get("base_sha256") != expected:
        raise DamagedModel(
            f"{path.name} was trained on other weights than those of {base.name}.",
            hint="Restore both folders from the same release, or train the adapter again.",
        )
    tensors = dequantize_rows(tensor_files.read_safetensors(path))
    tensor_files.check_finite(tensors, source=path.name)
    try:
        config = TransformerConfig(**json.loads(metadata["transformer"]))
        scale = float(metadata["scale"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidFile(
            f"{path.name} does not say which network it adapts.", hint="Export it again."
        ) from error
    return Adapter(tensors=tensors, config=config, scale=scale)


def adapted_weights(base: Mapping[str, Tensor], adapter: Adapter) -> dict[str, Tensor]:
    """The base's weights with the adapter folded in, float32 on the CPU.

    Raises:
        DamagedModel: a pair is torn, or fits no weight of the base.
    """
    weights = {name: tensor.detach().to("cpu", torch.float32) for name, tensor in base.items()}
    pairs = {name: tensor for name, tensor in adapter.tensors.items() if _is_pair(name)}
    whole = {name: tensor for name, tensor in adapter.tensors.items() if not _is_pair(name)}
    strange = sorted(whole.keys() - weights.keys())
    if strange:
        raise DamagedModel(
            f"The adapter does not fit its base, which has no {strange[0]!r}.", hint=_TORN_HINT
        )
    if pairs:
        try:
            weights = merged(weights, adapter_from(pairs, source="The adapter"), adapter.scale)
        except InvalidFile as error:
            raise DamagedModel(error.message, hint=_TORN_HINT) from error
    return {**weights, **whole}


def _is_pair(name: str) -> bool:
    return ".lora_A." in name or ".lora_B." in name


def _matches(name: str, end: str) -> bool:
    if end.startswith("*"):
        return name.endswith(end[1:])
    return name == end or name.startswith(f"{end}.")
