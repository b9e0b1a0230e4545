"""Reading LoRA files: safetensors, restricted pickles, and the folders that peft writes.

Names are judged from the header alone, so that a whole model given by mistake is refused before
its gigabytes are read.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from videosketcher_app.core.errors import InvalidFile, MissingModel
from videosketcher_app.models.lora.adapter import LoraAdapter, adapter_from
from videosketcher_app.models.lora.families import refuse_other_kinds
from videosketcher_app.models.lora.names import take_apart
from videosketcher_app.storage import bounded
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.storage.safetensors_format import read_header

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
MAX_FILE_BYTES = 8 << 30  # rank 512 on Wan 14B in bfloat16 takes five gigabytes
MAX_TENSORS = 20_000
PEFT_WEIGHTS, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
_MAX_CONFIG_BYTES = 1_000_000
_CONTAINERS = ("state_dict", "lora", "model", "module")


def read_lora(path: Path) -> LoraAdapter:
    """A LoRA from its file, or from a folder that peft wrote.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: damaged, too large, of another kind, another family's, or incomplete.
        DamagedModel: it holds NaN or Inf.
    """
    file = lora_file(path)
    alpha = _peft_alpha(file)
    if file.suffix == ".safetensors":
        header = read_header(file)
        _check_size(file, len(header.tensors))
        refuse_other_kinds({name: take_apart(name) for name in header.tensors}, file.name)
        tensors, metadata = tensor_files.read_safetensors(file), header.metadata
    else:
        _check_size(file, 0)
        tensors, metadata = _unpickled(file), {}
    return adapter_from(
        tensors,
        source=file.name,
        metadata=metadata,
        alpha=alpha,
        sha256=lora_hash(file),
    )


def lora_hash(path: Path) -> str:
    """SHA-256 that tells one LoRA from another: of its file, and of peft's settings beside it.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: it is of a kind that holds no weights.
    """
    file = lora_file(path)
    sha256 = tensor_files.sha256_of(file)
    config = file.with_name(PEFT_CONFIG)
    if file.name != PEFT_WEIGHTS or not config.is_file():
        return sha256
    settings = bounded.read_bytes(config, _MAX_CONFIG_BYTES, "adapter config")
    return hashlib.sha256(sha256.encode("ascii") + settings).hexdigest()


def lora_file(path: Path) -> Path:
    """The file itself, or the weights in a folder that peft wrote.

    Raises:
        MissingModel: there is none.
        InvalidFile: it is of a kind that holds no weights.
    """
    file = _existing(path)
    if file is None:
        raise MissingModel(
            f"There is no LoRA at {str(path)[:200]}.",
            hint="Give the .safetensors file of a LoRA, or the name of one that was imported.",
        )
    if file.suffix not in SUFFIXES:
        raise InvalidFile(
            f"{file.name} is not a file of weights.", hint=f"These are: {', '.join(SUFFIXES)}."
        )
    return file


def _existing(path: Path) -> Path | None:
    try:
        file = path / PEFT_WEIGHTS if path.is_dir() else path
        return file if file.is_file() else None
    except OSError:  # a name that no disk takes
        return None


def _check_size(file: Path, num_tensors: int) -> None:
    num_bytes = file.stat().st_size
    if num_bytes > MAX_FILE_BYTES or num_tensors > MAX_TENSORS:
        raise InvalidFile(
            f"{file.name} has {num_bytes / 1e9:.1f} GB and {num_tensors:,} tensors; a LoRA has at "
            f"most {MAX_FILE_BYTES / 1e9:.1f} GB and {MAX_TENSORS:,}.",
            hint="Give whole models with --model.",
        )


def _unpickled(file: Path) -> dict[str, Tensor]:
    content: Mapping[str, Any] = tensor_files.read_pickle_weights(file)
    while inner := next((k for k in _CONTAINERS if isinstance(content.get(k), dict)), None):
        content = content[inner]
    if len(content) > MAX_TENSORS or not all(isinstance(v, Tensor) for v in content.values()):
        raise InvalidFile(
            f"{file.name} holds no table of tensors.", hint="Ask for a safetensors file instead."
        )
    return {str(name): value for name, value in content.items()}


def _peft_alpha(file: Path) -> float | None:
    """The alpha that peft keeps beside its weights; None for any other file.

    Raises:
        InvalidFile: the settings are damaged, or ask for what is not applied here.
    """
    config = file.with_name(PEFT_CONFIG)
    if file.name != PEFT_WEIGHTS or not config.is_file():
        return None
    text = bounded.read_text(config, max_bytes=_MAX_CONFIG_BYTES, what="adapter config")
    try:
        values = json.loads(text)
        rank, alpha = int(values["r"]), float(values["lora_alpha"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidFile(
            f"{config} does not say r and lora_alpha.", hint="Copy the whole folder again."
        ) from error
    wanted = [k for k in ("alpha_pattern", "rank_pattern", "use_dora") if values.get(k)]
    if wanted:
        raise InvalidFile(
            f"{config} sets {wanted[0]}, which this app does not apply.",
            hint="Merge the adapter with peft, or train it without.",
        )
    if not (math.isfinite(alpha) and alpha > 0 < rank):
        raise InvalidFile(
            f"{config} has r={rank} and lora_alpha={alpha:g}.", hint="Both are above zero."
        )
    return alpha * math.sqrt(rank) if values.get("use_rslora") else alpha
