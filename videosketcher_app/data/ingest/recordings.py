"""Recordings of drawing, from a screen or a camera, as sketches.

The longest shot is taken; the paper in it is found, laid flat and made white; what passes over it
is removed, ink is dated, and strokes are traced in the order of their ink (`data.recover`).

Legend: T frames, M moments, H/W pixels.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.data.ingest.film_ink import film_ink
from videosketcher_app.data.ingest.moments import Moments, moments_of
from videosketcher_app.data.ingest.paper import (
    DARK_PAPER,
    Paper,
    find_paper,
    paper_surface,
    whitened,
)
from videosketcher_app.data.recover import recover_strokes
from videosketcher_app.data.strokes import Sketch, Stroke

MIN_MOMENTS = 8
PLATE_MOMENTS = 24  # so many moments tell paper from drawing
DRAWN_LEVEL = 25  # a pixel that changes for good changes by this much
BROAD_SHARE = 40  # what is broader than a 40th of the picture's longer side is no line
MOST_BEFORE = 0.6  # share of the ink that may have been there from the beginning


def read_recording(frames_THW3: NDArray[np.uint8], fps: float) -> Sketch:
    """The sketch that a film (T, H, W, 3) shows being drawn; pauses are shortened.

    Raises:
        InvalidFile: nothing is drawn in it, or it begins with the finished drawing.
    """
    moments = moments_of(frames_THW3, fps)
    if len(moments.frames_M) < MIN_MOMENTS:
        raise InvalidFile(
            "Nothing is drawn in this recording: its picture stands still.",
            hint="Use a recording of the drawing being made, or bring the drawing as a picture.",
        )
    paper, plate_HW3 = _paper(frames_THW3, moments)
    surface_HW3 = paper_surface(paper.flat(plate_HW3))
    width, height = paper.canvas
    frames_MHW3 = np.empty((len(moments.frames_M), height, width, 3), np.uint8)
    for index, frame in enumerate(moments.frames_M):
        frames_MHW3[index] = whitened(paper.flat(frames_THW3[frame]), surface_HW3)
    found = film_ink(frames_MHW3)
    if found.there_before > MOST_BEFORE:
        raise InvalidFile(
            "This recording begins with the drawing finished, or nearly so.",
            hint="Cut it to where the paper is still empty, or bring the drawing as a picture.",
        )
    strokes = recover_strokes(found.ink)
    if not strokes:
        raise InvalidFile(
            "No ink that stays was found in this recording.",
            hint="Use one in which lines are drawn on one sheet, seen from a fixed place.",
        )
    timed = tuple(_in_seconds(stroke, moments) for stroke in strokes)
    last = max(stroke.end for stroke in timed)
    return Sketch(
        strokes=timed, width_px=width, height_px=height, num_frames=int(np.ceil(last)) + 2
    )


def _paper(frames_THW3: NDArray[np.uint8], moments: Moments) -> tuple[Paper, NDArray[np.uint8]]:
    """The paper, and the picture with as little drawn on it as the film shows (H, W, 3)."""
    at = np.linspace(0, len(moments.frames_M) - 1, min(PLATE_MOMENTS, len(moments.frames_M)))
    some_MHW3 = frames_THW3[moments.frames_M[at.astype(int)]]
    low, middle, high = (_ranked(some_MHW3, share) for share in (0.1, 0.5, 0.9))
    drawn_HW = _narrow((high.astype(np.int16) - low).max(axis=2) >= DRAWN_LEVEL)
    paper = find_paper(middle, drawn_HW)
    # On dark paper ink is light, so there the emptiest picture is the darkest.
    return paper, low if np.median(paper.flat(middle)) < DARK_PAPER else high


def _narrow(changed_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without whatever is too broad for a line: hands and arms, windows that open."""
    size = max(5, max(changed_HW.shape) // BROAD_SHARE)
    broad_HW = cv2.morphologyEx(
        changed_HW.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8)
    )
    near_HW = cv2.dilate(broad_HW, np.ones((size, size), np.uint8)).astype(bool)
    narrow_HW = changed_HW & ~near_HW
    return narrow_HW if narrow_HW.any() else changed_HW


def _ranked(frames_MHW3: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """The value that a share of the moments does not exceed, for every pixel and channel."""
    place = round(share * (len(frames_MHW3) - 1))
    return np.partition(frames_MHW3, place, axis=0)[place]


def _in_seconds(stroke: Stroke, moments: Moments) -> Stroke:
    """Times from moments to frames at the usual rate."""
    index_M = np.arange(len(moments.seconds_M))
    seconds_N = np.interp(stroke.times_N, index_M, moments.seconds_M)
    return replace(stroke, times_N=(1 + seconds_N * DEFAULT_FPS).astype(np.float32))
