"""The brush's color given back to a drawing: what a small model misses is known exactly.

How much each channel of light the ink takes away is scaled by one number for the whole drawing, so
that its cores are as strokes are that the engine paints with the brush. Paper stays white, lines stay
as soft, and light and dark within the ink stay as the model drew them.

Legend: T frames, H/W pixels; frames are uint8.
"""

from __future__ import annotations

from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.measure import core_color
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.data.brushes.paper import lab_distance_from_white
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.strokes import Sketch

REFERENCES = ("tree", "bicycle", "chair")
MOST_GAIN = 2.5
_REFERENCE_SEED = 31
_LEAST_INK = 9.0  # CIELAB distance from white; a decoder's noise stays below
_LEAST_TAKEN = 0.02  # of the light; less is the decoder's noise, and no color
Frames = NDArray[np.uint8]


def recolored(frames_THW3: Frames, brush: Brush, corner_px: tuple[int, int] = (0, 0)) -> Frames:
    """Clean frames with their ink in the brush's color.

    Args:
        corner_px: width and height of the brush box at the top left, which tells nothing.
    """
    last_HW3 = frames_THW3[-1].copy()
    last_HW3[: corner_px[1], : corner_px[0]] = 255
    drawn = _core(last_HW3)
    if drawn is None:
        return frames_THW3
    taken, wanted = (np.maximum(1 - color, _LEAST_TAKEN) for color in (drawn, core_of(brush)))
    gain_3 = np.minimum(wanted / taken, MOST_GAIN)  # more would show the decoder's noise
    levels_L3 = 255 - gain_3 * (255 - np.arange(256))[:, None]
    table = np.clip(np.round(levels_L3), 0, 255).astype(np.uint8)[None]
    rows = frames_THW3.reshape(-1, frames_THW3.shape[2], 3)
    return np.asarray(cv2.LUT(rows, table), np.uint8).reshape(frames_THW3.shape)


@lru_cache(maxsize=256)
def core_of(brush: Brush) -> NDArray:
    """RGB (3,) in [0, 1] of the cores of strokes that the engine paints with a brush.

    Ink that is see-through or runs denser has no one color of its own, so drawings are painted.
    """
    cores = [_core(picture(sketch, brush, seed=k)) for k, sketch in enumerate(_references())]
    return np.median([core for core in cores if core is not None], axis=0)


def denser_by(picture_HW3: Frames, brush: Brush) -> float:
    """How much more light dense ink takes than the brush's own, in the worst channel, in [-1, 1].

    See-through ink that lies double shows so. Blank paper takes none: 0.
    """
    drawn = _core(picture_HW3)
    return 0.0 if drawn is None else float((core_of(brush) - drawn).max())


@cache
def _references() -> tuple[Sketch, ...]:
    return tuple(
        compose(programs()[name], np.random.default_rng(_REFERENCE_SEED), drop=False).sketch
        for name in REFERENCES
    )


def _core(picture_HW3: Frames) -> NDArray | None:
    """Color of the densest ink of a picture on white paper; None if it is blank."""
    color_HW3 = picture_HW3.astype(np.float32) / 255
    ink_HW = lab_distance_from_white(color_HW3)
    ink_HW[ink_HW < _LEAST_INK] = 0
    return np.array(core_color(color_HW3, ink_HW)) if (ink_HW > 0).any() else None
