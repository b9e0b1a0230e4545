"""Of how many parts a picture or video is made, counted before a decoder walks through them.

A decoder spends far more on a part than the two to twelve bytes that it takes in the file, so a
small file of millions of them keeps it busy for minutes. Damage is left for the decoder to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from videosketcher_app.storage.bounded import too_large

# Cameras write some dozens of segments, and pictures of 100 MB some ten thousand chunks.
MAX_PARTS = 50_000
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_JPEG_SCAN, _PNG_END = 0xDA, b"IEND"
_RIFF_HEAD = 12
_BOXES_OF_BOXES = frozenset(
    b"moov trak mdia minf stbl dinf edts udta mvex moof traf mfra ilst".split()
)
_GIF_HEAD, _GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 13, 0x2C, 0x21, 0x3B


def check_parts(data: bytes) -> None:
    """Refuses a file whose pixels are behind, or in, too many parts.

    What is no PNG, JPEG, GIF, AVI or Matroska file is walked through as the boxes of an mp4, which
    is at its end at once if it is something else. Matroska's decoder is quick with any number.

    Raises:
        InvalidFile: there are more than MAX_PARTS.
    """
    walk = next((walk for start, walk in _WALKS.items() if data.startswith(start)), _boxes)
    if sum(1 for _ in islice(walk(data), MAX_PARTS + 1)) > MAX_PARTS:
        raise too_large("The file has more parts than are possible", MAX_PARTS)


def _png_chunks(data: bytes) -> Iterator[int]:
    """Where each chunk starts: length, name, content, checksum."""
    at = len(_PNG)
    while at + 12 <= len(data):
        yield at
        if data[at + 4 : at + 8] == _PNG_END:
            return
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _jpeg_segments(data: bytes) -> Iterator[int]:
    """Where each segment starts, to the first pixels: FF, kind, length, content."""
    at = len(_JPEG)
    while at + 4 <= len(data):
        yield at
        if data[at] != 0xFF or data[at + 1] in (0xFF, 0):  # filling, or junk that is searched
            at += 1
        elif data[at + 1] == _JPEG_SCAN:
            return
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _gif_blocks(data: bytes) -> Iterator[int]:
    """Where each block starts, to the first picture; an extension is a chain of them."""
    at = _GIF_HEAD + (3 << ((data[10] & 7) + 1) if data[10:11] and data[10] & 0x80 else 0)
    while at < len(data) and data[at] not in (_GIF_IMAGE, _GIF_END):
        yield at
        if data[at] != _GIF_EXTENSION:
            at += 1  # junk, which decoders skip byte by byte
            continue
        at += 2
        while at < len(data) and data[at]:
            yield at
            at += 1 + data[at]
        at += 1


def _riff_chunks(data: bytes) -> Iterator[int]:
    """Where each chunk starts: name, length, content of even length; a list is entered."""
    at = _RIFF_HEAD
    while at + 8 <= len(data):
        yield at
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += _RIFF_HEAD if data[at : at + 4] == b"LIST" else 8 + size + size % 2


def _boxes(data: bytes) -> Iterator[int]:
    """Where each box starts: length with this head, name, content; a box of boxes is entered."""
    at = 0
    while at + 8 <= len(data):
        yield at
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if data[at + 4 : at + 8] in _BOXES_OF_BOXES:
            size = 8
        if size < 8:  # to the end of the file, or damaged
            return
        at += size


def _nothing(_data: bytes) -> Iterator[int]:
    return iter(())


_WALKS = {
    _PNG: _png_chunks,
    _JPEG: _jpeg_segments,
    b"GIF8": _gif_blocks,
    b"RIFF": _riff_chunks,
    b"\x1a\x45\xdf\xa3": _nothing,
}
