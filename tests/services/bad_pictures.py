"""A hundred pictures that a brush could be asked of: broken, huge, empty, exotic, and wrong ones.

Run as a script it asks the app for the brush in every file of a folder, and prints what came of it.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
import tempfile
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

INK = (40, 90, 200)  # of every mark
MARK, NONE, EITHER = "mark", "none", "either"
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")


def mark(width: int = 360, height: int = 240, *, paper: int = 250) -> NDArray[np.uint8]:
    """A wave on paper, (H, W, 3)."""
    canvas = np.full((height, width, 3), paper, np.uint8)
    x = np.linspace(0.15 * width, 0.85 * width, 200)
    y = 0.5 * height - 0.2 * height * np.sin(np.linspace(0, 2 * np.pi, 200))
    points = np.stack([x, y], 1).round().astype(np.int32)[:, None]
    return cv2.polylines(canvas, [points], False, INK, max(2, height // 16), cv2.LINE_AA)


def cat(width: int, height: int) -> NDArray[np.uint8]:
    """As a photo of a cat looks: fur of many colors in front of a room, nothing of it a mark."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    room = np.stack([0.5 + 0.3 * x, 0.45 + 0.2 * y, 0.35 + 0.3 * (1 - x)], -1)
    fur = np.stack([0.75 - 0.3 * y, 0.5 - 0.2 * x, 0.25 + 0.1 * y], -1)
    stripes = 0.18 * np.sin(40 * x + 6 * np.sin(9 * y))[..., None]
    head = ((x - 0.5) ** 2 / 0.06 + (y - 0.45) ** 2 / 0.09) < 1
    body = ((x - 0.5) ** 2 / 0.12 + (y - 0.95) ** 2 / 0.16) < 1
    photo = np.where((head | body)[..., None], fur + stripes, room)
    for side in (0.4, 0.6):
        photo[((x - side) ** 2 + (y - 0.4) ** 2) < 0.0016] = (0.3, 0.7, 0.3)
        photo[((x - side) ** 2 + (y - 0.4) ** 2) < 0.0004] = 0.02
    photo += rng.normal(0, 0.03, photo.shape)
    return (photo.clip(0, 1) * 255).astype(np.uint8)


def encoded(picture: Any, kind: str = "PNG", **options: Any) -> bytes:
    """An array or a Pillow image as a file."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    with BytesIO() as buffer:
        image.save(buffer, kind, **options)
        return buffer.getvalue()


def blank_png(width: int, height: int, *, depth: int = 1, color: int = 0) -> bytes:
    """A PNG of any size from a few bytes: rows of zeros."""
    channels = {0: 1, 2: 3, 6: 4}[color]
    row = b"\0" * (1 + (width * depth * channels + 7) // 8)
    packer, packed = zlib.compressobj(9), []
    for start in range(0, height, 1000):
        packed.append(packer.compress(row * min(1000, height - start)))
    data = b"".join([*packed, packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def cases() -> dict[str, tuple[bytes, str]]:
    """A hundred files by name, each with what must come of it."""
    found = _malformed() | _large() | _lively() | _exotic() | _without_a_mark()
    assert len(found) == 100, len(found)
    return found


def _malformed() -> dict[str, tuple[bytes, str]]:
    rng = np.random.default_rng(7)
    goods = {kind: encoded(mark(), kind) for kind in FORMATS}
    found: dict[str, tuple[bytes, str]] = {
        "empty": (b"", NONE),
        "one byte": (b"\x89", NONE),
        "signature only": (b"\x89PNG\r\n\x1a\n", NONE),
        "text": (b"a stroke of a marker\n" * 50, NONE),
        "page": (b"<html><img src=x></html>", NONE),
        "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0L9 9"/></svg>', NONE),
        "pdf": (b"%PDF-1.7\n%%EOF", NONE),
        "zip": (b"PK\x03\x04" + bytes(200), NONE),
        "film": (b"\0\0\0\x18ftypmp42" + bytes(300), NONE),
        "zeros": (bytes(5000), NONE),
        "dice": (rng.bytes(5000), NONE),
    }
    for kind, data in goods.items():
        for share in (0.1, 0.5, 0.9):
            found[f"{kind} cut at {share}"] = (data[: int(share * len(data))], EITHER)
        for number in range(2):
            flipped = bytearray(data)
            for at in rng.integers(20, len(data), 6):
                flipped[at] ^= 1 << int(rng.integers(8))
            found[f"{kind} flipped {number}"] = (bytes(flipped), EITHER)
    return found


def _large() -> dict[str, tuple[bytes, str]]:
    phone = cv2.resize(mark(), (6000, 4000), interpolation=cv2.INTER_LINEAR)
    return {
        "photo of a phone": (encoded(phone, "JPEG", quality=80), MARK),
        "24 megapixels as PNG": (encoded(phone, "PNG", compress_level=1), EITHER),
        "144 megapixels in 18 kB": (blank_png(12_000, 12_000), NONE),
        "900 megapixels": (blank_png(30_000, 30_000), NONE),
        "64 megapixels, transparent": (blank_png(8000, 8000, depth=8, color=6), NONE),
        "a thread": (blank_png(30_000, 2), NONE),
        "a wire": (blank_png(3, 20_000, depth=8, color=2), NONE),
        "lying header": (
            blank_png(900, 900)[:16] + b"\x7f\xff\xff\xff" + blank_png(900, 900)[20:],
            NONE,
        ),
        "one pixel": (encoded(mark()[:1, :1]), NONE),
        "eleven pixels": (encoded(mark()[:11, :11]), NONE),
    }


def _lively() -> dict[str, tuple[bytes, str]]:
    frames = [Image.fromarray(mark()) for _ in range(20)]
    for index, frame in enumerate(frames):
        frame.putpixel((index, 0), (0, 0, 0))  # equal frames would be written as one
    more: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    upright = Image.fromarray(np.rot90(mark()).copy())
    exif = Image.Exif()
    exif[274] = 6
    bare = {"exif": b"Exif\0\0" + bytes(40)}
    return {
        "animated GIF": (encoded(frames[0], "GIF", **more), MARK),
        "animated WebP": (encoded(frames[0], "WEBP", lossless=True, **more), MARK),
        "animated PNG": (encoded(frames[0], "PNG", **more), MARK),
        "many pages": (encoded(frames[0], "TIFF", **more), MARK),
        "turned by its camera": (encoded(upright, "JPEG", exif=exif), MARK),
        "damaged EXIF": (encoded(mark(), "JPEG", **bare), MARK),
        "damaged profile": (encoded(mark(), "JPEG", icc_profile=bytes(90)), MARK),
        "progressive": (encoded(mark(), "JPEG", progressive=True), MARK),
        "worst JPEG": (encoded(mark(720, 480), "JPEG", quality=25), MARK),
    }


def _exotic() -> dict[str, tuple[bytes, str]]:
    picture = mark()
    image, grey = Image.fromarray(picture), Image.fromarray(picture).convert("L")
    alpha = np.where(np.asarray(grey) < 220, 255, 0).astype(np.uint8)
    inked = np.dstack([np.full((*alpha.shape, 3), INK, np.uint8), alpha])
    hidden = np.dstack([picture, np.zeros(alpha.shape, np.uint8)])
    deep = picture.astype(np.uint16) * 257
    palette = image.quantize(16)
    return {
        "transparent": (encoded(inked), MARK),
        "transparent WebP": (encoded(inked, "WEBP", lossless=True), MARK),
        "transparent palette": (
            encoded(Image.fromarray(inked).quantize(8, method=Image.Quantize.FASTOCTREE)),
            MARK,
        ),
        "grey with alpha": (encoded(Image.fromarray(inked).convert("LA")), EITHER),
        "hidden colors": (encoded(hidden), NONE),
        "clear": (encoded(np.zeros((200, 300, 4), np.uint8)), NONE),
        "white on clear": (
            encoded(np.dstack([np.full((*alpha.shape, 3), 255, np.uint8), alpha])),
            NONE,
        ),
        "CMYK": (encoded(image.convert("CMYK"), "JPEG", quality=95), MARK),
        "CMYK TIFF": (encoded(image.convert("CMYK"), "TIFF"), MARK),
        "16 bits a channel": (cv2.imencode(".png", deep[..., ::-1])[1].tobytes(), MARK),
        "16 bits grey": (
            cv2.imencode(".png", np.asarray(grey).astype(np.uint16) * 257)[1].tobytes(),
            EITHER,
        ),
        "16 bits TIFF": (cv2.imencode(".tiff", deep[..., ::-1])[1].tobytes(), EITHER),
        "one bit": (encoded(grey.convert("1"), "PNG"), EITHER),
        "grey": (encoded(grey), EITHER),
        "palette": (encoded(palette), MARK),
        "YCbCr": (encoded(image.convert("YCbCr"), "TIFF"), EITHER),
        "Lab": (encoded(image.convert("LAB"), "TIFF"), EITHER),
        "floats": (encoded(grey.convert("F"), "TIFF"), EITHER),
        "32 bits": (encoded(grey.convert("I"), "TIFF"), EITHER),
        "light on dark": (encoded(255 - mark()), EITHER),
    }


def _without_a_mark() -> dict[str, tuple[bytes, str]]:
    rng = np.random.default_rng(3)
    white, black = (np.full((300, 400, 3), level, np.uint8) for level in (255, 0))
    noise = rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
    faint = rng.normal(225, 4, (300, 400, 3)).clip(0, 255).astype(np.uint8)
    two = np.concatenate([white, black])
    return {
        "all white": (encoded(white), NONE),
        "all white JPEG": (encoded(white, "JPEG"), NONE),
        "all black": (encoded(black), NONE),
        "all black JPEG": (encoded(black, "JPEG"), NONE),
        "a cat": (encoded(cat(800, 600), "JPEG", quality=90), NONE),
        "a small cat": (encoded(cat(160, 120)), NONE),
        "an upright cat": (encoded(cat(600, 900), "WEBP"), NONE),
        "noise": (encoded(noise), NONE),
        "faint noise": (encoded(faint, "JPEG"), EITHER),
        "half and half": (encoded(two), EITHER),
        "swatch": (encoded(np.full((90, 120, 3), INK, np.uint8)), MARK),
        "swatch as JPEG": (encoded(np.full((90, 120, 3), INK, np.uint8), "JPEG", quality=95), MARK),
        "grey paper, faint mark": (encoded(mark(paper=170), "JPEG", quality=60), EITHER),
        "a dot": (encoded(_dotted(), "PNG"), EITHER),
        "lines everywhere": (encoded(_lines(), "PNG"), EITHER),
        "a frame without a mark": (encoded(_empty_frame(), "PNG"), NONE),
        "a mark at the border": (encoded(mark()[:, 120:], "PNG"), EITHER),
        "colors": (
            encoded(rng.integers(0, 256, (9, 12, 3)).astype(np.uint8).repeat(40, 0).repeat(40, 1)),
            NONE,
        ),
        "a mark in the corner": (encoded(_cornered(), "PNG"), MARK),
        "a large mark": (encoded(mark(1600, 1000), "PNG"), MARK),
    }


def _dotted() -> NDArray[np.uint8]:
    canvas = np.full((240, 360, 3), 250, np.uint8)
    return cv2.circle(canvas, (180, 120), 2, INK, -1)


def _lines() -> NDArray[np.uint8]:
    canvas = np.full((240, 360, 3), 250, np.uint8)
    for x in range(0, 360, 9):
        cv2.line(canvas, (x, 0), (x + 40, 240), INK, 2)
    return canvas


def _empty_frame() -> NDArray[np.uint8]:
    canvas = np.full((480, 832, 3), 255, np.uint8)
    canvas[:79, 155:157] = 0
    canvas[77:79, :157] = 0
    return canvas


def _cornered() -> NDArray[np.uint8]:
    canvas = np.full((480, 832, 3), 250, np.uint8)
    canvas[300:400, 500:650] = cv2.resize(mark(), (150, 100), interpolation=cv2.INTER_AREA)
    return canvas


def main(folder: Path) -> None:
    """Asks for the brush in every file; prints one JSON object."""
    from videosketcher_app.core.access import Role
    from videosketcher_app.core.errors import AppError
    from videosketcher_app.services.brushes.desk import BrushDesk, Person
    from videosketcher_app.services.guests import GuestBook
    from videosketcher_app.storage.paths import Workspace

    workspace = Workspace(Path(tempfile.mkdtemp(dir=folder)))
    desk, owner = BrushDesk(workspace, GuestBook(workspace)), Person(role=Role.OWNER)
    desk.understand(mark(), owner, title="warm", origin="picture")
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told: dict[str, Any] = {}
    for path in sorted(folder.glob("*.bin")):
        begun = _cpu_seconds()
        try:
            choice = desk.understand(path, owner, title="", origin="picture")
            came = {"color": choice.understood.color}
        except AppError as error:
            came = {"message": error.message, "hint": error.hint}
        told[path.stem] = {**came, "seconds": _cpu_seconds() - begun}
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    child_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    sys.stdout.write(json.dumps({"told": told, "grown_kb": grown_kb, "child_kb": child_kb}))


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main(Path(sys.argv[1]))
