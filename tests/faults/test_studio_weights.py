"""Two hundred corrupt files of Studio models: every one is refused with a sentence and a hint."""

from __future__ import annotations

import json
import random
import shutil
import struct
from pathlib import Path

import pytest
import torch

from tests.models import published_wan
from videosketcher_app.core.errors import AppError
from videosketcher_app.models.wan.networks import empty_network
from videosketcher_app.models.wan.weights import find_parts
from videosketcher_app.storage.tensors import (
    read_pickle_weights,
    read_safetensors,
    write_safetensors,
)

pytestmark = pytest.mark.faults

PER_KIND = 20
LENGTH = struct.Struct("<Q")


def cut(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: rng.randrange(len(data))])


def overwritten_start(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[: rng.randrange(8, 64)] = rng.randbytes(64)
    path.write_bytes(bytes(data))


def longer(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.randrange(1, 999)))


def another_header(path: Path, rng: random.Random) -> None:
    """A header that says something else of one tensor, of the same length."""
    data = path.read_bytes()
    (size,) = LENGTH.unpack(data[:8])
    header = json.loads(data[8 : 8 + size])
    name = rng.choice([name for name in header if name != "__metadata__"])
    entry = header[name]
    change = rng.choice(("shape", "data_offsets", "dtype", "name"))
    if change == "name":
        header[f"strange.{name}"] = header.pop(name)
    elif change == "dtype":
        entry["dtype"] = rng.choice(("I32", "F17", "BF16"))
    else:
        entry[change] = [number + 1 for number in entry[change]]
    text = json.dumps(header).encode()
    path.write_bytes(LENGTH.pack(len(text)) + text + data[8 + size :])


def changed_tensors(path: Path, rng: random.Random) -> None:
    """A well-formed file with the wrong tensors in it."""
    tensors = read_safetensors(path)
    name = rng.choice(sorted(tensors))
    how = rng.randrange(5)
    if how == 0:
        del tensors[name]
    elif how == 1:
        tensors[f"{name}.more"] = tensors[name]
    elif how == 2:
        tensors[name] = torch.cat([tensors[name].flatten(), torch.zeros(1)])
    elif how == 3:
        tensors[name].view(-1)[rng.randrange(tensors[name].numel())] = rng.choice(
            (float("nan"), float("inf"), float("-inf"))
        )
    else:
        tensors[name] = torch.zeros(tensors[name].shape, dtype=torch.int8)
    write_safetensors(path, tensors)


def changed_table(path: Path, rng: random.Random) -> None:
    """A well-formed pickle with something else in it."""
    table = read_pickle_weights(path)
    name = rng.choice(sorted(table))
    how = rng.randrange(4)
    if how == 0:
        del table[name]
    elif how == 1:
        table[name] = "text"
    elif how == 2:
        table[name] = torch.full_like(table[name], float("nan"))
    else:
        table = [table]
    torch.save(table, path)


def stranger(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.randrange(0, 4096)))


SAFETENSORS = (cut, overwritten_start, longer, another_header, changed_tensors, stranger)
PICKLES = (cut, overwritten_start, changed_table, stranger)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    (dit,) = published_wan.write_dit(folder).values()
    (vae,) = published_wan.write_vae(folder).values()
    return {".safetensors": dit, ".pth": vae}


def load(path: Path, cache: Path) -> None:
    for part in find_parts([path], cache=cache, on_disk=False).values():
        empty_network(part)
        part.read()


@pytest.mark.row("F5", "corrupt files", cases=PER_KIND)
@pytest.mark.parametrize(
    ("suffix", "spoil"),
    [*((".safetensors", s) for s in SAFETENSORS), *((".pth", s) for s in PICKLES)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_corrupt_file_is_refused_in_one_sentence(whole, tmp_path, suffix, spoil):
    load(whole[suffix], tmp_path)
    for seed in range(PER_KIND):
        path = tmp_path / f"{spoil.__name__}{seed}{suffix}"
        shutil.copy(whole[suffix], path)
        spoil(path, random.Random(seed))
        with pytest.raises(AppError) as caught:
            load(path, tmp_path / "cache")
        assert caught.value.hint
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())
