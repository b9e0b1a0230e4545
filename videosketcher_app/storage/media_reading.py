"""Pictures and videos read under limits, which are checked before anything is decoded.

Legend: T frames, H/W pixels, 3 for RGB; all uint8.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from videosketcher_app.core.access import LIMITS, Limits, Role
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage.bounded import read_bytes, too_large
from videosketcher_app.storage.media_blocks import check_parts
from videosketcher_app.storage.video_library import video_library

if TYPE_CHECKING:
    from av.video.stream import VideoStream

Pixels = NDArray[np.uint8]

_IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
VIDEO_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif"
_MAX_VIDEO_BYTES_DECODED = 2 * 1024**3
_MAX_FPS = 240.0
# Every pass of a JPEG goes over the whole picture; progressive ones have about ten.
_MAX_PASSES = 50
_PASS, _JPEG = b"\xff\xda", b"\xff\xd8"


@dataclass(frozen=True, eq=False)
class VideoClip:
    """A decoded video.

    Attributes:
        frames_THW3: uint8 RGB.
        fps: frames per second as the file says.
    """

    frames_THW3: Pixels
    fps: float


def read_image(
    source: Path | bytes,
    *,
    limits: Limits = LIMITS[Role.OWNER],
    keep_alpha: bool = False,
    max_side_px: int | None = None,
) -> Pixels:
    """Reads a picture as (H, W, 3): turned upright, laid on white paper, metadata dropped.

    Args:
        keep_alpha: a picture with transparency is read as (H, W, 4) instead of laid on paper.
        max_side_px: a larger picture is made smaller; a photo then takes little memory on the way.

    Raises:
        InvalidFile: not a picture, damaged, or over the limits, which are checked before decoding.
    """
    data = read_bytes(source, limits.image_bytes, "picture")
    check_parts(data)
    try:
        with Image.open(BytesIO(data), formats=_IMAGE_FORMATS) as image:
            width, height = image.size
            if width * height > limits.image_pixels:
                raise too_large(f"The picture has {width}x{height} pixels", limits.image_pixels)
            if data.startswith(_JPEG) or "jpeg" in str(image.info.get("compression")):
                _check_passes(data)
            if max_side_px is not None:
                image.draft("RGB", (max_side_px, max_side_px))  # of a JPEG, a smaller decoding
            return _pixels_of(image, keep_alpha=keep_alpha, max_side_px=max_side_px)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large("The picture has far too many pixels", limits.image_pixels) from error
    except (
        OSError,
        ValueError,
        SyntaxError,  # Pillow's word for a broken PNG
        LookupError,
        TypeError,
        OverflowError,
        EOFError,
        struct.error,
        zlib.error,
    ) as error:
        raise InvalidFile(
            "This file is not a picture that can be read, or it is damaged.",
            hint="Use PNG, JPEG, WebP, BMP, GIF or TIFF.",
        ) from error


def read_video(source: Path | bytes, *, limits: Limits = LIMITS[Role.OWNER]) -> VideoClip:
    """Reads all frames of a video's first picture track.

    Sizes are checked from the header before decoding and again while frames arrive; playlists and
    anything that names other files or hosts are refused.

    Raises:
        InvalidFile: not a video, damaged, or over the limits.
    """
    frames_THW3: Pixels | None = None
    num_read = 0
    with open_video(source, limits=limits) as video:
        for frame_HW3 in video.frames_HW3:
            if frames_THW3 is None:
                frames_THW3 = np.empty((video.max_frames, *frame_HW3.shape), np.uint8)
            frames_THW3[num_read] = frame_HW3
            num_read += 1
        fps = video.fps
    if frames_THW3 is None:
        raise InvalidFile("This video has no frames.", hint="Use another file.")
    return VideoClip(frames_THW3=frames_THW3[:num_read], fps=fps)


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenVideo:
    """A video whose header and packets are within the limits; frames are decoded when asked for.

    Attributes:
        max_frames: the number of its packets; a damaged video has fewer frames.
        width, height: of every frame, in pixels.
        frames_HW3: the frames (H, W, 3).
    """

    max_frames: int
    width: int
    height: int
    fps: float
    frames_HW3: Iterator[Pixels]


@contextmanager
def open_video(
    source: Path | bytes,
    *,
    limits: Limits = LIMITS[Role.OWNER],
    max_side_px: int | None = None,
) -> Iterator[OpenVideo]:
    """Lends a video's frames one by one; nothing is decoded before all limits have been checked.

    Args:
        max_side_px: larger frames are made smaller, so that more of them fit.

    Raises:
        InvalidFile: not a video, damaged, or over the limits; also while frames are taken.
        MissingVideoLibrary: PyAV is not installed.
    """
    av = video_library()
    data = read_bytes(source, limits.video_bytes, "video")
    check_parts(data)
    try:
        with _container(data, limits) as container:
            stream = _picture_track(container)
            size = _lent_size(stream, max_side_px)
            fps = _check_video_header(stream, size, container.duration, limits)
            max_frames = min(
                limits.video_frames, _MAX_VIDEO_BYTES_DECODED // (3 * size[0] * size[1])
            )
            num_packets = _count_packets(container, stream, max_frames, limits.video_seconds)
        with _container(data, limits) as container:
            stream = _picture_track(container)
            stream.codec_context.options = _decoder_options(limits)
            yield OpenVideo(
                max_frames=num_packets,
                width=size[0],
                height=size[1],
                fps=fps,
                frames_HW3=_decoded(container, stream, num_packets, size),
            )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InvalidFile(
            "This file is not a video that can be read, or it is damaged.",
            hint="Use H.264 in mp4, or WebM.",
        ) from error


def _container(data: bytes, limits: Limits) -> Any:
    """The file's container; opening it looks at some frames already, under the same limit."""
    options = {"format_whitelist": VIDEO_FORMATS, **_decoder_options(limits)}
    return video_library().open(BytesIO(data), "r", options=options)


def _decoder_options(limits: Limits) -> dict[str, str]:
    """A decoder makes no room for a frame that is larger than any that is let through."""
    return {"max_pixels": str(limits.video_side_px**2)}


def _picture_track(container: Any) -> VideoStream:
    if not container.streams.video:
        raise InvalidFile("This file has no picture track.", hint="Use an mp4 or WebM.")
    stream: VideoStream = container.streams.video[0]
    if stream.codec_context is None:
        raise InvalidFile("This video's encoding is unknown.", hint="Use H.264 in mp4, or WebM.")
    return stream


def _count_packets(container: Any, stream: VideoStream, max_frames: int, max_seconds: float) -> int:
    """The number of frames, without decoding any."""
    count = 0
    for packet in container.demux(stream):
        if not packet.size:
            continue
        count += 1
        if count > max_frames:
            raise too_large("The video has more frames than are possible", max_frames)
        if stream.codec_context.name == "mjpeg":
            _check_passes(bytes(packet))
        seconds = 0 if packet.pts is None else packet.pts * packet.time_base
        if seconds > max_seconds:
            raise too_large(f"The video lasts {float(seconds):.0f} s", max_seconds)
    return count


def _check_passes(data: bytes) -> None:
    """Refuses a JPEG that would be drawn over and over; no coded pixels contain the mark."""
    if data.count(_PASS) > _MAX_PASSES:
        raise too_large(f"The picture is stored in {data.count(_PASS)} passes", _MAX_PASSES)


def _pixels_of(image: Image.Image, *, keep_alpha: bool, max_side_px: int | None) -> Pixels:
    ImageOps.exif_transpose(image, in_place=True)
    upright = image
    if upright.mode.startswith("I;16") or upright.mode == "I":
        deep = np.asarray(upright)
        upright = Image.fromarray((deep.clip(0, 65535) >> 8).astype(np.uint8))
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        inked = _shrunk(upright if upright.mode == "RGBA" else upright.convert("RGBA"), max_side_px)
        if keep_alpha:
            return np.asarray(inked).copy()
        upright = Image.new("RGB", inked.size, "white")
        upright.paste(inked, mask=inked.getchannel("A"))
    return np.asarray(_shrunk(upright.convert("RGB"), max_side_px)).copy()


def _shrunk(image: Image.Image, max_side_px: int | None) -> Image.Image:
    """The same with no side longer; Pillow mixes transparent pixels without their hidden color."""
    if max_side_px is not None:
        image.thumbnail((max_side_px, max_side_px), Image.Resampling.BOX)
    return image


def _lent_size(stream: VideoStream, max_side_px: int | None) -> tuple[int, int]:
    """Width and height of the frames that are given out; both even where they are made smaller."""
    width, height = stream.width, stream.height
    scale = 1.0 if max_side_px is None else max_side_px / max(width, height, 1)
    if scale >= 1:
        return width, height
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def _check_video_header(
    stream: VideoStream, size: tuple[int, int], duration_us: int | None, limits: Limits
) -> float:
    """Frames a second, if size, number of frames, length and rate are possible."""
    width, height = stream.width, stream.height
    if not (0 < width <= limits.video_side_px and 0 < height <= limits.video_side_px):
        raise too_large(f"The video's sides are {width}x{height} pixels", limits.video_side_px)
    if stream.frames > limits.video_frames:
        raise too_large(f"The video has {stream.frames} frames", limits.video_frames)
    if stream.frames * size[0] * size[1] * 3 > _MAX_VIDEO_BYTES_DECODED:
        raise too_large(
            f"The video has {stream.frames} frames of {size[0]}x{size[1]} pixels",
            _MAX_VIDEO_BYTES_DECODED // (3 * size[0] * size[1]),
        )
    seconds = 0.0 if duration_us is None else duration_us / video_library().time_base
    if seconds > limits.video_seconds:
        raise too_large(f"The video lasts {seconds:.0f} s", limits.video_seconds)
    fps = float(stream.average_rate or stream.guessed_rate or 0)
    if not 0 < fps <= _MAX_FPS:
        raise too_large(f"The video has {fps:g} frames a second", _MAX_FPS)
    return fps


def _decoded(
    container: Any, stream: VideoStream, max_frames: int, lent: tuple[int, int]
) -> Iterator[Pixels]:
    size = (stream.width, stream.height)
    stream.thread_type = "AUTO"
    for count, frame in enumerate(container.decode(stream), start=1):
        if count > max_frames:
            raise too_large("The video has more frames than its packets say", max_frames)
        if (frame.width, frame.height) != size:
            raise InvalidFile(
                "The video's frames change their size.", hint="Convert it to one size first."
            )
        if lent != size:
            frame = frame.reformat(width=lent[0], height=lent[1], interpolation="AREA")
        yield frame.to_ndarray(format="rgb24")
