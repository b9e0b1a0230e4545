"""Media files as clips for training: any size, rate and length brought to a canvas and a count.

A clip is sampled over its whole length, so that the whole drawing is seen. A picture of nearly the
canvas's shape covers it; any other is shown whole, on paper of the color of its own edge. A still
picture is a clip in which nothing moves.

Legend: T frames, H/W pixels.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.clips import MAX_ASPECT_ERROR, cover
from videosketcher_app.data.filling import CanvasLike
from videosketcher_app.storage.media import open_video, read_image

Pixels = NDArray[np.uint8]

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MEDIA_SUFFIXES = VIDEO_SUFFIXES + IMAGE_SUFFIXES


def read_clip(path: Path, canvas: CanvasLike, num_frames: int) -> Pixels:
    """Frames (T, H, W, 3) of a media file, T = `num_frames`, at the canvas's size.

    Raises:
        InvalidFile: it is no picture or video, damaged, or over the limits.
    """
    if path.suffix.lower() in IMAGE_SUFFIXES:
        frame_HW3 = on_canvas(read_image(path), canvas)
        return np.repeat(frame_HW3[None], num_frames, axis=0)
    with open_video(path) as video:
        wanted_T = np.linspace(0, video.max_frames - 1, num_frames).round().astype(int)
        frames_THW3 = np.empty((num_frames, canvas.height, canvas.width, 3), np.uint8)
        given = 0
        for index, frame_HW3 in enumerate(video.frames_HW3):
            count = int((wanted_T == index).sum())
            if count:
                frames_THW3[given : given + count] = on_canvas(frame_HW3, canvas)
                given += count
    if given < num_frames:
        raise InvalidFile(
            f"The video {path.name} ends before its last frame.",
            hint="Encode it again, or leave it out.",
        )
    return frames_THW3


def on_canvas(frame_HW3: Pixels, canvas: CanvasLike) -> Pixels:
    """A frame at the canvas's size; nothing is stretched."""
    rows, columns = frame_HW3.shape[:2]
    if (rows, columns) == (canvas.height, canvas.width):
        return frame_HW3
    error = (columns / rows) / (canvas.width / canvas.height)
    if 1 / (1 + MAX_ASPECT_ERROR) <= error <= 1 + MAX_ASPECT_ERROR:
        return cover(frame_HW3, canvas.width, canvas.height)
    scale = min(canvas.width / columns, canvas.height / rows)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(frame_HW3, size, interpolation=how)
    placed = np.empty((canvas.height, canvas.width, 3), np.uint8)
    placed[:] = _paper(frame_HW3)
    top, left = (canvas.height - size[1]) // 2, (canvas.width - size[0]) // 2
    placed[top : top + size[1], left : left + size[0]] = scaled
    return placed


def _paper(frame_HW3: Pixels) -> Pixels:
    """The median color of a frame's edge."""
    sides = (frame_HW3[0], frame_HW3[-1], frame_HW3[:, 0], frame_HW3[:, -1])
    return np.median(np.concatenate(sides), axis=0).astype(np.uint8)
