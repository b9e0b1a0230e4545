"""The moments of a recording that count: one shot, without its idle stretches.

Legend: T frames of the recording, M moments (indices of frames), H/W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import FloatArray

MAX_MOMENTS = 360
SMALL_WIDTH_PX = 320  # changes are looked for in frames of this width
CHANGED_LEVEL = 9.0  # an encoder's noise, averaged over a small pixel, stays below this
CUT_LEVEL = 40.0
CUT_SHARE = 0.5  # of the picture that changes at once when the film is cut
MAX_REST_S = 0.25  # what is left of an idle stretch


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """What is kept of a recording.

    Attributes:
        frames_M: indices of its frames, rising.
        seconds_M: when each of them is shown, with idle stretches shortened.
    """

    frames_M: NDArray[np.int64]
    seconds_M: FloatArray


def moments_of(frames_THW3: NDArray[np.uint8], fps: float) -> Moments:
    """The frames of the longest shot in which something changed, at most MAX_MOMENTS of them."""
    kept, cuts = _changes(frames_THW3)
    shots = np.split(np.array(kept), np.flatnonzero(np.isin(kept, cuts)))
    frames = max(shots, key=len)
    if len(frames) > MAX_MOMENTS:
        frames = frames[np.linspace(0, len(frames) - 1, MAX_MOMENTS).astype(int)]
    rests = np.minimum(np.diff(frames) / fps, MAX_REST_S)
    seconds = np.concatenate([[0.0], np.cumsum(rests)]).astype(np.float32)
    return Moments(frames_M=frames.astype(np.int64), seconds_M=seconds)


def _changes(frames_THW3: NDArray[np.uint8]) -> tuple[list[int], list[int]]:
    """Frames that differ from the last one kept, and those of them that begin a new shot."""
    height, width = frames_THW3.shape[1:3]
    size = (min(width, SMALL_WIDTH_PX), max(1, round(height * min(1, SMALL_WIDTH_PX / width))))
    kept, cuts = [0], []
    last = _small(frames_THW3[0], size)
    for index in range(1, len(frames_THW3)):
        here = _small(frames_THW3[index], size)
        change_HW = np.abs(here - last).max(axis=2)
        if change_HW.max() < CHANGED_LEVEL:
            continue
        if (change_HW > CUT_LEVEL).mean() > CUT_SHARE:
            cuts.append(index)
        kept.append(index)
        last = here
    return kept, cuts


def _small(frame_HW3: NDArray[np.uint8], size: tuple[int, int]) -> FloatArray:
    return np.asarray(cv2.resize(frame_HW3, size, interpolation=cv2.INTER_AREA), np.float32)
