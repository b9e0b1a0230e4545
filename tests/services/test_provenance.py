"""Files from strangers are asked for their plan: they have one, or one sentence says why not."""

from __future__ import annotations

import contextlib
import random
import struct
import time
import zlib
from pathlib import Path

import psutil
import pytest

from tests.patience import within
from tests.services.drawings import published
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.services.provenance import read_provenance
from videosketcher_app.services.saved import SavedDrawing


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedDrawing:
    return published(tmp_path_factory.mktemp("drawings"), gif=True)


@pytest.mark.parametrize("kind", ["mp4", "png", "svg", "gif", "config"])
def test_every_published_file_brings_back_its_plan(saved: SavedDrawing, kind: str) -> None:
    assert read_provenance(saved.files[kind]) == (saved.request, saved.planned)


@pytest.mark.parametrize("kind", ["mp4", "png", "svg", "gif", "config"])
def test_the_name_of_a_file_does_not_matter(saved: SavedDrawing, kind: str, tmp_path: Path) -> None:
    copy = tmp_path / "download (1)"
    copy.write_bytes(saved.files[kind].read_bytes())
    assert read_provenance(copy)[0] == saved.request


def test_a_bare_request_is_a_config_without_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('\ufeff{"prompt": "a cat"}', encoding="utf-8")
    request, planned = read_provenance(path)
    assert (request.prompt, planned) == ("a cat", None)


def box(kind: bytes, content: bytes, *, size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(content) if size is None else size) + kind + content


def png_chunk(kind: bytes, data: bytes, *, length: int | None = None) -> bytes:
    head = struct.pack(">I", len(data) if length is None else length)
    return head + kind + data + struct.pack(">I", zlib.crc32(kind + data))


FTYP = box(b"ftyp", b"isom\0\0\0\0")
PNG = b"\x89PNG\r\n\x1a\n"


def comment_box(text: bytes) -> bytes:
    data = box(b"data", b"\0\0\0\1\0\0\0\0" + text)
    ilst = box(b"ilst", box(b"\xa9cmt", data))
    return box(b"moov", box(b"udta", box(b"meta", b"\0\0\0\0" + ilst)))


HOSTILE = {
    "empty": b"",
    "one byte": b"\x89",
    "text": b"hello",
    "png without chunks": PNG,
    "png chunk of 4 GB": PNG + png_chunk(b"iTXt", b"x", length=2**32 - 1),
    "png bad checksum": PNG + png_chunk(b"iTXt", b"VideoSketcher\0\0\0\0\0{}")[:-1] + b"!",
    "png compressed text": PNG
    + png_chunk(b"iTXt", b"VideoSketcher\0\1\0\0\0" + zlib.compress(b"0" * 10**7)),
    "png short text": PNG + png_chunk(b"iTXt", b"VideoSketcher\0\0\0"),
    "png not utf-8": PNG + png_chunk(b"iTXt", b"VideoSketcher\0\0\0\0\0\xff\xfe"),
    "png a million chunks": PNG + png_chunk(b"tEXt", b"") * 200_000,
    "mp4 without boxes": FTYP,
    "mp4 box of no size": FTYP + box(b"moov", b"", size=4),
    "mp4 box beyond the end": FTYP + box(b"moov", b"", size=2**31),
    "mp4 64 bit size": FTYP + struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 2**63),
    "mp4 many boxes": FTYP + box(b"free", b"") * 200_000,
    "mp4 own comment": FTYP + comment_box(b"filmed on holiday"),
    "mp4 comment not utf-8": FTYP + comment_box(b"\xff\xff"),
    "mp4 comment of 2 MB": FTYP + comment_box(b"{" * 2_000_000),
    "mp4 deep json": FTYP + comment_box(b'{"a":' * 50_000),
    "gif header": b"GIF89a",
    "gif endless blocks": b"GIF89a" + b"\1\0\1\0\0\0\0" + b"!\xfe" + b"\xff" * 300_000,
    "gif foreign comment": b"GIF89a" + b"\1\0\1\0\0\0\0" + b"!\xfe\x05hello\0;",
    "gif many blocks": b"GIF89a" + b"\1\0\1\0\0\0\0" + b"!\xf9\0" * 200_000,
    "svg plain": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "svg entities": b"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'x'>]><svg><metadata>&a;"
    b"</metadata></svg>",
    "svg open metadata": b"<svg><metadata>{",
    "svg nested": b"<svg><metadata><script>alert(1)</script></metadata></svg>",
    "json array": b"[1]",
    "json of somebody": b'{"hello": "world"}',
    "json cut": b'{"prompt": "a ca',
    "json infinite": b'{"prompt": "a cat", "cfg_scale": Infinity}',
    "json hostile plan": b'{"request": {"prompt": "a cat"}, "plan": {"text": "\\u0000"}}',
    "json list for a plan": b'{"request": {"prompt": "a cat"}, "loras": 3, "x": 1}',
    "pdf plain": b"%PDF-1.4\n%%EOF",
    "pdf bad base64": b"%PDF-1.4 (VideoSketcher:A)",
}


@pytest.mark.security
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / "dropped"
    path.write_bytes(HOSTILE[name])
    begun, before = time.monotonic(), psutil.Process().memory_info().rss
    with pytest.raises(InvalidFile) as caught:
        read_provenance(path)
    assert caught.value.hint
    assert within(time.monotonic() - begun, 2.0)
    assert psutil.Process().memory_info().rss - before < 100e6


@pytest.mark.security
def test_damaged_exports_give_their_plan_or_a_sentence(saved: SavedDrawing, tmp_path: Path) -> None:
    places = random.Random(23)
    path = tmp_path / "dropped"
    for kind in ("mp4", "png", "svg", "gif", "config"):
        good = saved.files[kind].read_bytes()
        for number in range(60):
            data = bytearray(good)
            if number % 2:
                data = data[: places.randrange(len(data))]
            else:
                for _ in range(8):
                    data[places.randrange(min(len(data), 4000))] = places.randrange(256)
            path.write_bytes(data)
            with contextlib.suppress(InvalidFile):
                assert read_provenance(path)[0].prompt


def test_missing_and_huge_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile):
        read_provenance(tmp_path / "none")
    with pytest.raises(InvalidFile):
        read_provenance(tmp_path)
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.write(b"{")
        file.truncate(600 * 1024**2)
    with pytest.raises(InvalidFile, match="too large"):
        read_provenance(huge)
