"""Clips as training data: a stretch of frames, at another rate, at another size.

All work on frames one by one, so a long film needs the memory of one frame.

Legend: H/W pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile

Pixels = NDArray[np.uint8]

MAX_ASPECT_ERROR = 0.1  # of the sides' ratio; more would cut away what the caption names


def stretch(frames_HW3: Iterable[Pixels], start: int, end: int) -> Iterator[Pixels]:
    """Frames `start` to `end`, the end not included.

    Raises:
        InvalidFile: the clip ends before that; what came until then was given out.
    """
    count = start
    for frame in islice(frames_HW3, start, end):
        count += 1
        yield frame
    if count < end:
        raise InvalidFile(
            f"The clip ends before frame {end}.", hint="Correct frame_idx, or leave the clip out."
        )


def resampled(
    frames_HW3: Iterable[Pixels], *, fps_in: float, fps_out: float, num_frames: int
) -> Iterator[Pixels]:
    """The first frames of a clip at another rate: each is the one on screen at that moment.

    Raises:
        InvalidFile: the clip is too short for `num_frames`.
    """
    given = 0
    for index, frame in enumerate(frames_HW3):
        # A rounding error must not show the frame before.
        until = math.ceil((index + 1) / fps_in * fps_out - 1e-6)
        for _ in range(min(until, num_frames) - given):
            given += 1
            yield frame
        if given == num_frames:
            return
    raise InvalidFile(
        f"The clip is too short: {given} of {num_frames} frames at {fps_out:g} a second.",
        hint="Leave it out, or ask for fewer frames.",
    )


def cover(frame_HW3: Pixels, width: int, height: int) -> Pixels:
    """A frame scaled until it covers the size, and cut at its middle.

    Raises:
        InvalidFile: its sides' ratio differs by more than a tenth.
    """
    rows, columns = frame_HW3.shape[:2]
    error = (columns / rows) / (width / height)
    if not 1 / (1 + MAX_ASPECT_ERROR) <= error <= 1 + MAX_ASPECT_ERROR:
        raise InvalidFile(
            f"The clip has {columns}x{rows} pixels, another shape than {width}x{height}.",
            hint="Leave it out, or convert to a size of its shape.",
        )
    scale = max(width / columns, height / rows)
    size = (max(width, round(columns * scale)), max(height, round(rows * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(frame_HW3, size, interpolation=how)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.asarray(scaled[top : top + height, left : left + width], np.uint8)
