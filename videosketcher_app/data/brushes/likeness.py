"""Likeness: the library brush that a mark looks most like, in the mark's color and width.

A found mark is a picture; to paint new strokes in its hand, an engine brush is needed. The same
figures that were measured of the mark are known of every medium painted at about that width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from videosketcher_app.data.brushes.library import LibraryBrush
from videosketcher_app.data.brushes.mark import Mark
from videosketcher_app.data.brushes.measure import Figures
from videosketcher_app.data.brushes.model import MAX_WIDTH_PX, Brush
from videosketcher_app.data.brushes.wave_figures import figures_of, media_of, step_of

# How far apart two figures of the same medium may be: its spread over photos of the tests.
_SPREAD = {"fill": 0.06, "softness": 0.2, "unevenness": 0.05, "trend": 0.06, "direction": 0.2}
_SLENDER = 50  # a line this many times longer than wide was drawn with a fine tip
_FINE_PX = 4.0
_SOLID_KINDS = ("gouache", "fineliner")


def brush_like(
    mark: Mark, brushes: Mapping[str, LibraryBrush], *, width_px: float | None = None
) -> Brush:
    """The brush of the library nearest to a mark, with the mark's color.

    Args:
        width_px: on the canvas 240 px high; None keeps the library brush's own width.
    """
    media = media_of(brushes)
    if mark.swatch:
        media = {name: b for name, b in media.items() if b.kind in _SOLID_KINDS} or media
    else:
        slender = mark.figures.length_px > _SLENDER * mark.figures.width_px
        media = {n: b for n, b in media.items() if (b.width_px < _FINE_PX) == slender} or media
    nearest = _nearest(mark.figures, list(media.values()))
    width = nearest.width_px if width_px is None else width_px
    nib = nearest.nib
    if nib.shape == "chisel" and mark.figures.direction > _SPREAD["direction"]:
        nib = replace(nib, angle=mark.figures.nib_angle)
    return replace(nearest, color=mark.color, width_px=float(np.clip(width, 0.5, MAX_WIDTH_PX)),
                   nib=nib)  # fmt: skip


def _nearest(figures: Figures, brushes: list[Brush]) -> Brush:
    step = step_of(figures.width_px)
    waves = {brush: figures_of(brush, step) for brush in brushes}
    apart = {b: _distance(figures, wave) for b, wave in waves.items() if wave is not None}
    return min(apart, key=apart.__getitem__) if apart else brushes[0]


def _distance(one: Figures, other: Figures) -> float:
    return sum(
        ((getattr(one, name) - getattr(other, name)) / spread) ** 2
        for name, spread in _SPREAD.items()
    )
