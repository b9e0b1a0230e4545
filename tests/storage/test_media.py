"""Equal frames give equal bytes; what strangers upload is read under limits or refused."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from videosketcher_app.core import faults
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.storage import media

GUEST = LIMITS[Role.GUEST]


def drawing(num_frames: int = 9, height: int = 48, width: int = 72) -> np.ndarray:
    """A red line that grows on white paper, (T, H, W, 3) uint8."""
    frames = np.full((num_frames, height, width, 3), 255, np.uint8)
    for index in range(num_frames):
        frames[index, 16:32, 4 : 8 + 4 * index] = (200, 30, 30)
    return frames


def png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its data does not have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def video_file(tmp_path: Path) -> Path:
    path = tmp_path / "drawing.mp4"
    media.write_video(path, drawing(), fps=16)
    return path


def test_equal_frames_give_equal_videos_without_dates(tmp_path: Path, video_file: Path) -> None:
    again = tmp_path / "again.mp4"
    media.write_video(again, drawing(), fps=16)
    assert again.read_bytes() == video_file.read_bytes()
    with av.open(str(video_file)) as container:
        stream = container.streams.video[0]
        assert not any("time" in key or "date" in key for key in container.metadata)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.frames, stream.average_rate) == (9, 16)


def test_what_memory_held_before_changes_no_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    frames = np.full((17, 240, 432, 3), 255, np.uint8)
    for index in range(1, 17):
        frames[index:, 20 + 12 * index, 30 : 60 + 20 * index] = rng.integers(0, 200, 3)
        frames[index:, 40:200, 22 * index] = 0

    def littered() -> Iterator[np.ndarray]:
        for frame in frames:
            litter = [rng.integers(0, 256, n, np.uint8) for n in rng.integers(50, 20_000, 6)]
            del litter[::2]
            yield frame

    seen = set()
    for _ in range(150):
        media.write_video(tmp_path / "clip.mp4", littered(), fps=16)
        seen.add((tmp_path / "clip.mp4").read_bytes())
    assert len(seen) == 1


def test_a_video_starts_while_it_loads(video_file: Path) -> None:
    data = video_file.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_a_video_comes_back_as_it_was_drawn(video_file: Path) -> None:
    clip = media.read_video(video_file)
    assert clip.frames_THW3.shape == (9, 48, 72, 3)
    assert clip.fps == 16
    error = np.abs(clip.frames_THW3.astype(int) - drawing())
    assert error.mean() < 0.5
    assert (clip.frames_THW3[:, 40:] == 255).all()
    assert np.abs(clip.frames_THW3[-1, 20:28, 10:30].astype(int) - (200, 30, 30)).max() <= 6


def test_a_failed_encoding_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="even sides"):
        media.write_video(tmp_path / "a.mp4", drawing(2, 47, 72), fps=16)
    with pytest.raises(InvalidRequest, match="at least one frame"):
        media.write_video(tmp_path / "a.mp4", [], fps=16)
    with pytest.raises(InvalidRequest, match="at least one frame"):
        media.write_gif(tmp_path / "a.gif", drawing(0), fps=16, finished_HW3=drawing()[-1])
    with faults.armed("atomic.written"), pytest.raises(Exception, match="fault point"):
        media.write_video(tmp_path / "a.mp4", drawing(2), fps=16)
    assert list(tmp_path.iterdir()) == []


def test_png_and_gif_are_deterministic_and_exact(tmp_path: Path) -> None:
    frames = drawing()
    for name in ("a", "b"):
        media.write_png(tmp_path / f"{name}.png", frames[-1])
        media.write_gif(tmp_path / f"{name}.gif", frames, fps=16, finished_HW3=frames[-1])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()
    assert np.array_equal(media.read_image(tmp_path / "a.png"), frames[-1])
    with Image.open(tmp_path / "a.gif") as gif:
        durations = []
        for index in range(gif.n_frames):
            gif.seek(index)
            durations.append(gif.info["duration"])
        assert sum(durations) == round(9 / 16 * 100) * 10 + 2000
        assert np.array_equal(np.asarray(gif.convert("RGB")), frames[-1])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F", "I"])
def test_every_color_mode_becomes_rgb_on_white(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (6, 4))
    kind = {"CMYK": "JPEG", "F": "TIFF", "I": "TIFF"}.get(mode, "PNG")
    read = media.read_image(saved(image, kind))
    assert read.shape == (4, 6, 3)
    assert read.dtype == np.uint8
    if mode in ("RGBA", "LA"):
        assert (read == 255).all()


def test_a_photo_is_turned_upright_and_its_place_forgotten() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.0)}
    data = saved(Image.new("RGB", (8, 4), "red"), "JPEG", exif=exif)
    assert media.read_image(data).shape == (8, 4, 3)


@pytest.mark.security
@pytest.mark.parametrize(
    "size", [(30_000, 30_000), (12_000, 12_000), (100_000, 1_000), (5000, 4000)]
)
def test_a_picture_over_the_limit_is_refused_from_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidFile, match="pixels"):
        media.read_image(png(*size), limits=GUEST)


@pytest.mark.security
def test_bytes_are_limited_before_reading(tmp_path: Path, video_file: Path) -> None:
    picture = tmp_path / "a.png"
    with picture.open("wb") as sparse:
        sparse.truncate(GUEST.image_bytes + 1)
    with pytest.raises(InvalidFile, match="at most 20,971,520"):
        media.read_image(picture, limits=GUEST)
    with pytest.raises(InvalidFile, match="bytes"):
        media.read_video(video_file, limits=replace(GUEST, video_bytes=100))


@pytest.mark.security
@pytest.mark.parametrize(
    ("limit", "word"),
    [
        ({"video_side_px": 64}, "sides"),
        ({"video_frames": 8}, "frames"),
        ({"video_seconds": 0.3}, "lasts"),
    ],
)
def test_a_video_over_a_limit_is_refused(
    video_file: Path, limit: dict[str, float], word: str
) -> None:
    with pytest.raises(InvalidFile, match=word):
        media.read_video(video_file, limits=replace(GUEST, **limit))


@pytest.mark.security
def test_frames_are_counted_while_decoding_where_the_header_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=16)
        stream.width, stream.height, stream.pix_fmt = 72, 48, "yuv420p"
        for frame in drawing():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    assert len(media.read_video(path, limits=GUEST).frames_THW3) == 9
    with pytest.raises(InvalidFile, match="more frames than"):
        media.read_video(path, limits=replace(GUEST, video_frames=4))


@pytest.mark.security
@pytest.mark.parametrize(
    "text",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD/>",
        b"v=0\nm=video 1 RTP/AVP 96\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"",
        b"\0" * 4096,
    ],
)
def test_playlists_and_other_files_are_no_media(text: bytes) -> None:
    with pytest.raises(InvalidFile):
        media.read_video(text, limits=GUEST)
    with pytest.raises(InvalidFile):
        media.read_image(text, limits=GUEST)


@pytest.mark.security
def test_damaged_media_end_in_one_sentence(video_file: Path) -> None:
    """Truncated and flipped pictures and videos are read or refused; nothing else happens."""
    image = Image.fromarray(drawing()[-1])
    places = random.Random(17)
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "mp4"):
        good = video_file.read_bytes() if kind == "mp4" else saved(image, kind)
        for number in range(16):
            data = bytearray(good)
            if number % 2:
                data = data[: places.randrange(len(data))]
            else:
                data[places.randrange(len(data))] ^= 1 << places.randrange(8)
            with contextlib.suppress(InvalidFile):
                if kind == "mp4":
                    media.read_video(bytes(data), limits=GUEST)
                else:
                    media.read_image(bytes(data), limits=GUEST)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read"):
        media.read_image(tmp_path / "none.png")
