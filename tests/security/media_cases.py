"""Hostile pictures and videos, made by code: bombs and malformed files."""

from __future__ import annotations

import io
import random
import struct
import zlib
from fractions import Fraction
from functools import cache

import av
import numpy as np
from PIL import Image

SEED = 20


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, extra: bytes = b"", depth: int = 8, color: int = 2) -> bytes:
    """A PNG with a true header and hardly any pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 4096))
    end = png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra + pixels + end


@cache
def flat_png(side: int) -> bytes:
    """A whole PNG of one bit a pixel: 144 megapixels in 18 kB."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pack = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    data = b"".join(pack.compress(row) for _ in range(side)) + pack.flush()
    parts = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", data), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif(width: int, height: int, frames: int) -> bytes:
    """A GIF of many frames of one pixel each, on a canvas of any size."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = b"!\xf9\4\0\1\0\0\0" + b",\0\0\0\0\1\0\1\0\0" + b"\2\2\x44\1\0"
    return head + frame * frames + b";"


def bmp(width: int, height: int) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 64, 0, 0, 54) + info + bytes(64)


def tiff(width: int, height: int) -> bytes:
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 4)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(64)


def webp(width: int, height: int) -> bytes:
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + sides
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


@cache
def video(
    width: int,
    height: int,
    frames: int,
    *,
    kind: str = "mp4",
    fps: int = 16,
    codec: str = "libx264",
) -> bytes:
    """A blank video: hardly any bytes, any number of pixels."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as container:
        options = {"preset": "ultrafast", "g": "1000"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        picture = av.VideoFrame(width, height, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        for index in range(frames):
            picture.pts, picture.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@cache
def film_of_m13() -> bytes:
    """An mp4 of less than 100 kB and 600 whole frames of 4K: 14.9 GB of pixels.

    Frames after the first say only that nothing changes. 64 of them are encoded and then used
    again and again, since their numbers repeat after 16.
    """
    with av.open(io.BytesIO(video(3840, 2160, 65)), "r") as source:
        track = source.streams.video[0]
        first, *others = [bytes(packet) for packet in source.demux(track) if packet.size]
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as container:
            stream = container.add_stream_from_template(track)
            for index, data in enumerate([first, *(others * 10)][:600]):
                packet = av.Packet(data)
                packet.pts = packet.dts = index
                packet.duration, packet.time_base = 1, Fraction(1, 16)
                packet.stream, packet.is_keyframe = stream, index == 0
                container.mux(packet)
    return buffer.getvalue()


@cache
def growing(width: int, height: int, *, kind: str = "matroska") -> bytes:
    """A film that says 64x64 pixels, and has larger frames after the first."""
    flat = [Image.new("RGB", size, (200, 10, 30)) for size in ((64, 64), (width, height))]
    small, large = (saved(image, "JPEG", subsampling=0) for image in flat)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as container:
        stream = container.add_stream("mjpeg", rate=16)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj444p"
        for index, data in enumerate((small, large, large)):
            packet = av.Packet(data)
            packet.pts = packet.dts = index
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 16), stream, True
            container.mux(packet)
    return buffer.getvalue()


@cache
def jpeg_of_passes(side: int, count: int) -> bytes:
    """A progressive JPEG that goes over all its pixels again and again."""
    data = saved(Image.new("L", (side, side), 200), "JPEG", progressive=True)
    last, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[last:end] * count + data[end:]


def parts_bombs() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Pictures and videos of millions of parts, each of some bytes."""
    image, film, avi = good_files()["JPEG"], good_files()["MP4"], _small_avi()
    start = film.index(b"moov") - 4
    pictures = {
        "gif 3 million comments": gif(8, 8, 1)[:19] + b"!\xfe\1a\0" * 3_000_000 + gif(8, 8, 1)[19:],
        "gif 15 MB of junk": gif(8, 8, 1)[:19] + b"\1" * 15_000_000 + gif(8, 8, 1)[19:],
        "jpeg 3 million segments": image[:2] + b"\xff\xe1\0\3a" * 3_000_000 + image[2:],
        "png 1 million chunks": png(64, 64, extra=png_chunk(b"tEXt", b"a\0b") * 1_000_000),
    }
    free = b"\0\0\0\x08free"
    videos = {
        "mp4 6 million boxes": film[:start] + free * 6_000_000 + film[start:],
        "mp4 3 million names": film
        + struct.pack(">I4s", 8 + 36_000_000, b"udta")
        + b"\0\0\0\x0c\xa9nam\0\0\0\0" * 3_000_000,
        "avi 5 million chunks": avi[:12] + b"JUNK\0\0\0\0" * 5_000_000 + avi[12:],
    }
    return pictures, videos


def _small_avi() -> bytes:
    return video(64, 64, 10, kind="avi", codec="mpeg4")


def patched(data: bytes, kind: bytes, offset: int, value: bytes) -> bytes:
    """A box of an mp4 with some of its bytes replaced; `offset` counts from after its name."""
    at = data.index(kind) + 4 + offset
    return data[:at] + value + data[at + len(value) :]


def changing_size() -> bytes:
    """One MPEG transport-like stream in which the frames change their size."""
    return video(64, 64, 4, kind="h264") + video(128, 96, 4, kind="h264")


def image_bombs() -> dict[str, bytes]:
    profile = b"x\0\0" + zlib.compress(bytes(300_000_000), 9)
    text = b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    bombs = {f"png {w}x{h}": png(w, h) for w, h in PNG_SIZES}
    bombs |= {f"png 16 bit {s}": png(s, s, depth=16, color=6) for s in (4001, 8000, 13_000)}
    bombs |= {f"png flat {side}": flat_png(side) for side in (4500, 8000, 12_000)}
    bombs |= {f"bmp {s}": bmp(s, s) for s in (4500, 30_000, 2**30)}
    bombs |= {f"tiff {s}": tiff(s, s) for s in (4500, 30_000, 2**31)}
    bombs |= {f"webp {s}": webp(s, s) for s in (4500, 16_000, 2**24)}
    bombs |= {f"gif {s}": gif(s, s, 3) for s in (4500, 30_000, 65_535)}
    bombs |= {f"png grey {s}": png(s, s, depth=16, color=0) for s in (4001, 60_000)}
    bombs["png nested profile"] = png(64, 64, extra=png_chunk(b"iCCP", profile))
    bombs["png text"] = png(64, 64, extra=png_chunk(b"zTXt", text) * 8)
    bombs["jpeg 2000 passes"] = jpeg_of_passes(4000, 2000)
    bombs["jpeg sides"] = _jpeg_of(65_500, 65_500)
    bombs["jpeg wide"] = _jpeg_of(65_500, 300)
    return bombs


PNG_SIZES = [(30_000, 30_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (100_000, 1000), (1, 2**30)]


def _jpeg_of(width: int, height: int) -> bytes:
    data = bytearray(saved(Image.new("RGB", (16, 16)), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def video_bombs() -> dict[str, bytes]:
    good = video(64, 64, 40)
    bombs = {
        "mp4 of M13": film_of_m13(),
        "mkv of a frame of 16k": video(16_384, 8192, 1, kind="matroska"),
        "mkv that grows to 12,000": growing(12_000, 12_000),
        "avi that grows to 8000": growing(8000, 8000, kind="avi"),
        "mkv that changes its size": growing(128, 96),
        "mp4 wide": video(2048, 64, 4),
        "mp4 high": video(64, 2048, 4),
        "mp4 400 frames": video(64, 64, 400),
        "mp4 31 s": video(64, 64, 70, fps=2),
        "mkv 2000 frames": video(640, 480, 2000, kind="matroska"),
        "mkv 4k": video(3840, 2160, 4, kind="matroska"),
        "webm 31 s": video(64, 64, 70, kind="matroska", fps=2),
        "avi 400 frames": video(64, 64, 400, kind="avi", codec="mpeg4"),
        "mp4 1000 fps": video(64, 64, 40, fps=1000),
        "mp4 10,000 fps": video(64, 64, 40, fps=10_000),
        "gif 100,000 frames": gif(1, 1, 100_000),
        "gif 100,000 frames on 1920": gif(1920, 1920, 100_000),
        "gif 65,535 px": gif(65_535, 65_535, 4),
        "changing size": changing_size(),
        "mp4 301 frames": video(64, 64, 301),
        "mkv 301 frames": video(64, 64, 301, kind="matroska"),
        "mkv 10,000 fps": video(64, 64, 40, kind="matroska", fps=10_000),
        "mkv 1921 px": video(1922, 64, 4, kind="matroska"),
        "avi wide": video(2048, 64, 4, kind="avi", codec="mpeg4"),
        "avi 31 s": video(64, 64, 70, kind="avi", codec="mpeg4", fps=2),
        "gif 301 frames": gif(8, 8, 301),
        "no duration, no samples": patched(good, b"stts", 4, bytes(12)),
        "samples of 4 GB": patched(good, b"stsz", 4, b"\xff\xff\xff\xff"),
        "a billion samples": patched(good, b"stsz", 8, b"\x3f\xff\xff\xff"),
    }
    for side in (4096, 16_384, 65_535):
        bombs[f"mp4 box says {side}"] = patched(
            patched(good, b"avc1", 24, struct.pack(">HH", side, side)), b"avcC", 0, bytes(8)
        )
    return bombs


def odd_videos() -> dict[str, bytes]:
    """Videos with impossible figures in their boxes, which a decoder may or may not look at."""
    good = video(64, 64, 40)
    odd = {
        "zero timescale": patched(good, b"mdhd", 12, bytes(4)),
        "durations of 136 years": patched(good, b"stts", 12, b"\x7f\xff\xff\xff"),
    }
    for kind in (b"moov", b"trak", b"mdia", b"stbl"):
        at = good.index(kind) - 4
        odd[f"{kind.decode()} of 4 GB"] = good[:at] + b"\xff\xff\xff\xf0" + good[at + 4 :]
    return odd


# --- malformed files (T9) ---


@cache
def good_files() -> dict[str, bytes]:
    rng = np.random.default_rng(SEED)
    image = Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8))
    kinds = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
    return {**{kind: saved(image, kind) for kind in kinds}, "MP4": video(64, 64, 20)}


def malformed() -> list[tuple[str, bytes, bool]]:
    """(name, data, as a video?) of 185 files; hostile names come with the test."""
    places = random.Random(SEED)
    goods = list(good_files().items())
    cases: list[tuple[str, bytes, bool]] = []
    for number in range(50):
        kind, data = goods[number % len(goods)]
        cut = data[: places.randrange(1, len(data) // 2)]
        cases.append((f"cut {kind} {number}", cut, kind == "MP4"))
    for number in range(50):
        kind, data = goods[number % len(goods)]
        flipped = bytearray(data)
        for _ in range(40):
            flipped[places.randrange(min(len(flipped), 400))] ^= 1 << places.randrange(8)
        cases.append((f"flipped {kind} {number}", bytes(flipped), kind == "MP4"))
    strangers = [b"PK\3\4", b"%PDF-1.7", b"MZ", b"\x7fELF", b"<html>", b"<svg/>", b"#!/bin/sh\n"]
    strangers += [
        b"ID3\4",
        b"OggS",
        b"fLaC",
        b"RIFF\0\0\0\0WAVE",
        b"\x1f\x8b",
        b"7z\xbc\xaf",
        b"{}",
    ]
    strangers += [b"#EXTM3U\n/etc/passwd\n"]
    cases += [
        (f"stranger {n}", head + places.randbytes(500), n % 2 == 0)
        for n, head in enumerate(strangers)
    ]
    wrong = [("MP4 as a picture", good_files()["MP4"] + bytes([n]), False) for n in range(15)]
    cases += wrong
    cases += [
        (f"tiny {n}", places.randbytes(n) if n % 2 else bytes(n), n % 3 == 0) for n in range(20)
    ]
    cases += [(f"mode {n}", data, False) for n, data in enumerate(_exotic(places))]
    cases += [(f"metadata {n}", data, False) for n, data in enumerate(_bad_metadata(places))]
    return cases


def _exotic(places: random.Random) -> list[bytes]:
    """Pictures in 20 rare color modes; some can be read, all must end well."""
    modes = [
        ("1", "PNG"),
        ("L", "TIFF"),
        ("LA", "PNG"),
        ("P", "GIF"),
        ("PA", "TIFF"),
        ("I", "TIFF"),
    ]
    modes += [("F", "TIFF"), ("I;16", "PNG"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("LAB", "TIFF")]
    modes += [("YCbCr", "JPEG"), ("RGBA", "WEBP"), ("RGBA", "TIFF"), ("1", "BMP"), ("1", "TIFF")]
    files = [saved(Image.new(mode, (9, 7)), kind) for mode, kind in modes]
    files += [png(8, 8, depth=3), png(8, 8, color=5), png(8, 8, depth=16, color=3), png(0, 8)]
    return files


def _bad_metadata(places: random.Random) -> list[bytes]:
    """15 files with broken EXIF, profiles and chunks."""
    image = Image.new("RGB", (8, 8))
    noise = [b"Exif\0\0" + places.randbytes(n) for n in (0, 1, 7, 60, 600)]
    jpegs = [saved(image, "JPEG", exif=data) for data in noise]
    pngs = [
        png(8, 8, extra=png_chunk(kind, places.randbytes(30)))
        for kind in (b"iCCP", b"eXIf", b"pHYs", b"tRNS", b"PLTE", b"gAMA", b"acTL")
    ]
    loops = [b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 34665, 4, 1, 8) + bytes(4)]
    return [*jpegs, *pngs, *loops, tiff(0, 0), tiff(8, 2**31)]
