"""Merging LoRAs into a model's files: a folder of Pocket weights, or a Wan transformer, sharded or not.

The base's files are only read. Pocket's int8 weights are unpacked for it, and the merged matrices are
written as float32: packing them again would round away much of what a LoRA adds. A Wan transformer
keeps its own number formats and is merged shard by shard, so that one shard is in memory at a time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from videosketcher_app.core.errors import InvalidFile, InvalidRequest, MissingModel
from videosketcher_app.models.adapters import TRANSFORMER_FILE
from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.merging import changed_weights, check_fit, only_within
from videosketcher_app.models.pocket import MODEL_FILE, TOKENIZER_FILE
from videosketcher_app.models.published import plain_names
from videosketcher_app.models.quantize import SCALE_SUFFIX, dequantize_rows
from videosketcher_app.storage import atomic
from videosketcher_app.storage.safetensors_format import read_header
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors

Stack = Sequence[tuple[LoraAdapter, float]]
_KEPT = ("text_encoder.safetensors", "vae.safetensors", TOKENIZER_FILE)


def write_merged(base: Path, stack: Stack, out: Path) -> tuple[Path, ...]:
    """Writes the base with LoRAs merged into it; returns the files of weights that were written.

    A folder becomes a folder, a file a file; each appears whole or not at all.

    Raises:
        MissingModel: there is no such base.
        InvalidFile: the base is no Wan transformer, or a LoRA does not fit it.
        InvalidRequest: `out` is the base itself or of another kind than it.
        CannotWrite: the disk is full or `out` cannot be written.
    """
    _check_out(base, out)
    if (base / MODEL_FILE).is_file():
        return (_merged_pocket(base, stack, out),)
    shards = _shards(base)
    _check_shards(shards, stack, base.name)
    if base.is_file():
        _write_shard(shards[0], stack, out)
        return (out,)
    with atomic.publish_folder(out) as folder:
        for shard in shards:
            _write_shard(shard, stack, folder / shard.name)
    return tuple(out / shard.name for shard in shards)


def _check_out(base: Path, out: Path) -> None:
    if not base.exists():
        raise MissingModel(f"There is no model at {base}.", hint="See `models list` for names.")
    if out.exists():
        raise InvalidRequest(
            f"There is something at {out} already.", hint="Choose a name that is free."
        )
    if base.is_file() != (out.suffix == ".safetensors"):
        kind = "a name that ends in .safetensors" if base.is_file() else "the name of a folder"
        raise InvalidRequest(f"{out.name!r} cannot hold what {base.name} is.", hint=f"Give {kind}.")


def _merged_pocket(base: Path, stack: Stack, out: Path) -> Path:
    stored = base / TRANSFORMER_FILE
    if not stored.is_file():
        raise InvalidFile(
            f"{base.name} shares the weights of another model, so it has none to merge into.",
            hint="Merge into the model that it is based on.",
        )
    weights = dequantize_rows(read_safetensors(stored))
    _check_all(weights, stack, base.name)
    description = {**json.loads((base / MODEL_FILE).read_text("utf-8")), "name": out.name}
    with atomic.publish_folder(out) as folder:
        write_safetensors(folder / TRANSFORMER_FILE, {**weights, **changed_weights(weights, stack)})
        for name in _KEPT:
            shutil.copyfile(base / name, folder / name)
        atomic.write_json(folder / MODEL_FILE, description)
    return out / TRANSFORMER_FILE


def _shards(base: Path) -> list[Path]:
    shards = sorted(base.glob("*.safetensors")) if base.is_dir() else [base]
    if not shards or any(shard.suffix != ".safetensors" for shard in shards):
        raise InvalidFile(
            f"{base.name} holds no safetensors files to merge into.",
            hint="Give a Pocket folder, a .safetensors file, or a folder of shards.",
        )
    return shards


def _check_shards(shards: Sequence[Path], stack: Stack, base: str) -> None:
    weights: dict[str, Tensor] = {}
    for shard in shards:
        tensors = read_header(shard).tensors
        if any(name.endswith(SCALE_SUFFIX) for name in tensors):
            raise InvalidFile(
                f"{shard.name} is packed as int8; only its whole folder can be merged into.",
                hint="Give the folder that holds it.",
            )
        # Shapes are enough here: tensors on the meta device hold nothing else.
        hollow = {name: torch.empty(t.shape, device="meta") for name, t in tensors.items()}
        weights |= plain_names(hollow, shard.name)
    _check_all(weights, stack, base)


def _check_all(weights: Mapping[str, Tensor], stack: Stack, base: str) -> None:
    for adapter, _ in stack:
        check_fit(adapter, {name: tuple(value.shape) for name, value in weights.items()}, base)


def _write_shard(shard: Path, stack: Stack, out: Path) -> None:
    weights = plain_names(read_safetensors(shard), shard.name)
    inside = [(only_within(adapter, weights), scale) for adapter, scale in stack]
    metadata = read_header(shard).metadata
    write_safetensors(out, {**weights, **changed_weights(weights, inside)}, metadata)
