"""What a finished brush drawing shows of its brush: color, width, and how well the box stayed.

The brush itself is measured in the same way, on drawings that the engine paints with it: ink that is
see-through or runs denser has no one color of its own, and no line is as wide as its nib all along.

Legend: T frames, H/W pixels, h/w pixels of the box; pictures are uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.morphology import skeletonize

from videosketcher_app.data.brushes.condition import ConditionFrame, box_size
from videosketcher_app.data.brushes.measure import core_color
from videosketcher_app.data.brushes.model import REFERENCE_HEIGHT_PX, Brush
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.data.brushes.paper import lab_distance_from_white
from videosketcher_app.data.grammar.compose import compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.engines.brush_frames import GAINED_LEVEL

LEAST_INK = 9.0  # CIELAB distance from white; a decoder's noise stays below
REFERENCE_CONCEPTS = ("house", "fish", "flower", "cup")
_REFERENCE_SEED = 23
_GRAIN_PX = 1.2
_LINE_DENSITY = 0.35
_HOLE_PX = 14
Color = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class PaintFigures:
    """What was measured of painted strokes.

    Attributes:
        color: median RGB in [0, 1] of their cores.
        width_px: of the line, on the canvas 240 px high.
    """

    color: Color
    width_px: float


def paint_figures(picture_HW3: NDArray[np.uint8]) -> PaintFigures | None:
    """The figures of a picture of strokes on white paper, without a box; None if it is blank."""
    color_HW3 = picture_HW3.astype(np.float32) / 255
    ink_HW = lab_distance_from_white(color_HW3)
    ink_HW[ink_HW < LEAST_INK] = 0
    if not (ink_HW > 0).any():
        return None
    full = float(np.percentile(ink_HW[ink_HW > 0], 80))
    width = line_width(np.clip(ink_HW / full, 0, 1))
    scale = REFERENCE_HEIGHT_PX / picture_HW3.shape[0]
    return PaintFigures(color=core_color(color_HW3, ink_HW), width_px=width * scale)


def brush_figures(brush: Brush) -> PaintFigures:
    """The figures of a brush: medians over reference drawings that the engine paints with it."""
    found = [paint_figures(picture(sketch, brush, seed=k)) for k, sketch in enumerate(references())]
    known = [figures for figures in found if figures is not None]
    assert known, "every brush leaves ink"
    red, green, blue = np.median([figures.color for figures in known], axis=0)
    return PaintFigures(
        color=(float(red), float(green), float(blue)),
        width_px=float(np.median([figures.width_px for figures in known])),
    )


@cache
def references() -> tuple[Sketch, ...]:
    """Drawings of a few concepts, always the same."""
    return tuple(
        compose(programs()[name], np.random.default_rng(_REFERENCE_SEED), drop=False).sketch
        for name in REFERENCE_CONCEPTS
    )


def line_width(density_HW: NDArray) -> float:
    """Width in pixels of lines from their density of ink (about 1 in the core).

    Grain and bristles are smoothed over, and crossings are few: the median line counts.
    """
    smooth = ndimage.gaussian_filter(density_HW, _GRAIN_PX)
    mask = without_small_holes(smooth > _LINE_DENSITY)
    if not mask.any():
        return 1.0
    deep = np.asarray(ndimage.distance_transform_edt(np.pad(mask, 1)))[1:-1, 1:-1]
    widths = 2 * deep[skeletonize(mask)] - 1
    return float(np.median(widths)) if len(widths) else 1.0


def without_small_holes(mask_HW: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with gaps of grain filled; loops of a drawing stay open."""
    count, label_HW, stats, _ = cv2.connectedComponentsWithStats(
        (~mask_HW).astype(np.uint8), connectivity=4
    )
    small = stats[:, cv2.CC_STAT_AREA] <= _HOLE_PX
    small[0] = False
    return mask_HW | small[np.asarray(label_HW, np.int64)] if count > 1 else mask_HW


def color_difference(one: Color, other: Color) -> float:
    """CIEDE2000 between two sRGB colors in [0, 1]."""
    lab = [rgb2lab(np.array(color, np.float64).reshape(1, 1, 3)) for color in (one, other)]
    return float(deltaE_ciede2000(*lab)[0, 0])


def box_error(frames_THW3: NDArray[np.uint8], condition: ConditionFrame) -> float:
    """Mean absolute difference (grey levels) of raw frames from the box, where nothing is drawn."""
    height, width = frames_THW3.shape[1:3]
    right, bottom = box_size((width, height))
    corner = frames_THW3[:, :bottom, :right].astype(np.int16)
    box_hw3 = condition.pixels_HW3[:bottom, :right].astype(np.int16)
    gained = (corner[0] - corner[-1]).max(axis=2) > GAINED_LEVEL
    calm = ~np.asarray(ndimage.binary_dilation(gained, iterations=2), bool)
    if not calm.any():
        return 0.0
    return float(np.abs(corner[:, calm] - box_hw3[calm]).mean())
