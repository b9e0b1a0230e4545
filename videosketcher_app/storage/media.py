"""Pictures and videos: read under limits, written atomically, equal frames giving equal bytes.

Legend: T frames, H/W pixels, 3 for RGB; all uint8.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageOps

from videosketcher_app.core.access import LIMITS, Limits, Role
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.storage import atomic

Pixels = NDArray[np.uint8]

_IMAGE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
_VIDEO_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif"
# x264 plans its work by the number of threads, so a fixed number keeps equal frames equal bytes.
_ENCODER_THREADS = 4
_CRF = 16  # a drawing's thin lines stay sharp; 81 frames of 432x240 take about 100 kB
_BT709 = 1
_MAX_VIDEO_BYTES_DECODED = 4 * 1024**3


@dataclass(frozen=True, eq=False)
class VideoClip:
    """A decoded video.

    Attributes:
        frames_THW3: uint8 RGB.
        fps: frames per second as the file says.
    """

    frames_THW3: Pixels
    fps: float


def write_video(path: Path, frames_HW3: Iterable[Pixels], *, fps: int) -> None:
    """Writes H.264 yuv420p mp4 that starts playing while it loads; no dates inside.

    Raises:
        InvalidRequest: there are no frames, or their sides are odd.
        CannotWrite: the folder cannot be written or the disk is full.
    """
    with (
        atomic.replacing(path) as temporary,
        av.open(
            str(temporary),
            "w",
            format="mp4",
            options={"movflags": "+faststart", "fflags": "+bitexact"},
        ) as container,
    ):
        stream: VideoStream | None = None
        for frame_HW3 in frames_HW3:
            stream = stream or _video_stream(container, frame_HW3, fps)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_HW3), format="rgb24")
            picture = picture.reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
            )
            container.mux(stream.encode(picture))
        if stream is None:
            raise InvalidRequest("A video needs at least one frame.", hint="Draw something first.")
        container.mux(stream.encode(None))


def _video_stream(container: Any, frame_HW3: Pixels, fps: int) -> VideoStream:
    height, width = frame_HW3.shape[:2]
    if height % 2 or width % 2:
        raise InvalidRequest(
            f"A video needs even sides. Received: {width}x{height}.",
            hint=f"Use {width + width % 2}x{height + height % 2}.",
        )
    options = {
        "crf": str(_CRF),
        "preset": "medium",
        "threads": str(_ENCODER_THREADS),
        "flags": "+bitexact",
        "g": str(fps),  # a key frame a second, so that a slider can jump
    }
    stream = container.add_stream("libx264", rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = ColorRange.MPEG
    return stream


def write_png(path: Path, image: Pixels) -> None:
    """Writes a picture, (H, W, 3), (H, W, 4) or (H, W), without any metadata.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    with atomic.replacing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image)).save(temporary, format="PNG", compress_level=6)


def write_gif(
    path: Path, frames_THW3: Pixels, *, fps: float, colors: int = 64, hold_s: float = 2.0
) -> None:
    """Writes an endless GIF with one palette for all frames; the last one stays for `hold_s`.

    Raises:
        InvalidRequest: there are no frames.
        CannotWrite: the folder cannot be written or the disk is full.
    """
    if not len(frames_THW3):
        raise InvalidRequest("A GIF needs at least one frame.", hint="Draw something first.")
    # A drawing's last frame has all its colors.
    last = Image.fromarray(frames_THW3[-1])
    palette = last.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames_THW3
    ]
    ends_ms = [round(100 * (i + 1) / fps) * 10 for i in range(len(pictures))]
    durations_ms = [end - start for start, end in zip([0, *ends_ms], ends_ms, strict=False)]
    durations_ms[-1] += round(hold_s * 100) * 10
    with atomic.replacing(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations_ms,
            loop=0,
            optimize=False,
        )


def read_image(source: Path | bytes, *, limits: Limits = LIMITS[Role.OWNER]) -> Pixels:
    """Reads a picture as (H, W, 3): turned upright, laid on white paper, metadata dropped.

    Raises:
        InvalidFile: not a picture, damaged, or over the limits, which are checked before decoding.
    """
    data = _bounded_bytes(source, limits.image_bytes, "picture")
    try:
        with Image.open(BytesIO(data), formats=_IMAGE_FORMATS) as image:
            width, height = image.size
            if width * height > limits.image_pixels:
                raise _too_large(f"The picture has {width}x{height} pixels", limits.image_pixels)
            return _on_paper(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large("The picture has far too many pixels", limits.image_pixels) from error
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
    data = _bounded_bytes(source, limits.video_bytes, "video")
    try:
        with av.open(BytesIO(data), "r", options={"format_whitelist": _VIDEO_FORMATS}) as container:
            if not container.streams.video:
                raise InvalidFile("This file has no picture track.", hint="Use an mp4 or WebM.")
            stream = container.streams.video[0]
            _check_video_header(stream, container.duration, limits)
            frames = list(_decoded(container, stream, limits))
            fps = float(stream.average_rate or stream.guessed_rate or 0)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InvalidFile(
            "This file is not a video that can be read, or it is damaged.",
            hint="Use H.264 in mp4, or WebM.",
        ) from error
    if not frames or not fps:
        raise InvalidFile("This video has no frames.", hint="Use another file.")
    return VideoClip(frames_THW3=np.stack(frames), fps=fps)


def _bounded_bytes(source: Path | bytes, max_bytes: int, what: str) -> bytes:
    try:
        size_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size_bytes > max_bytes:
            raise _too_large(f"The {what} has {size_bytes:,} bytes", max_bytes)
        return source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise InvalidFile(
            f"The {what} {source!s} cannot be read: {error.strerror}.",
            hint="Check the name and the permissions.",
        ) from error


def _too_large(sentence: str, limit: float) -> InvalidFile:
    return InvalidFile(f"{sentence}; at most {limit:,} are possible.", hint="Use a smaller one.")


def _on_paper(image: Image.Image) -> Pixels:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I;16") or upright.mode == "I":
        deep = np.asarray(upright).astype(np.int64)
        upright = Image.fromarray((deep.clip(0, 65535) >> 8).astype(np.uint8))
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        inked = upright.convert("RGBA")
        paper = Image.new("RGBA", inked.size, "white")
        upright = Image.alpha_composite(paper, inked)
    return np.asarray(upright.convert("RGB")).copy()


def _check_video_header(stream: VideoStream, duration_us: int | None, limits: Limits) -> None:
    if stream.codec_context is None:
        raise InvalidFile("This video's encoding is unknown.", hint="Use H.264 in mp4, or WebM.")
    width, height = stream.width, stream.height
    if not (0 < width <= limits.video_side_px and 0 < height <= limits.video_side_px):
        raise _too_large(f"The video's sides are {width}x{height} pixels", limits.video_side_px)
    if stream.frames > limits.video_frames:
        raise _too_large(f"The video has {stream.frames} frames", limits.video_frames)
    if duration_us is not None and duration_us / av.time_base > limits.video_seconds:
        raise _too_large(
            f"The video lasts {duration_us / av.time_base:.0f} s", limits.video_seconds
        )


def _decoded(container: Any, stream: VideoStream, limits: Limits) -> Iterator[Pixels]:
    size = (stream.width, stream.height)
    max_frames = min(limits.video_frames, _MAX_VIDEO_BYTES_DECODED // (3 * size[0] * size[1]))
    stream.thread_type = "AUTO"
    for count, frame in enumerate(container.decode(stream), start=1):
        if count > max_frames:
            raise _too_large("The video has more frames than its header says", max_frames)
        if (frame.width, frame.height) != size:
            raise InvalidFile(
                "The video's frames change their size.", hint="Convert it to one size first."
            )
        if frame.time is not None and frame.time > limits.video_seconds:
            raise _too_large(f"The video lasts {frame.time:.0f} s", limits.video_seconds)
        yield frame.to_ndarray(format="rgb24")
