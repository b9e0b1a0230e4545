"""Video: frames that a turn of the model draws over, block by block.

Legend: T frames, H/W canvas pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.core.sketch_request import DEFAULT_STRENGTH
from videosketcher_app.services.codraw.blocks import BEFORE_FRAMES, Clip


@dataclass(frozen=True, kw_only=True, eq=False)
class Video:
    """A clip of the canvas's size.

    Attributes:
        strength: how much of it is drawn anew, in (0, 1].
    """

    frames_THW3: NDArray[np.uint8]
    strength: float = DEFAULT_STRENGTH

    def __len__(self) -> int:
        return len(self.frames_THW3)

    def part(self, start: int, stop: int) -> tuple[Clip, Clip]:
        """Its frames of a block, and those before them; before and after the clip it holds still.

        Encoding a block needs no more than that, so a block drawn again begins with the same bits.
        """
        last = len(self.frames_THW3) - 1
        wanted = np.clip(np.arange(start - BEFORE_FRAMES, stop), 0, last)
        frames_THW3 = self.frames_THW3[wanted]
        return frames_THW3[BEFORE_FRAMES:], frames_THW3[:BEFORE_FRAMES]


def check_video(video: Video, width: int, height: int) -> None:
    """Refuses a clip that a session cannot draw over.

    Raises:
        InvalidRequest: names what does not fit.
    """
    shape = video.frames_THW3.shape
    if video.frames_THW3.dtype != np.uint8 or len(shape) != 4 or not shape[0] or shape[3] != 3:
        raise InvalidRequest(
            f"A video is frames (T, H, W, 3) of bytes. Received: {shape}", hint="Convert it to RGB."
        )
    if shape[1:3] != (height, width):
        raise InvalidRequest(
            f"The video is {shape[2]} x {shape[1]} px, the paper {width} x {height}.",
            hint="Scale it to the paper.",
        )
    if not 0 < video.strength <= 1:
        raise InvalidRequest(
            f"strength must be above 0 and at most 1. Received: {video.strength:g}", hint="Try 0.7."
        )


def require_video(path: Path) -> None:
    """Refuses a path at which there is no file, before anything is planned.

    Raises:
        InvalidFile: there is none.
    """
    if not path.is_file():
        raise InvalidFile(f"There is no video at {path}.", hint="Check the name.")


def read_video(
    path: Path, *, width: int, height: int, num_frames: int, strength: float | None = None
) -> Video:
    """A video or picture from a file, its whole length in so many frames, nothing stretched.

    Raises:
        InvalidFile: it is no picture or video, damaged, or over the limits.
    """
    from videosketcher_app.services.settled_model import read_clip

    return Video(
        frames_THW3=read_clip(path, (width, height), num_frames),
        strength=DEFAULT_STRENGTH if strength is None else strength,
    )
