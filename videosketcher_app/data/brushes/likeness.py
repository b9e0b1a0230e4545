"""Likeness: the library brush that a mark looks most like, in the mark's color and width.

A found mark is a picture; to paint new strokes in its hand, an engine brush is needed. The same
figures that were measured of the mark are measured of every medium painted at about that width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np

from videosketcher_app.data.brushes.library import LibraryBrush
from videosketcher_app.data.brushes.mark import Mark, find_mark
from videosketcher_app.data.brushes.measure import Figures
from videosketcher_app.data.brushes.model import MAX_WIDTH_PX, Brush
from videosketcher_app.data.brushes.painting import picture
from videosketcher_app.data.brushes.swatch import sketch_of_path, wave_points

# How far apart two figures of the same medium may be: its spread over photos of the tests.
_SPREAD = {"fill": 0.06, "softness": 0.2, "unevenness": 0.05, "trend": 0.06, "direction": 0.2}
_WIDTH_STEP = 1.4  # media are painted at widths that grow by this factor
_SLENDER = 50  # a line this many times longer than wide was drawn with a fine tip
_FINE_PX = 4.0
_HEIGHT_PX = 360
_CAMERA_BLUR_PX = 0.9
_SOLID_KINDS = ("gouache", "fineliner")


def brush_like(
    mark: Mark, brushes: Mapping[str, LibraryBrush], *, width_px: float | None = None
) -> Brush:
    """The brush of the library nearest to a mark, with the mark's color.

    Args:
        width_px: on the canvas 240 px high; None keeps the library brush's own width.
    """
    media = {entry.medium: entry.brush for entry in brushes.values()}
    if mark.swatch:
        media = {name: b for name, b in media.items() if b.kind in _SOLID_KINDS} or media
    else:
        slender = mark.figures.length_px > _SLENDER * mark.figures.width_px
        media = {n: b for n, b in media.items() if (b.width_px < _FINE_PX) == slender} or media
    step = round(np.log(max(1.0, mark.figures.width_px)) / np.log(_WIDTH_STEP))
    nearest = min(media.values(), key=lambda b: _distance(mark.figures, _figures(b, int(step))))
    width = nearest.width_px if width_px is None else width_px
    nib = nearest.nib
    if nib.shape == "chisel" and mark.figures.direction > _SPREAD["direction"]:
        nib = replace(nib, angle=mark.figures.nib_angle)
    return replace(nearest, color=mark.color, width_px=float(np.clip(width, 0.5, MAX_WIDTH_PX)),
                   nib=nib)  # fmt: skip


def _distance(one: Figures, other: Figures) -> float:
    return sum(
        ((getattr(one, name) - getattr(other, name)) / spread) ** 2
        for name, spread in _SPREAD.items()
    )


@lru_cache(maxsize=256)
def _figures(brush: Brush, width_step: int) -> Figures:
    """Figures of a wave painted with the brush at one of the widths."""
    wide = min(MAX_WIDTH_PX, _WIDTH_STEP**width_step * 240 / _HEIGHT_PX)
    lengthwise = brush.width_px / wide  # grain and bristles keep their size against the line
    wave = wave_points(1.6 * _HEIGHT_PX, _HEIGHT_PX, 60.0, 0.24 * _HEIGHT_PX)
    sketch = sketch_of_path(wave, round(1.6 * _HEIGHT_PX), _HEIGHT_PX)
    sized = replace(
        brush,
        width_px=wide,
        grain=replace(brush.grain, size_px=brush.grain.size_px / lengthwise),
        hairs=replace(
            brush.hairs,
            length_px=brush.hairs.length_px / lengthwise,
            droplet_px=brush.hairs.droplet_px / lengthwise,
        ),
    )
    painted = cv2.GaussianBlur(picture(sketch, sized, seed=2), (0, 0), _CAMERA_BLUR_PX)
    return find_mark(np.asarray(painted, np.uint8)).figures
