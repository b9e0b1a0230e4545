"""Filled areas as a pen fills them: rows from edge to edge, joined into zigzags.

Legend: H/W pixels, N points.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from videosketcher_app.data.strokes import FloatArray

OVERLAP = 0.85  # rows lie this share of the pen's width apart, so that no paper shows between
MAX_ROWS = 400


def hatching(area_HW: NDArray[np.bool_], width_px: float) -> list[FloatArray]:
    """Polylines (N, 2) of a pen of this width that cover every region of an area.

    Regions narrower than the pen get the line through their middle.
    """
    paths: list[FloatArray] = []
    labels_HW, count = ndimage.label(area_HW)  # type: ignore[misc]
    for index, box in enumerate(ndimage.find_objects(labels_HW), start=1):
        if index > count or box is None:
            continue
        inside_HW = labels_HW[box] == index
        shift = np.array([box[1].start, box[0].start], np.float32)
        paths += [path + shift for path in _rows(inside_HW, width_px)]
    return paths


def _rows(inside_HW: NDArray[np.bool_], width_px: float) -> list[FloatArray]:
    """Zigzags over one region; a row that no longer touches the last one begins a new path."""
    inset = max(0, round(width_px / 2 - 0.5))
    core_HW = _shrunk(inside_HW, inset)
    height = len(core_HW)
    step = max(width_px * OVERLAP, height / MAX_ROWS)
    rows = np.unique(
        np.round(np.arange(step / 2 - 0.5, height, step)).astype(int).clip(0, height - 1)
    )
    open_paths: list[list[tuple[float, float]]] = []
    done: list[list[tuple[float, float]]] = []
    for number, row in enumerate(rows):
        spans = _spans(core_HW[row])
        continued = []
        for a, b in spans:
            ends = [(float(a), float(row)), (float(b), float(row))]
            before = next((p for p in open_paths if _touches(p, a, b)), None)
            if before is None:
                before = []
            else:
                open_paths.remove(before)
            before += ends if number % 2 == 0 else ends[::-1]
            continued.append(before)
        done += open_paths
        open_paths = continued
    return [np.array(path, np.float32) for path in done + open_paths]


def _shrunk(inside_HW: NDArray[np.bool_], inset: int) -> NDArray[np.bool_]:
    """The region without its rim, where that leaves any of it."""
    if inset == 0:
        return inside_HW
    kernel = np.ones((2 * inset + 1, 2 * inset + 1), np.uint8)
    padded = np.pad(inside_HW, inset).astype(np.uint8)
    core = cv2.erode(padded, kernel)[inset:-inset, inset:-inset].astype(bool)
    return core if core.any() else inside_HW


def _spans(row_W: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row_W.astype(np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def _touches(path: list[tuple[float, float]], a: int, b: int) -> bool:
    """True if the last row of a path lies over the span."""
    (x1, _), (x2, _) = path[-2:]
    return min(x1, x2) <= b and max(x1, x2) >= a
