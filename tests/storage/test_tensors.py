"""Weights are read only if they are whole, what the catalogue describes, and nothing but tensors."""

from __future__ import annotations

import json
import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from videosketcher_app.core.errors import DamagedModel, InvalidFile, MissingModel
from videosketcher_app.storage import tensors
from videosketcher_app.storage.safetensors_format import ITEM_BYTES, read_header

STORED_DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(4, 6, generator=generator)
    return {str(dtype): values.to(dtype) for dtype in STORED_DTYPES}


@pytest.fixture
def path(tmp_path: Path, weights: dict[str, torch.Tensor]) -> Path:
    file = tmp_path / "weights.safetensors"
    tensors.write_safetensors(file, weights, {"family": "tiny", "version": "1"})
    return file


def same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    def bits(x: torch.Tensor) -> torch.Tensor:
        return x.contiguous().view(torch.uint8)

    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(bits(a), bits(b))


def test_every_element_type_comes_back_bit_for_bit(
    path: Path, weights: dict[str, torch.Tensor]
) -> None:
    read = tensors.read_safetensors(path)
    assert set(read) == set(weights)
    assert all(same_bits(read[name], weights[name]) for name in weights)
    assert tensors.read_metadata(path) == {"family": "tiny", "version": "1"}


def test_scalars_empty_tensors_views_and_arrays_are_stored(tmp_path: Path) -> None:
    grid = torch.arange(12.0).reshape(3, 4)
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    stored = {"scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3), "view": grid.T}
    file = tmp_path / "a.safetensors"
    tensors.write_safetensors(file, {**stored, "array": array})
    read = tensors.read_safetensors(file)
    assert all(torch.equal(read[name], value) for name, value in stored.items())
    assert np.array_equal(read["array"].numpy(), array)


def test_equal_content_gives_equal_bytes_in_any_order(
    tmp_path: Path, path: Path, weights: dict[str, torch.Tensor]
) -> None:
    other = tmp_path / "other.safetensors"
    reversed_weights = dict(reversed(weights.items()))
    sha256 = tensors.write_safetensors(other, reversed_weights, {"version": "1", "family": "tiny"})
    assert other.read_bytes() == path.read_bytes()
    assert sha256 == tensors.sha256_of(path)


def test_the_library_reads_what_we_write(path: Path, weights: dict[str, torch.Tensor]) -> None:
    from safetensors.torch import load_file

    assert all(same_bits(value, weights[name]) for name, value in load_file(path).items())


def test_a_part_can_be_read_and_a_missing_name_is_named(path: Path) -> None:
    assert list(tensors.read_safetensors(path, names={"torch.int8"})) == ["torch.int8"]
    with pytest.raises(InvalidFile, match=r"lacks 1 tensors, the first is 'blocks\.0'"):
        tensors.read_safetensors(path, names={"torch.int8", "blocks.0"})


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match="models list"):
        tensors.read_safetensors(tmp_path / "none.safetensors")


def test_size_and_hash_are_compared(path: Path) -> None:
    sha256, size_bytes = tensors.sha256_of(path), path.stat().st_size
    tensors.read_safetensors(path, sha256=sha256.upper(), size_bytes=size_bytes)
    with pytest.raises(DamagedModel, match="expected 5"):
        tensors.read_safetensors(path, size_bytes=5)


@pytest.mark.security
def test_every_flipped_bit_is_found_by_the_hash(path: Path) -> None:
    sha256, good = tensors.sha256_of(path), path.read_bytes()
    places = random.Random(11)
    for _ in range(60):
        data = bytearray(good)
        data[places.randrange(len(data))] ^= 1 << places.randrange(8)
        path.write_bytes(bytes(data))
        with pytest.raises(DamagedModel, match="SHA-256"):
            tensors.read_safetensors(path, sha256=sha256)


@pytest.mark.security
def test_every_truncation_is_refused_without_a_hash(path: Path) -> None:
    good = path.read_bytes()
    lengths = [0, 1, 7, 8, 9, *random.Random(12).sample(range(10, len(good)), 75)]
    for length in lengths:
        path.write_bytes(good[:length])
        with pytest.raises(InvalidFile, match="not a usable safetensors file"):
            tensors.read_safetensors(path)


def entry(start: int = 0, end: int = 4, dtype: str = "F32", shape: object = (1,)) -> object:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


HOSTILE_HEADERS = {
    "overlap": {"a": entry(), "b": entry()},
    "gap": {"a": entry(), "b": entry(8, 12)},
    "beyond the end": {"a": entry(0, 4), "b": entry(4, 4 << 40, shape=[1 << 40])},
    "shape bomb": {"a": entry(shape=[1 << 62, 1 << 62])},
    "negative": {"a": entry(-4, 0)},
    "negative shape": {"a": entry(shape=[-1, -1])},
    "unknown type": {"a": entry(dtype="F31")},
    "float offsets": {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0.0, 4.0]}},
    "bool shape": {"a": entry(shape=[True])},
    "no offsets": {"a": {"dtype": "F32", "shape": [1]}},
    "extra field": {"a": {**entry(), "code": "x"}},  # type: ignore[dict-item]
    "list": [],
    "text entry": {"a": "tensor"},
    "metadata list": {"__metadata__": [], "a": entry()},
    "metadata numbers": {"__metadata__": {"a": 1}, "a": entry()},
    "nothing for the data": {},
}


@pytest.mark.security
@pytest.mark.parametrize("name", HOSTILE_HEADERS)
def test_an_edited_header_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "a.safetensors"
    text = json.dumps(HOSTILE_HEADERS[name]).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(InvalidFile):
        read_header(file)


@pytest.mark.security
@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 100_000, b"NaN"],
    ids=["empty", "open", "not utf-8", "twice", "deep", "nan"],
)
def test_a_header_that_is_not_json_is_refused(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(InvalidFile):
        read_header(file)


@pytest.mark.security
def test_a_huge_header_length_is_refused_without_reading_it(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    with file.open("wb") as sparse:
        sparse.write((200_000_000).to_bytes(8, "little"))
        sparse.truncate(300_000_000)
    with pytest.raises(InvalidFile, match="does not begin"):
        read_header(file)


def test_the_header_knows_as_many_types_as_the_writer() -> None:
    assert set(tensors._DTYPES.values()) == set(ITEM_BYTES)


def test_nan_in_weights_is_named() -> None:
    good = {"a": torch.ones(2), "count": torch.tensor([1])}
    tensors.check_finite(good, source="a.safetensors")
    with pytest.raises(DamagedModel, match="NaN or Inf in 'b'"):
        tensors.check_finite({**good, "b": torch.tensor([1.0, float("nan")])}, source="x")


def test_a_published_checkpoint_is_read_as_plain_tensors(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    saved = {"generator": {"model.x": torch.arange(4.0)}, "step": 3, "note": "a", "list": [1, 2.5]}
    torch.save(saved, file)
    read = tensors.read_pickle_weights(file, sha256=tensors.sha256_of(file))
    assert torch.equal(read["generator"]["model.x"], torch.arange(4.0))
    assert read["step"] == 3
    with pytest.raises(DamagedModel):
        tensors.read_pickle_weights(file, sha256="0" * 64)


class Payload:
    """Runs a shell command when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.canary}",)


@pytest.mark.row("T7", "hostile pickles")
@pytest.mark.security
@pytest.mark.parametrize("nest", ["top", "value", "list", "key"])
@pytest.mark.parametrize("modern", [True, False])
def test_code_in_a_checkpoint_never_runs(tmp_path: Path, nest: str, modern: bool) -> None:
    canary, file = tmp_path / "canary", tmp_path / "checkpoint.pt"
    payload = Payload(canary)
    content = {"top": payload, "value": {"a": payload}, "list": {"a": [payload]}}.get(
        nest, {(1, payload): 1}
    )
    torch.save(content, file, _use_new_zipfile_serialization=modern)
    with pytest.raises(InvalidFile, match="is refused"):
        tensors.read_pickle_weights(file)
    with pytest.raises(InvalidFile):
        tensors.read_safetensors(file)
    assert not canary.exists()


@pytest.mark.security
def test_truncated_and_flipped_checkpoints_are_refused_or_plain(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    torch.save({"a": torch.arange(100.0), "b": {"c": torch.ones(3)}}, file)
    good, places = file.read_bytes(), random.Random(13)
    for _ in range(40):
        file.write_bytes(good[: places.randrange(len(good))])
        with pytest.raises(InvalidFile):
            tensors.read_pickle_weights(file)
    for _ in range(60):
        data = bytearray(good)
        data[places.randrange(len(data))] ^= 1 << places.randrange(8)
        file.write_bytes(bytes(data))
        try:
            read = tensors.read_pickle_weights(file)
        except InvalidFile:
            continue
        assert isinstance(read, dict)


@pytest.mark.security
def test_a_packed_archive_is_refused_as_a_bomb(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(50_000_000))
    with pytest.raises(InvalidFile, match="packed"):
        tensors.read_pickle_weights(file)


def test_a_checkpoint_that_is_one_tensor_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    torch.save(torch.ones(2), file)
    with pytest.raises(InvalidFile, match="not a table"):
        tensors.read_pickle_weights(file)


def test_bytes_are_counted() -> None:
    assert tensors.total_bytes([torch.zeros(3, 2), torch.zeros(4, dtype=torch.int8)]) == 28
