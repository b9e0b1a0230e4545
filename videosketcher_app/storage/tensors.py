"""The only reader and writer of weights: safetensors, checked; pickles only as plain tensors.

torch is imported inside the functions that return or take tensors.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from videosketcher_app.core.errors import DamagedModel, InvalidFile, MissingModel
from videosketcher_app.storage import atomic
from videosketcher_app.storage.safetensors_format import encode_header, read_header

if TYPE_CHECKING:
    import torch

_CHUNK_BYTES = 1 << 20
_DTYPES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "uint16": "U16",
    "int16": "I16",
    "uint32": "U32",
    "int32": "I32",
    "uint64": "U64",
    "int64": "I64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
}


class MoreThanTensors(InvalidFile):
    """A pickle in good order that holds objects, for instance a trainer's settings."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def verify(path: Path, *, sha256: str | None = None, size_bytes: int | None = None) -> None:
    """Compares a file of weights with what the catalogue says of it.

    Raises:
        MissingModel: there is no such file.
        DamagedModel: size or hash differ.
    """
    if not path.is_file():
        raise MissingModel(
            f"The weights {path} are not on this disk.",
            hint="`python -m videosketcher_app models list` names the command that brings them.",
        )
    found_bytes = path.stat().st_size
    if size_bytes is not None and found_bytes != size_bytes:
        raise DamagedModel(
            f"{path.name} has {found_bytes:,} bytes, expected {size_bytes:,}.",
            hint="Remove the file and download it again.",
        )
    if sha256 is not None and sha256_of(path) != sha256.lower():
        raise DamagedModel(
            f"{path.name} is not the file that the catalogue describes: its SHA-256 differs.",
            hint="Remove the file and download it again.",
        )


def read_safetensors(
    path: Path,
    *,
    sha256: str | None = None,
    size_bytes: int | None = None,
    names: Collection[str] | None = None,
    device: str = "cpu",
) -> dict[str, torch.Tensor]:
    """Reads the tensors of a file, all or those in `names`, in the file's order.

    Size and hash are compared first where given; the header is always checked.

    Raises:
        MissingModel: there is no such file.
        DamagedModel: size or hash differ.
        InvalidFile: it is not a safetensors file, is cut short, or lacks one of `names`.
    """
    verify(path, sha256=sha256, size_bytes=size_bytes)
    header = read_header(path)
    missing = sorted(set(names or ()) - set(header.tensors))
    if missing:
        raise InvalidFile(
            f"{path.name} lacks {len(missing)} tensors, the first is {missing[0]!r}.",
            hint="It may belong to another model.",
        )
    from safetensors import SafetensorError, safe_open

    wanted = [name for name in header.tensors if names is None or name in names]
    try:
        with safe_open(path, framework="pt", device=device) as file:
            return {name: file.get_tensor(name) for name in wanted}
    except SafetensorError as error:
        raise InvalidFile(
            f"{path.name} is not a usable safetensors file: {error}.",
            hint="Download or copy the file again.",
        ) from error


def read_metadata(path: Path) -> dict[str, str]:
    """The texts stored beside the tensors.

    Raises:
        InvalidFile: see `read_safetensors`.
    """
    return read_header(path).metadata


def write_safetensors(
    path: Path,
    tensors: Mapping[str, torch.Tensor | np.ndarray[Any, Any]],
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Writes tensors atomically; equal content gives equal bytes. Returns the file's SHA-256.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    described = {name: (_dtype_of(value), tuple(value.shape)) for name, value in tensors.items()}
    head, order = encode_header(described, metadata or {})
    digest = hashlib.sha256(head)
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        file.write(head)
        for name in order:
            data = _bytes_of(tensors[name])
            digest.update(data)
            file.write(data)
    return digest.hexdigest()


def check_finite(tensors: Mapping[str, torch.Tensor], *, source: str) -> None:
    """Refuses weights with NaN or Inf.

    Raises:
        DamagedModel: names the first tensor that is not finite.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):
            raise DamagedModel(
                f"{source} holds NaN or Inf in {name!r}.",
                hint="Download it again, or use an earlier checkpoint.",
            )


def read_pickle_weights(
    path: Path, *, sha256: str | None = None, mapped: bool = False
) -> dict[str, Any]:
    """Reads a `.pt` or `.pth` checkpoint as plain tensors, tables, lists, numbers and texts.

    Nothing in the file is run: torch's weights-only reader knows no other types. Tensors are on
    the CPU.

    Args:
        mapped: leaves the tensors' bytes in the file until they are used, so that looking at the
            shapes of a file of ten gigabytes costs nothing.

    Raises:
        MissingModel: there is no such file.
        DamagedModel: the hash differs.
        InvalidFile: it holds anything else, is packed in a way that torch never writes, or is
            damaged.
    """
    verify(path, sha256=sha256)
    if path.suffix == ".safetensors":  # which torch hands to another reader, with errors of its own
        raise _refused(path, "it says that it is a safetensors file")
    _check_archive(path)
    import pickle  # noqa: TID251 - for the name of the error; nothing is unpickled here

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)  # noqa: TID251 - the one reader
    except pickle.UnpicklingError as error:
        raise MoreThanTensors(
            f"{path.name} is refused: it holds more than tensors, so it could run code.",
            hint="Ask for a safetensors file instead.",
        ) from error
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, EOFError) as error:
        raise _refused(path, "it is damaged") from error
    if not isinstance(content, dict):
        raise _refused(path, "it is not a table of tensors")
    return content


def _check_archive(path: Path) -> None:
    """torch stores its members unpacked: a packed one is a bomb or not from torch."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        raise _refused(path, "it is not an archive that torch 1.6 or later wrote") from None
    total_bytes = sum(member.file_size for member in members)
    stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    if not stored or total_bytes > path.stat().st_size:
        raise _refused(path, "its members are packed, which torch never does")


def _refused(path: Path, reason: str) -> InvalidFile:
    return InvalidFile(
        f"{path.name} is refused: {reason}.", hint="Ask for a safetensors file instead."
    )


def _dtype_of(value: torch.Tensor | np.ndarray[Any, Any]) -> str:
    name = str(value.dtype).removeprefix("torch.")
    assert name in _DTYPES, f"{name} has no place in a safetensors file"
    return _DTYPES[name]


def _bytes_of(value: torch.Tensor | np.ndarray[Any, Any]) -> memoryview:
    if isinstance(value, np.ndarray):
        return _view(np.ascontiguousarray(value))
    import torch

    flat = value.detach().to("cpu").contiguous().flatten()
    return _view(flat.view(torch.uint8).numpy())


def _view(array: np.ndarray[Any, Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def total_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes that the tensors' elements take."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
