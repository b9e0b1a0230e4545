"""The child process that reads a pickled checkpoint: run by `models.conversion`, no one else.

Arguments: the pickle, the safetensors file to write, the pickle's SHA-256. Nothing is printed but,
where something is wrong, one line of JSON with the error.

Trainers save their settings beside the weights, often as OmegaConf objects. Their classes are
replaced by one that keeps nothing and does nothing, so that the weights can be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.storage.memory_limit import limit_memory

# In this order: where a trainer kept a moving average too, that is what it published.
CONTAINERS = ("generator_ema", "generator", "model", "state_dict")
_SPARE_BYTES = 1 << 30
_FAILED = 3


class Inert:
    """Stands for an object of a trainer's settings; keeps nothing of it."""

    def __new__(cls, *args: object, **named: object) -> Inert:
        """Takes whatever the class it stands for took."""
        del args, named
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Takes the object's content and drops it."""


_SETTINGS_CLASSES = (
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    *(
        f"omegaconf.nodes.{kind}Node"
        for kind in ("Any", "Integer", "Float", "Boolean", "String", "Bytes", "Path", "Enum")
    ),
    "typing.Any",
    *(
        f"{module}.{name}"
        for module in ("builtins", "__builtin__")
        for name in ("dict", "list", "tuple", "int", "float", "str", "bool")
    ),
)


def settings_left_out() -> AbstractContextManager[None]:
    """Inside, torch's weights-only reader passes over the settings that trainers save."""
    stand_ins: list[Any] = [(Inert, name) for name in _SETTINGS_CLASSES]
    return torch.serialization.safe_globals(stand_ins)


def main() -> None:
    """Converts one file and ends."""
    source, target, sha256 = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    try:
        limit_memory(3 * source.stat().st_size + _SPARE_BYTES)
        convert(source, target, sha256)
    except AppError as error:
        answer = {"code": error.code, "message": error.message, "hint": error.hint}
        sys.stdout.write(json.dumps(answer))
        sys.exit(_FAILED)


def convert(source: Path, target: Path, sha256: str) -> None:
    """Writes the generator of a pickle as safetensors.

    Raises:
        InvalidFile: it is damaged, holds more than tensors, or holds no generator.
        CannotWrite: the target's folder cannot be written.
    """
    with settings_left_out():
        content = tensor_files.read_pickle_weights(source, sha256=sha256)
    container, weights = generator_of(content, source.name)
    metadata = {"container": container, "source": source.name, "source_sha256": sha256}
    tensor_files.write_safetensors(target, weights, metadata)


def generator_of(content: Mapping[str, Any], source: str) -> tuple[str, dict[str, torch.Tensor]]:
    """The table of weights and the name it stood under; empty for a bare table.

    Raises:
        InvalidFile: there is none, or it holds something else than tensors.
    """
    name = next((key for key in CONTAINERS if isinstance(content.get(key), dict)), "")
    table = content[name] if name else content
    weights = {str(key): value for key, value in table.items() if isinstance(value, torch.Tensor)}
    if not weights or len(weights) < len(table):
        raise InvalidFile(
            f"{source} holds no table of weights, which is expected under "
            f"{' or '.join(map(repr, CONTAINERS[:2]))}.",
            hint="Give the causal checkpoint of VideoSketcher, CausVid or Self-Forcing.",
        )
    return name, weights


if __name__ == "__main__":
    main()
