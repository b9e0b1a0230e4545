"""The safetensors container: its header read with suspicion and written deterministically.

Eight bytes of header length (little endian), a JSON header, then the tensors' bytes one after
another. Needs no torch: only names, shapes and byte ranges are looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

from videosketcher_app.core.errors import InvalidFile

MAX_HEADER_BYTES = 100_000_000
_LENGTH_BYTES = 8
# Bytes of one element; the names are the format's own.
ITEM_BYTES: dict[str, int] = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a file: element type by the format's name, shape, bytes [start, end)."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a file says it holds; `data_offset` is where the tensors' bytes begin."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]
    data_offset: int


def read_header(path: Path) -> Header:
    """Reads and checks the header alone: byte ranges fill the file exactly, without overlap.

    Raises:
        InvalidFile: not a safetensors file, truncated, or edited inconsistently.
    """
    try:
        with path.open("rb") as file:
            size_bytes = file.seek(0, 2)
            file.seek(0)
            return _parse(file, size_bytes, path)
    except OSError as error:
        raise InvalidFile(
            f"{path} cannot be read: {error.strerror}.", hint="Check the name and permissions."
        ) from error


def encode_header(
    tensors: Mapping[str, tuple[str, tuple[int, ...]]], metadata: Mapping[str, str]
) -> tuple[bytes, list[str]]:
    """The bytes before the data, and the order in which the tensors' bytes must follow.

    `tensors` maps a name to its element type and shape. Wide elements come first, so that all
    are aligned; then names in order, so that equal content gives equal bytes.
    """
    order = sorted(tensors, key=lambda name: (-ITEM_BYTES[tensors[name][0]], name))
    header: dict[str, object] = {}
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    offset = 0
    for name in order:
        dtype, shape = tensors[name]
        end = offset + prod(shape) * ITEM_BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text, order


def _parse(file: BinaryIO, size_bytes: int, path: Path) -> Header:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if size_bytes < _LENGTH_BYTES + 2 or length > MAX_HEADER_BYTES:
        raise _damaged(path, "it does not begin with a safetensors header")
    if _LENGTH_BYTES + length > size_bytes:
        raise _damaged(path, "it ends inside its header")
    try:
        content = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise _damaged(path, "its header is not JSON with unique names") from None
    if not isinstance(content, dict):
        raise _damaged(path, "its header is not a table of tensors")
    metadata = content.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _damaged(path, "its metadata is not a table of texts")
    tensors = {name: _tensor_info(name, entry, path) for name, entry in content.items()}
    _check_ranges(tensors, size_bytes - _LENGTH_BYTES - length, path)
    return Header(tensors=tensors, metadata=metadata, data_offset=_LENGTH_BYTES + length)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table


def _tensor_info(name: str, entry: object, path: Path) -> TensorInfo:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"its entry {name[:80]!r} is not a tensor")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype not in ITEM_BYTES:
        raise _damaged(path, f"{name[:80]!r} has the unknown element type {str(dtype)[:20]!r}")
    if not (_are_counts(shape) and _are_counts(offsets) and len(offsets) == 2):
        raise _damaged(path, f"{name[:80]!r} has no valid shape or place")
    start, end = offsets
    if end - start != prod(shape) * ITEM_BYTES[dtype]:
        raise _damaged(path, f"{name[:80]!r} has other bytes than its shape {shape} needs")
    return TensorInfo(dtype=dtype, shape=tuple(shape), start=start, end=end)


def _are_counts(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_ranges(tensors: dict[str, TensorInfo], data_bytes: int, path: Path) -> None:
    offset = 0
    for info in sorted(tensors.values(), key=lambda info: (info.start, info.end)):
        if info.start != offset:
            raise _damaged(path, "its tensors overlap or leave gaps")
        offset = info.end
    if offset != data_bytes:
        verb = "is cut short" if offset > data_bytes else "holds more than its tensors"
        raise _damaged(path, f"it {verb} ({data_bytes:,} of {offset:,} bytes)")


def _damaged(path: Path, reason: str) -> InvalidFile:
    return InvalidFile(
        f"{path.name} is not a usable safetensors file: {reason}.",
        hint="Download or copy the file again.",
    )
