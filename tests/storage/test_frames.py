"""Frames come back as they were, or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tests.data.clips import clip
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage.frames import read_frames, write_frames


@pytest.mark.parametrize("kind", ["drawing", "noise", "one pixel"])
def test_frames_come_back(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(1)
    frames = {
        "drawing": clip("cat"),
        "noise": rng.integers(0, 256, (5, 30, 40, 3), np.uint8),
        "one pixel": np.full((1, 1, 1, 3), 7, np.uint8),
    }[kind]
    write_frames(tmp_path / "f.bin", frames)
    np.testing.assert_array_equal(read_frames(tmp_path / "f.bin"), frames)
    if kind == "drawing":
        assert (tmp_path / "f.bin").stat().st_size < frames.nbytes / 100


def test_damage_never_gives_other_frames(tmp_path: Path) -> None:
    frames, path, places = clip("cat")[:20], tmp_path / "f.bin", random.Random(5)
    write_frames(path, frames)
    good = path.read_bytes()
    refused = 0
    for number in range(60):
        data = bytearray(good)
        if number % 2:
            data = data[: places.randrange(len(data))]
        else:
            data[places.randrange(len(data))] ^= 1 << places.randrange(8)
        path.write_bytes(data)
        try:
            np.testing.assert_array_equal(read_frames(path), frames)
        except InvalidFile:
            refused += 1
    assert refused >= 30  # every cut one, and some of the others


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.bin"
    for shape in (
        "[1000000, 100000, 100000, 3]",
        "[1, 2]",
        "[0, 1, 1, 3]",
        '"x"',
        "[-1, -1, 1, 3]",
    ):
        path.write_bytes(b'{"shape": ' + shape.encode() + b"}\n" + b"\0" * 64)
        with pytest.raises(InvalidFile):
            read_frames(path)
    with pytest.raises(InvalidFile):
        read_frames(tmp_path / "none")
