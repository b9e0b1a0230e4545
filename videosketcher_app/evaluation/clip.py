"""What is measured on a clip itself: time of ink on the detector's grid, permanence, whiteness.

Legend: T frames, H/W pixels of the clip; the grid is 120 x 216.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.ink import InkFigures, ink_figures, ink_map_and_composite
from videosketcher_app.evaluation.renders import (
    CANVAS_HEIGHT,
    CANVAS_WIDTH,
    GRID_HEIGHT,
    GRID_WIDTH,
)
from videosketcher_app.evaluation.workers import Workers

SHOWN_FRAMES = 11  # 0, 8, ..., 80 of a clip of 81 frames


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipReading:
    """A clip reduced to what the evaluation needs.

    Attributes:
        ink_HW: coverage of the finished picture on the grid, in [0, 1].
        times_HW: frame at which each pixel of the grid was inked, NEVER on paper.
        raw: figures of the clip as it is.
        composited: figures after the clean-up that makes ink permanent.
        shown: evenly spaced frames on the grid (SHOWN_FRAMES, H, W) uint8 gray.
    """

    ink_HW: NDArray[np.float32]
    times_HW: NDArray[np.float32]
    raw: InkFigures
    composited: InkFigures
    shown: NDArray[np.uint8]


def read_clip(frames_THW3: NDArray[np.uint8]) -> ClipReading:
    """Measures a clip (T, H, W, 3) uint8 of any size."""
    found, clean_THW3 = ink_map_and_composite(frames_THW3)
    ink_HW, times_HW = on_grid(found.darkness_HW, found.times_HW)
    at = np.round(np.linspace(0, len(frames_THW3) - 1, SHOWN_FRAMES)).astype(int)
    shown = [
        cv2.resize(
            cv2.cvtColor(frames_THW3[t], cv2.COLOR_RGB2GRAY),
            (GRID_WIDTH, GRID_HEIGHT),
            interpolation=cv2.INTER_AREA,
        )
        for t in at
    ]
    return ClipReading(
        ink_HW=ink_HW,
        times_HW=times_HW,
        raw=ink_figures(frames_THW3),
        composited=ink_figures(clean_THW3),
        shown=np.stack(shown).astype(np.uint8, copy=False),
    )


def on_grid(
    darkness_HW: NDArray[np.float32], times_HW: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coverage (mean) and time of ink (earliest) of a picture of any size on the grid."""
    if darkness_HW.shape != (CANVAS_HEIGHT, CANVAS_WIDTH):
        size = (CANVAS_WIDTH, CANVAS_HEIGHT)
        larger = darkness_HW.shape[0] > CANVAS_HEIGHT
        how = cv2.INTER_AREA if larger else cv2.INTER_LINEAR
        darkness_HW = np.asarray(cv2.resize(darkness_HW, size, interpolation=how), np.float32)
        times_HW = cv2.resize(times_HW, size, interpolation=cv2.INTER_NEAREST).astype(np.float32)
    blocks = (GRID_HEIGHT, 2, GRID_WIDTH, 2)
    ink = darkness_HW.reshape(blocks).mean((1, 3))
    return ink.astype(np.float32), times_HW.reshape(blocks).min((1, 3))


def read_clips(
    clips: Iterable[NDArray[np.uint8]], *, num_workers: int = 0
) -> Iterator[ClipReading]:
    """Measures clips in order, in other processes if asked; few clips are held at a time."""
    with Workers(num_workers) as workers:
        yield from workers.in_order(read_clip, ((clip,) for clip in clips))
