"""Copies are whole or not there, are hashed on the way, and can be stopped."""

from __future__ import annotations

import hashlib

import pytest

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, CannotWrite, DamagedModel, MissingModel
from videosketcher_app.storage import copying
from videosketcher_app.storage.copying import copy_file, copy_files, hash_file, require_room

CONTENT = bytes(range(256)) * 50_000  # 12.8 MB: several pieces
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.bin"
    path.write_bytes(CONTENT)
    return path


def test_what_went_by_is_hashed_and_counted(source, tmp_path):
    told = []
    assert hash_file(source, on_bytes=told.append) == SHA256
    assert sum(told) == len(CONTENT)
    assert len(told) > 1
    assert copy_file(source, tmp_path / "a" / "copy.bin", sha256=SHA256) == SHA256
    assert (tmp_path / "a" / "copy.bin").read_bytes() == CONTENT


def test_another_hash_leaves_what_was_there(source, tmp_path):
    target = tmp_path / "target.bin"
    target.write_bytes(b"before")
    with pytest.raises(DamagedModel, match="SHA-256"):
        copy_file(source, target, sha256="0" * 64)
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.bin", "target.bin"]


def test_a_stopped_copy_takes_back_what_was_new(source, tmp_path):
    folder, cancel = tmp_path / "folder", CancelToken()
    folder.mkdir()
    (folder / "old.bin").write_bytes(b"old")
    done = []

    def on_bytes(num_bytes):
        done.append(num_bytes)
        if sum(done) > len(CONTENT):
            cancel.cancel()

    sources = {"first.bin": source, "second.bin": source}
    with pytest.raises(Cancelled):
        copy_files(sources, folder, sha256={}, on_bytes=on_bytes, cancel=cancel)
    assert [path.name for path in folder.iterdir()] == ["old.bin"]
    assert copy_files(sources, folder, sha256={"first.bin": SHA256}) == dict.fromkeys(
        sources, SHA256
    )


def test_a_source_that_is_gone_and_a_disk_that_is_full(source, tmp_path, monkeypatch):
    with pytest.raises(MissingModel, match=r"gone\.bin is no longer"):
        copy_file(tmp_path / "gone.bin", tmp_path / "copy.bin")
    require_room([source], tmp_path / "not" / "there")
    monkeypatch.setattr(copying, "SPARE_BYTES", 1 << 60)
    with pytest.raises(CannotWrite, match="There is no room"):
        require_room([source], tmp_path)
