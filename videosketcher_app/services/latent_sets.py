"""Latents of a folder, one file a clip, packed into one LMDB in the published layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.storage.latent_lmdb import write_latents
from videosketcher_app.storage.tensors import (
    read_metadata,
    read_pickle_weights,
    read_safetensors,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(kw_only=True)
class Packed:
    """What packing came to.

    Attributes:
        rows: clips in the LMDB.
        repeated: clips left out because their prompt was there already.
        broken: file name -> why it was left out.
    """

    rows: int = 0
    repeated: int = 0
    broken: dict[str, str] = field(default_factory=dict)


def pack_latents(folder: Path, target: Path) -> Packed:
    """Packs a set of `data latents` or `data ode-pairs`, or every `.pt` file of a folder, by name.

    A `.pt` file holds a table {prompt: (1, ..., C, h, w)}, as CausVid's scripts write it.

    A broken file is left out and named, the rest goes on.

    Raises:
        InvalidFile: there is no folder, or nothing in it can be used.
        InvalidRequest: two files hold latents of different shapes.
        CannotWrite: the target cannot be written; what was there stays.
    """
    if not folder.is_dir():
        raise InvalidFile(f"There is no folder {folder.name}.", hint="Give a folder of latents.")
    files = sorted(folder.glob("*.pt")) or _files_of_set(folder)
    packed = Packed()
    if not files:
        raise InvalidFile(
            f"The folder {folder.name} holds no latents.", hint="Compute latents first."
        )
    with write_latents(target) as writer:
        for file in files:
            try:
                rows = list(_rows(file))
            except AppError as error:
                packed.broken[file.name] = error.message
                continue
            for prompt, latents in rows:
                if writer.add(prompt, latents):
                    packed.rows += 1
                else:
                    packed.repeated += 1
        if not packed.rows:
            first = next(iter(packed.broken.values()))
            raise InvalidFile(f"No file in {folder.name} can be used. {first}", hint="See there.")
    return packed


def _files_of_set(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.safetensors") if path.stem.isdigit())


def _rows(file: Path) -> Iterator[tuple[str, NDArray[np.floating[Any]]]]:
    import torch

    if file.suffix == ".safetensors":
        prompt = read_metadata(file).get("prompt")
        if prompt is None:
            raise InvalidFile(f"{file.name} does not say its prompt.", hint="Compute it again.")
        yield prompt, read_safetensors(file, names=["latents"])["latents"].float().numpy()
        return
    for prompt, latents in read_pickle_weights(file).items():
        if not isinstance(prompt, str) or not isinstance(latents, torch.Tensor):
            raise InvalidFile(
                f"{file.name} is not a table of latents by prompt.", hint="Compute it again."
            )
        if latents.ndim < 2 or latents.shape[0] != 1:
            raise InvalidFile(
                f"The latents in {file.name} should begin with an axis of 1. Received: "
                f"{tuple(latents.shape)}",
                hint="Compute them again.",
            )
        yield prompt, latents[0].float().numpy()
