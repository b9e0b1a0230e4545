"""Brush drawings as the detector reads them: thinned to the line that a pen would have drawn.

The detector knows thin black lines. A painted clip is therefore reduced to the middle of its strokes,
each point with the time at which it was inked. Details smaller than the brush merge, as they do for
people; a true render read in the same way says how much that costs (`evaluation.brush`).

Legend: T frames, H/W pixels of the clip.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import skeletonize

from videosketcher_app.data.ink import ink_map
from videosketcher_app.data.renderer import NEVER
from videosketcher_app.evaluation.brush_ink import without_small_holes
from videosketcher_app.evaluation.clip import ClipReading, on_grid, read_clip

_GRAIN_PX = 1.2
_LINE_DENSITY = 0.35
_PEN = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)  # about 2.2 px wide
_SHORTEST_PX = 5  # shorter pieces of the middle line are specks of grain or spray


def read_brush_clip(frames_THW3: NDArray[np.uint8]) -> ClipReading:
    """Measures a clip (T, H, W, 3) uint8 of brush strokes on white paper, without a box."""
    found = ink_map(frames_THW3)
    ink_HW, times_HW = on_grid(*thinned(found.darkness_HW, found.times_HW))
    return replace(read_clip(frames_THW3), ink_HW=ink_HW, times_HW=times_HW)


def thinned(
    darkness_HW: NDArray[np.float32], times_HW: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coverage and time of ink of a pen that follows the middle of every stroke."""
    inked = darkness_HW > 0
    if not inked.any():
        return darkness_HW, times_HW
    full = float(np.percentile(darkness_HW[inked], 80))
    density = ndimage.gaussian_filter(np.clip(darkness_HW / full, 0, 1), _GRAIN_PX)
    mask_HW = without_small_holes(density > _LINE_DENSITY)
    line_HW = _without_specks(skeletonize(mask_HW))
    times = np.where(line_HW, times_HW[_nearest(inked)], NEVER)
    pen_HW = cv2.dilate(line_HW.astype(np.uint8), _PEN).astype(np.float32)
    spread = times[_nearest(line_HW)] if line_HW.any() else times
    return pen_HW, np.where(pen_HW > 0, spread, NEVER).astype(np.float32)


def _without_specks(line_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    _, label_HW, stats, _ = cv2.connectedComponentsWithStats(
        line_HW.astype(np.uint8), connectivity=8
    )
    long = stats[:, cv2.CC_STAT_AREA] >= _SHORTEST_PX
    long[0] = False
    kept = long[np.asarray(label_HW, np.int64)]
    return kept if kept.any() else line_HW


def _nearest(mask_HW: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ...]:
    """Row and column of the nearest pixel of the mask, for every pixel: grain leaves gaps."""
    indices = ndimage.distance_transform_edt(~mask_HW, return_distances=False, return_indices=True)
    return tuple(np.asarray(indices, np.int64))
