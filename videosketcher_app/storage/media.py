"""Pictures and videos written atomically, equal frames giving equal bytes; `media_reading` reads them.

Legend: T frames, H/W pixels, 3 for RGB; all uint8.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, InvalidFile, InvalidRequest
from videosketcher_app.storage import atomic
from videosketcher_app.storage.media_reading import (
    VIDEO_FORMATS,
    OpenVideo,
    Pixels,
    VideoClip,
    open_video,
    read_image,
    read_video,
)
from videosketcher_app.storage.metadata import KEYWORD
from videosketcher_app.storage.video_library import video_library

if TYPE_CHECKING:
    from av.video.stream import VideoStream

__all__ = [
    "ENCODER",
    "EncoderFailed",
    "OpenVideo",
    "Pixels",
    "VideoClip",
    "copy_video",
    "open_video",
    "read_image",
    "read_video",
    "write_gif",
    "write_png",
    "write_video",
]

# Short clips gain nothing by more.
_ENCODER_THREADS = 1
ENCODER = "libx264"
# Trouble with the disk is told by `atomic` in its own words.
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS)
_CRF = 16  # a drawing's thin lines stay sharp; 81 frames of 432x240 take about 100 kB
_BT709 = 1


class EncoderFailed(AppError):
    """The video encoder is missing or gave up; the frames themselves are fine."""

    code = "ENCODER_FAILED"


def write_video(
    path: Path, frames_HW3: Iterable[Pixels], *, fps: int, comment: str | None = None
) -> None:
    """Writes H.264 yuv420p mp4 that starts playing while it loads; no dates inside.

    Frames are taken one by one, so an iterator need not hold them all.

    Args:
        comment: text for the container's metadata.

    Raises:
        InvalidRequest: there are no frames, or their sides are odd.
        CannotWrite: the folder cannot be written or the disk is full.
        EncoderFailed: the encoder is missing or failed.
        MissingVideoLibrary: PyAV is not installed.
    """
    av = video_library()
    with atomic.replacing(path) as temporary:
        try:
            _encode(temporary, frames_HW3, fps, comment)
        except av.error.FFmpegError as error:
            if error.errno in _DISK_ERRORS:
                raise OSError(error.errno, error.strerror) from error
            raise EncoderFailed(
                f"The video {path.name} could not be encoded: {error.strerror}.",
                hint="Run `doctor` to see what is missing, then save the drawing again.",
            ) from error


def _encode(path: Path, frames_HW3: Iterable[Pixels], fps: int, comment: str | None) -> None:
    av = video_library()
    reformatter = av.video.reformatter
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", format="mp4", options=options) as container:
        if comment is not None:
            container.metadata["comment"] = comment
        stream: VideoStream | None = None
        for frame_HW3 in frames_HW3:
            stream = stream or _video_stream(container, frame_HW3, fps)
            faults.point("media.encoding")
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_HW3), format="rgb24")
            picture = picture.reformat(
                format="yuv420p",
                dst_colorspace=reformatter.Colorspace.ITU709,
                dst_color_range=reformatter.ColorRange.MPEG,
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
        # Its macroblock tree reads memory that nothing has written: of 5,563 equal clips of 432x240
        # 96 came out as other bytes; without it none of 3,051, and files grow by 4 to 10 %.
        "mbtree": "0",
        "g": str(fps),  # a key frame a second, so that a slider can jump
    }
    av = video_library()
    faults.point("media.encoder")
    try:
        stream = container.add_stream(ENCODER, rate=fps, options=options)
    except av.codec.codec.UnknownCodecError as error:
        raise EncoderFailed(
            f"The video could not be encoded: PyAV lacks the encoder {ENCODER}.",
            hint="Run `doctor`, install av again, then save the drawing again.",
        ) from error
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = av.video.reformatter.ColorRange.MPEG
    return stream


def copy_video(source: Path, path: Path, *, comment: str | None = None) -> None:
    """Copies a video's picture track as it is, into a container with this comment and no other.

    Raises:
        InvalidFile: the source is no video.
        CannotWrite: the folder cannot be written or the disk is full.
        MissingVideoLibrary: PyAV is not installed.
    """
    av = video_library()
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with atomic.replacing(path) as temporary:
        try:
            with (
                av.open(str(source), "r", options={"format_whitelist": VIDEO_FORMATS}) as taken,
                av.open(str(temporary), "w", format="mp4", options=options) as given,
            ):
                if comment is not None:
                    given.metadata["comment"] = comment
                track = taken.streams.video[0]
                copied = given.add_stream_from_template(track)
                for packet in taken.demux(track):
                    if packet.dts is not None:
                        packet.stream = copied
                        given.mux(packet)
        except (av.error.FFmpegError, IndexError) as error:
            raise InvalidFile(
                f"The video {source.name} is damaged.", hint="Draw it again."
            ) from error


def write_png(path: Path, image: Pixels, *, comment: str | None = None) -> None:
    """Writes a picture, (H, W, 3), (H, W, 4) or (H, W); its only metadata is the comment.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    info = PngInfo()
    if comment is not None:
        info.add_itxt(KEYWORD, comment)
    picture = Image.fromarray(np.ascontiguousarray(image))
    with atomic.replacing(path) as temporary:
        picture.save(temporary, format="PNG", compress_level=6, pnginfo=info)


def write_gif(
    path: Path,
    frames_HW3: Iterable[Pixels],
    *,
    fps: float,
    finished_HW3: Pixels,
    colors: int = 64,
    hold_s: float = 2.0,
    comment: str | None = None,
) -> None:
    """Writes an endless GIF with one palette for all frames; the last one stays for `hold_s`.

    Args:
        finished_HW3: the finished drawing, which has all colors; the palette is made for it.

    Raises:
        InvalidRequest: there are no frames.
        CannotWrite: the folder cannot be written or the disk is full.
    """
    finished = Image.fromarray(np.ascontiguousarray(finished_HW3))
    palette = finished.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    pictures = [
        Image.fromarray(np.ascontiguousarray(frame)).quantize(
            palette=palette, dither=Image.Dither.NONE
        )
        for frame in frames_HW3
    ]
    if not pictures:
        raise InvalidRequest("A GIF needs at least one frame.", hint="Draw something first.")
    ends_ms = [round(100 * (i + 1) / fps) * 10 for i in range(len(pictures))]
    durations_ms = [end - start for start, end in zip([0, *ends_ms], ends_ms, strict=False)]
    durations_ms[-1] += round(hold_s * 100) * 10
    marked = {} if comment is None else {"comment": f"{KEYWORD}:{comment}".encode()}
    with atomic.replacing(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=durations_ms,
            loop=0,
            optimize=False,
            **marked,
        )
