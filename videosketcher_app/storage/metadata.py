"""The text that an exported file carries inside, so that the file alone brings its drawing back.

mp4: the comment of the container. PNG: an iTXt chunk. GIF: a comment. SVG: `<metadata>`. PDF: a
keyword. Reading walks the file's own structure and looks at nothing else: sizes are judged before
anything is read, and no picture is ever decoded.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import unescape

from videosketcher_app.core.errors import InvalidFile

KEYWORD = "VideoSketcher"
MAX_TEXT_BYTES = 400_000
MAX_PIECES = 100_000  # chunks, boxes or blocks that a file may have
MAX_FILE_BYTES = 500 * 1024**2
MAX_TEXT_FILE_BYTES = 20_000_000  # SVG, PDF and JSON are read whole

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MP4_PATH = (b"moov", b"udta", b"meta", b"ilst", b"\xa9cmt", b"data")
_MP4_DATA_HEADER = 8  # type and locale before the text
_PDF_TEXT = re.compile(KEYWORD.encode() + rb":([A-Za-z0-9+/=]+)")

Box = tuple[bytes, int, int]  # kind, start and end of its content


def read_embedded(path: Path) -> str | None:
    """The text inside a file; None if there is nothing inside.

    The kind of file is known by its first bytes, not by its name.

    Raises:
        InvalidFile: the file cannot be read, is too large, damaged or of another kind.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise _unreadable(path, "it is too large")
        with path.open("rb") as file:
            head = file.read(64)
            reader = _reader_of(head)
            if reader is None:
                raise _unreadable(path, "it is no mp4, PNG, SVG, GIF, PDF or JSON file")
            file.seek(0)
            found = reader(file, size)
    except OSError as error:
        raise _unreadable(path, error.strerror or "it cannot be opened") from error
    except (ValueError, zlib.error) as error:  # UnicodeDecodeError and binascii.Error among them
        raise _unreadable(path, "it is damaged") from error
    return found


def pdf_keyword(text: str) -> str:
    """The keyword that carries a text in a PDF."""
    return f"{KEYWORD}:{base64.b64encode(text.encode('utf-8')).decode('ascii')}"


def _reader_of(head: bytes) -> Callable[[BinaryIO, int], str | None] | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(_PNG_SIGNATURE):
        return _from_png
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _from_gif
    if head[4:8] == b"ftyp":
        return _from_mp4
    if head.startswith(b"%PDF-"):
        return _from_pdf
    if start.startswith((b"<svg", b"<?xml")):
        return _from_svg
    return _from_json if start.startswith(b"{") else None


def _unreadable(path: Path, why: str) -> InvalidFile:
    return InvalidFile(
        f"The file {path.name[:80]!r} cannot be read: {why}.",
        hint="Use an mp4, PNG, SVG, GIF or config file that this app wrote.",
    )


def _from_png(file: BinaryIO, size: int) -> str | None:
    file.seek(len(_PNG_SIGNATURE))
    for _ in range(MAX_PIECES):
        header = file.read(8)
        if len(header) < 8 or header[4:] == b"IEND":
            return None
        length = int.from_bytes(header[:4], "big")
        if length > size:
            raise ValueError
        if header[4:] != b"iTXt" or length > MAX_TEXT_BYTES:
            file.seek(length + 4, 1)
            continue
        data, checksum = file.read(length), file.read(4)
        keyword, _, rest = data.partition(b"\0")
        if keyword.decode("latin-1") != KEYWORD:
            continue
        if zlib.crc32(b"iTXt" + data).to_bytes(4, "big") != checksum or rest[:2] != b"\0\0":
            raise ValueError
        return rest[2:].split(b"\0", 2)[2].decode("utf-8") if rest.count(b"\0") >= 4 else None
    raise ValueError


def _from_gif(file: BinaryIO, size: int) -> str | None:
    header = file.read(13)
    if len(header) < 13:
        raise ValueError
    flags = header[10]
    file.seek(13 + _table_bytes(flags))
    for _ in range(MAX_PIECES):
        kind = file.read(1)
        if kind == b"!":
            is_comment = file.read(1) == b"\xfe"
            data = _gif_blocks(file, keep=is_comment)
            if is_comment and data.startswith(KEYWORD.encode() + b":"):
                return data[len(KEYWORD) + 1 :].decode("utf-8")
        elif kind == b",":
            descriptor = file.read(9)
            if len(descriptor) < 9:
                raise ValueError
            file.seek(_table_bytes(descriptor[8]) + 1, 1)
            _gif_blocks(file, keep=False)
        else:
            return None
    raise ValueError


def _table_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(file: BinaryIO, *, keep: bool) -> bytes:
    """The data of a chain of sub-blocks; without `keep`, only steps over it."""
    data = bytearray()
    while (size := file.read(1)) not in (b"", b"\0"):
        if keep and len(data) <= MAX_TEXT_BYTES:
            data += file.read(size[0])
        else:
            file.seek(size[0], 1)
    return bytes(data)


def _from_mp4(file: BinaryIO, size: int) -> str | None:
    pieces = [MAX_PIECES]
    start, end = 0, size
    for kind in _MP4_PATH:
        found = next((box for box in _boxes(file, start, end, pieces) if box[0] == kind), None)
        if found is None:
            return None
        _, start, end = found
        if kind == b"meta":
            start += 4  # version and flags
    start += _MP4_DATA_HEADER
    if not 0 <= end - start <= MAX_TEXT_BYTES:
        raise ValueError
    file.seek(start)
    return file.read(end - start).decode("utf-8")


def _boxes(file: BinaryIO, start: int, end: int, pieces: list[int]) -> Iterator[Box]:
    """The boxes between two places of an mp4; `pieces` counts down over the whole file."""
    while start + 8 <= end:
        pieces[0] -= 1
        file.seek(start)
        header = file.read(16)
        length, kind, content = int.from_bytes(header[:4], "big"), header[4:8], start + 8
        if length == 1:
            length, content = int.from_bytes(header[8:16], "big"), start + 16
        length = length or end - start
        if pieces[0] < 0 or start + length < content or start + length > end:
            raise ValueError
        yield kind, content, start + length
        start += length


def _from_svg(file: BinaryIO, size: int) -> str | None:
    text = _whole(file, size).decode("utf-8")
    _, opened, rest = text.partition("<metadata>")
    content, closed, _ = rest.partition("</metadata>")
    return unescape(content) if opened and closed and "<" not in content else None


def _from_pdf(file: BinaryIO, size: int) -> str | None:
    found = _PDF_TEXT.search(_whole(file, size))
    try:
        return base64.b64decode(found[1], validate=True).decode("utf-8") if found else None
    except binascii.Error as error:
        raise ValueError from error


def _from_json(file: BinaryIO, size: int) -> str:
    return _whole(file, size).decode("utf-8-sig")


def _whole(file: BinaryIO, size: int) -> bytes:
    if size > MAX_TEXT_FILE_BYTES:
        raise ValueError
    return file.read(MAX_TEXT_FILE_BYTES)
