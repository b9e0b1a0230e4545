"""Contents: names, shapes and sizes of a file's tensors, none of which is read.

One table for every container: safetensors, the shards of one, and torch's pickles, whose tensors
stay on the disk while their table is read.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import InvalidFile, MissingModel
from videosketcher_app.storage import bounded
from videosketcher_app.storage.safetensors_format import ITEM_BYTES, read_header
from videosketcher_app.storage.tensors import read_pickle_weights

if TYPE_CHECKING:
    from torch import Tensor

PICKLE_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
INDEX_SUFFIX = ".index.json"
MAX_INDEX_BYTES = 50_000_000
MAX_TABLE_BYTES = 200_000_000  # of a pickle without its tensors; published ones have 0.3 MB
# Trainers put the weights under these; where there is a moving average, it is what they publish.
CONTAINERS = ("generator_ema", "generator", "model", "state_dict", "model_state", "module", "lora")
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")
_NAMED = 3


@dataclass(frozen=True)
class Entry:
    """One tensor as its container describes it."""

    shape: tuple[int, ...]
    is_float: bool
    num_bytes: int


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What one model's files hold.

    Attributes:
        source: what messages call it.
        files: all files that were looked into.
        container: the name of the table that held the tensors; empty for a bare one.
        beside: other names at the top of a pickle.
        problems: what is wrong with the container.
    """

    source: str
    files: tuple[Path, ...]
    tensors: Mapping[str, Entry]
    metadata: Mapping[str, str] = field(default_factory=dict)
    container: str = ""
    beside: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def num_bytes(self) -> int:
        """Of all tensors."""
        return sum(entry.num_bytes for entry in self.tensors.values())

    @property
    def is_pickle(self) -> bool:
        """True if torch wrote it with pickle."""
        return self.files[0].suffix in PICKLE_SUFFIXES


def read_contents(path: Path) -> Contents:
    """The contents of a file of weights: of all its shards if it is one of them or their index.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: it is of another kind, or its container is damaged.
    """
    if not path.is_file():
        raise MissingModel(
            f"There are no weights at {str(path)[:200]}.", hint="Check the name and the folder."
        )
    _refuse_placeholders(path)
    if path.name.endswith(INDEX_SUFFIX):
        return _from_index(path)
    if shard := _SHARD.fullmatch(path.name):
        return _from_shards(path, shard)
    if path.suffix == ".safetensors":
        return _from_safetensors([path], path.name)
    if path.suffix in PICKLE_SUFFIXES:
        return _from_pickle(path)
    raise InvalidFile(_other_file(path), hint=_KNOWN)


_KNOWN = f"Weights end in .safetensors or {', '.join(PICKLE_SUFFIXES)}."


def _other_file(path: Path) -> str:
    looks = {
        ".gguf": "weights packed for llama.cpp, which this app does not read",
        ".zip": "an archive; datasets are unpacked by `data download`",
        ".onnx": "a network for ONNX, which this app does not read",
        ".mdb": "an LMDB; give the folder that holds it",
    }.get(path.suffix.lower())
    return f"{path.name} is {looks}." if looks else f"{path.name} is not a file of weights."


# What arrives in place of weights when a download or a clone went wrong.
_PLACEHOLDERS = {
    b"version https://git-lfs": "only a pointer of Git LFS to the weights",
    b"<!doctype": "a page of a web site",
    b"<html": "a page of a web site",
    b"invalid username or password": "a hub's refusal",
    b"entry not found": "a hub's refusal",
}


def _refuse_placeholders(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    if not path.stat().st_size:
        raise InvalidFile(f"{path.name} is empty.", hint="Download or copy it again.")
    told = next((told for mark, told in _PLACEHOLDERS.items() if start.startswith(mark)), "")
    if told:
        raise InvalidFile(f"{path.name} is {told}.", hint="Download the weights themselves.")


def _from_safetensors(paths: Sequence[Path], source: str, problems: Sequence[str] = ()) -> Contents:
    tensors: dict[str, Entry] = {}
    metadata: dict[str, str] = {}
    flaws = list(problems)
    for path in paths:
        header = read_header(path)
        metadata |= header.metadata
        twice = sorted(tensors.keys() & header.tensors.keys())
        if twice:
            flaws.append(f"{path.name} holds {twice[0][:80]!r}, which another shard holds too")
        for name, info in header.tensors.items():
            tensors[name] = Entry(
                shape=info.shape,
                is_float=info.dtype.startswith(("F", "BF")),
                num_bytes=_count(info.shape) * ITEM_BYTES[info.dtype],
            )
    return Contents(
        source=source,
        files=tuple(paths),
        tensors=tensors,
        metadata=metadata,
        problems=tuple(flaws),
    )


def _from_shards(path: Path, shard: re.Match[str]) -> Contents:
    """All shards that belong with this one; those that are missing are a problem."""
    count = int(shard["count"])
    if not 0 < int(shard["number"]) <= count <= 1000:
        raise InvalidFile(f"{path.name} is an impossible shard.", hint="Download it again.")
    names = [f"{shard['stem']}-{n:05}-of-{count:05}.safetensors" for n in range(1, count + 1)]
    return _from_named(path, names, f"{shard['stem']}.safetensors")


def _from_index(path: Path) -> Contents:
    text = bounded.read_text(path, max_bytes=MAX_INDEX_BYTES, what="index of shards")
    try:
        where = json.loads(text)["weight_map"]
        names = sorted({str(name) for name in where.values()})
        expected = {str(tensor) for tensor in where}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidFile(
            f"{path.name} does not say which shard holds which tensor.", hint="Download it again."
        ) from error
    if any(Path(name).name != name or not name.endswith(".safetensors") for name in names):
        raise InvalidFile(
            f"{path.name} names files outside its own folder.", hint="Download it again."
        )
    contents = _from_named(path, names, path.name.removesuffix(INDEX_SUFFIX))
    lost = sorted(expected - contents.tensors.keys())
    if not lost or contents.problems:
        return contents
    flaw = f"its shards lack {lost[0][:80]!r}, which its index lists"
    return _from_safetensors(contents.files, contents.source, [flaw])


def _from_named(path: Path, names: Sequence[str], source: str) -> Contents:
    here = [path.with_name(name) for name in names if path.with_name(name).is_file()]
    missing = [name for name in names if not path.with_name(name).is_file()]
    if not here:
        raise MissingModel(
            f"None of the {len(names)} shards of {source} is in {path.parent}.",
            hint="Put them into one folder.",
        )
    listed = ", ".join(missing[:_NAMED])
    flaws = [f"{len(missing)} of its {len(names)} shards are missing: {listed}"] if missing else []
    return _from_safetensors(here, source, flaws)


def tensors_in_pickle(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickle's table of weights, which stay on the disk until they are used.

    Raises:
        InvalidFile: it is damaged, or holds more than tensors.
    """
    import torch

    _, table, _ = _table_in(_read_mapped(path))
    return {str(name): value for name, value in table.items() if isinstance(value, torch.Tensor)}


def _read_mapped(path: Path) -> dict[str, Any]:
    from videosketcher_app.models.conversion_child import settings_left_out

    _check_table(path)
    with settings_left_out():
        return read_pickle_weights(path, mapped=True)


def _from_pickle(path: Path) -> Contents:
    container, table, beside = _table_in(_read_mapped(path))
    tensors = {str(name): _entry(value, path) for name, value in table.items()}
    contents = Contents(
        source=path.name, files=(path,), tensors=tensors, container=container, beside=beside
    )
    if contents.num_bytes > path.stat().st_size:
        raise InvalidFile(
            f"{path.name} claims {contents.num_bytes:,} bytes of tensors in a file of "
            f"{path.stat().st_size:,}.",
            hint="Ask for a safetensors file instead.",
        )
    return contents


def _check_table(path: Path) -> None:
    """Refuses a pickle whose table alone would fill the memory."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".pkl")]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        return  # the reader says what is wrong with it
    if sum(member.file_size for member in members) > MAX_TABLE_BYTES:
        raise InvalidFile(
            f"The table of {path.name} has more than {MAX_TABLE_BYTES:,} bytes.",
            hint="Ask for a safetensors file instead.",
        )


def _table_in(content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], tuple[str, ...]]:
    """(name, the table of tensors under it, other names beside it), however deep it is packed."""
    container, table, beside = "", content, ()
    while inner := next((key for key in CONTAINERS if isinstance(table.get(key), dict)), None):
        beside += tuple(str(key) for key in table if key != inner)
        container, table = container or inner, table[inner]
    return container, table, beside


def _entry(value: object, path: Path) -> Entry:
    import torch

    if not isinstance(value, torch.Tensor):
        raise InvalidFile(
            f"{path.name} holds a {type(value).__name__} where a tensor is expected.",
            hint="Give a file with the weights of one model.",
        )
    return _entry_of_tensor(value, path)


def _entry_of_tensor(value: Tensor, path: Path) -> Entry:
    import torch

    if value.layout != torch.strided or value.is_meta or value.is_quantized:
        raise InvalidFile(
            f"{path.name} holds tensors of an unusual kind.",
            hint="Ask for a safetensors file instead.",
        )
    return Entry(
        shape=tuple(value.shape),
        is_float=value.is_floating_point(),
        num_bytes=value.numel() * value.element_size(),
    )


def _count(shape: Sequence[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count
