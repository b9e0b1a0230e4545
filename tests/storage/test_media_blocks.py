"""Files of many parts are refused by counting; whole and broken ones are walked to their end."""

from __future__ import annotations

import random
import struct

import pytest

from tests.security import media_cases as cases
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage.media_blocks import MAX_PARTS, check_parts
from videosketcher_app.storage.media_reading import read_image

GOOD = cases.good_files()


def crowded(kind: str, count: int) -> bytes:
    """A good file of one kind with so many more parts."""
    data = GOOD[kind]
    start, part = {
        "PNG": (33, cases.png_chunk(b"tEXt", b"a\0b")),
        "JPEG": (2, b"\xff\xe1\0\3a"),
        "GIF": (13, b"!\xfe\1a\0"),
        "MP4": (len(data), struct.pack(">I4s", 8, b"free")),
    }[kind]
    return data[:start] + part * count + data[start:]


@pytest.mark.parametrize("kind", GOOD)
def test_what_programs_write_passes(kind: str) -> None:
    check_parts(GOOD[kind])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "MP4"])
def test_more_parts_than_any_program_writes_are_refused(kind: str) -> None:
    check_parts(crowded(kind, MAX_PARTS // 2))
    with pytest.raises(InvalidFile, match="more parts"):
        check_parts(crowded(kind, MAX_PARTS))


def test_the_parts_of_a_gif_are_counted_behind_its_colors() -> None:
    small = cases.gif(8, 8, 1)
    for part in (b"!\xfe\1a\0", b"\1"):
        check_parts(small[:19] + part * 1000 + small[19:])
        with pytest.raises(InvalidFile, match="more parts"):
            check_parts(small[:19] + part * MAX_PARTS + small[19:])


def test_boxes_in_boxes_are_counted() -> None:
    names = struct.pack(">I4s", 8, b"free") * MAX_PARTS
    inner = struct.pack(">I4s", 8 + len(names), b"udta") + names
    with pytest.raises(InvalidFile, match="more parts"):
        check_parts(GOOD["MP4"] + struct.pack(">I4s", 8 + len(inner), b"moov") + inner)
    check_parts(struct.pack(">I4sQ", 1, b"mdat", 16) + names[:80])


def test_broken_files_are_walked_to_an_end() -> None:
    places = random.Random(cases.SEED)
    for data in GOOD.values():
        for _ in range(200):
            broken = bytearray(data[: places.randrange(len(data))])
            for _ in range(min(len(broken), 8)):
                broken[places.randrange(len(broken))] = places.randrange(256)
            check_parts(bytes(broken))
    for length in range(20):
        for start in (b"GIF89a", b"RIFF", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b""):
            check_parts((start + bytes(20))[:length])


def test_a_progressive_picture_is_read_and_one_without_an_end_is_not() -> None:
    assert read_image(cases.jpeg_of_passes(64, 20)).shape == (64, 64, 3)
    with pytest.raises(InvalidFile, match="passes"):
        read_image(cases.jpeg_of_passes(64, 60))
