"""Latents survive the published LMDB layout both ways, and damaged files are refused."""

from __future__ import annotations

import lmdb
import numpy as np
import pytest

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.storage.latent_lmdb import LatentReader, write_latents

SHAPE = (5, 16, 6, 10)


def rows(number: int, shape: tuple[int, ...] = SHAPE):
    rng = np.random.default_rng(number)
    return [(f"提示 {i}: a cät 🐈", rng.normal(size=shape).astype("f2")) for i in range(number)]


def store(folder, pairs):
    with write_latents(folder) as writer:
        return [writer.add(*pair) for pair in pairs]


def publish(folder, pairs, shape_of_all=None):
    """As CausVid's own script writes them, said independently of ours."""
    with (
        lmdb.open(str(folder), map_size=1 << 24) as environment,
        environment.begin(write=True) as t,
    ):
        for i, (prompt, latents) in enumerate(pairs):
            t.put(f"latents_{i}_data".encode(), latents.astype(np.float16).tobytes())
            t.put(f"prompts_{i}_data".encode(), prompt.encode())
        shape = shape_of_all or (len(pairs), *pairs[0][1].shape)
        t.put(b"latents_shape", " ".join(map(str, shape)).encode())
        t.put(b"prompts_shape", str(len(pairs)).encode())


@pytest.mark.parametrize("shape", [SHAPE, (4, *SHAPE)])
def test_published_rows_are_read_and_written_rows_are_published(tmp_path, shape):
    pairs = rows(3, shape)
    publish(tmp_path / "theirs", pairs)
    assert store(tmp_path / "ours", pairs) == [True] * 3
    contents = []
    for name in ("theirs", "ours"):
        reader = LatentReader(tmp_path / name)
        assert (len(reader), reader.row_shape) == (3, shape)
        for (prompt, latents), (same_prompt, same) in zip(pairs, reader, strict=True):
            assert prompt == same_prompt
            np.testing.assert_array_equal(latents, same)
        reader.close()
        with (
            lmdb.open(str(tmp_path / name), readonly=True) as environment,
            environment.begin() as transaction,
        ):
            contents.append(dict(transaction.cursor()))
    assert contents[0] == contents[1]


def test_many_rows_outgrow_the_first_map(tmp_path, monkeypatch):
    monkeypatch.setattr("videosketcher_app.storage.latent_lmdb.FIRST_MAP_BYTES", 1 << 17)
    pairs = rows(150)
    store(tmp_path / "store", pairs)
    reader = LatentReader(tmp_path / "store")
    np.testing.assert_array_equal(reader[-1][1], pairs[-1][1])
    with pytest.raises(IndexError):
        reader[150]
    reader.close()


def test_a_prompt_is_stored_once(tmp_path):
    (prompt, latents), (_, others) = rows(2)
    assert store(tmp_path / "store", [(prompt, latents), (prompt, others)]) == [True, False]
    reader = LatentReader(tmp_path / "store")
    assert len(reader) == 1
    np.testing.assert_array_equal(reader[0][1], latents)
    reader.close()


def test_what_cannot_be_stored_leaves_the_old_file(tmp_path):
    pair = rows(1)[0]
    store(tmp_path / "store", [pair])
    first = ("first", np.zeros(SHAPE, "f2"))
    for bad in (np.zeros((2, 3), "f2"), np.full(SHAPE, 1e6), np.full(SHAPE, np.nan)):
        with np.errstate(over="ignore"), pytest.raises(InvalidRequest):
            store(tmp_path / "store", [first, ("second", bad)])
    with pytest.raises(InvalidRequest, match="no latents"):
        store(tmp_path / "store", [])
    reader = LatentReader(tmp_path / "store")
    assert reader[0][0] == pair[0]
    reader.close()
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_damaged_files_are_refused(tmp_path):
    pairs = rows(2)
    # What upstream writes if the last file was a duplicate: the number of rows alone.
    publish(tmp_path / "bug", pairs, shape_of_all=(2,))
    with pytest.raises(InvalidFile, match="not of what shape"):
        LatentReader(tmp_path / "bug")
    publish(tmp_path / "more", pairs, shape_of_all=(3, *SHAPE))
    with pytest.raises(InvalidFile, match="another number of prompts"):
        LatentReader(tmp_path / "more")
    publish(tmp_path / "small", pairs, shape_of_all=(2, 5, 16, 6, 9))
    reader = LatentReader(tmp_path / "small")
    with pytest.raises(InvalidFile, match="row 0 has another size"):
        reader[0]
    reader.close()
    (tmp_path / "noise").mkdir()
    with pytest.raises(InvalidFile, match="no LMDB"):
        LatentReader(tmp_path / "noise")
    (tmp_path / "noise" / "data.mdb").write_bytes(b"\1" * 9000)
    with pytest.raises(InvalidFile, match="cannot be opened"):
        LatentReader(tmp_path / "noise")
