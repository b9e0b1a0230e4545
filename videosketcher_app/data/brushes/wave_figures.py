"""Figures of every medium's mark at every width, measured once and shipped as a table.

Measuring one means painting a wave, finding it as in a photo and measuring it, so a table spares a
person who brings a picture up to a dozen of these. `scripts/measure_brushes.py` writes it; a brush
that it does not know, or another brush of that name, is measured when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache, lru_cache
from typing import TypeAlias

import numpy as np

from videosketcher_app.data.brushes.library import BRUSHES, LibraryBrush
from videosketcher_app.data.brushes.measure import Figures
from videosketcher_app.data.brushes.model import MAX_WIDTH_PX, Brush
from videosketcher_app.data.brushes.record import brush_mapping

Table: TypeAlias = "dict[str, list[dict[str, float] | None]]"
TABLE_FILE = BRUSHES / "wave_figures.json"
FIGURE_DIGITS = 4
_STEP = 1.4  # media are painted at widths that grow by this factor
_HEIGHT_PX = 360
_CAMERA_BLUR_PX = 0.9
# From this step on the line is as wide as a brush can be.
LAST_STEP = math.ceil(math.log(MAX_WIDTH_PX * _HEIGHT_PX / 240) / math.log(_STEP))


def media_of(brushes: Mapping[str, LibraryBrush]) -> dict[str, Brush]:
    """One brush of each medium; colors do not matter here."""
    return {entry.medium: entry.brush for entry in brushes.values()}


def step_of(width_px: float) -> int:
    """The step whose waves are about as wide as a mark, in pixels of its cut-out."""
    return min(LAST_STEP, round(math.log(max(1.0, width_px)) / math.log(_STEP)))


def figures_of(brush: Brush, step: int) -> Figures | None:
    """Figures of a wave painted with the brush at one of the widths; None if none would be found."""
    shipped = _table().get(key_of(brush))
    if shipped is None:
        return measured(brush, step)
    figures = shipped[step]
    return None if figures is None else Figures(**figures)


def key_of(brush: Brush) -> str:
    """The brush's name in the table; another brush has another one."""
    text = json.dumps(brush_mapping(brush), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache(maxsize=256)
def measured(brush: Brush, step: int) -> Figures | None:
    """What `figures_of` says, measured now: paints the wave and finds it."""
    import cv2

    from videosketcher_app.data.brushes.mark import NoMark, find_mark
    from videosketcher_app.data.brushes.painting import picture
    from videosketcher_app.data.brushes.swatch import sketch_of_path, wave_points

    wide = min(MAX_WIDTH_PX, _STEP**step * 240 / _HEIGHT_PX)
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
    try:
        return find_mark(np.asarray(painted, np.uint8)).figures
    except NoMark:  # a highlighter as fine as a hair
        return None


def table_of(brushes: Mapping[str, LibraryBrush]) -> Table:
    """The table of a library: figures by brush and step."""
    return {
        key_of(brush): [plain(measured(brush, step)) for step in range(LAST_STEP + 1)]
        for brush in media_of(brushes).values()
    }


def plain(figures: Figures | None) -> dict[str, float] | None:
    """Figures as the table has them."""
    if figures is None:
        return None
    return {name: round(float(value), FIGURE_DIGITS) for name, value in asdict(figures).items()}


@cache
def _table() -> Table:
    return json.loads(TABLE_FILE.read_text(encoding="utf-8"))
