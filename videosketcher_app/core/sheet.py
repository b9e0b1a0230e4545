"""The plan on a sheet of paper: a box for every part, from its words, and words from a box."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from videosketcher_app.core.geometry import PLACES
from videosketcher_app.core.plan import PlanPart
from videosketcher_app.core.wording import (
    RELATIONS,
    SHAPES,
    SIZES,
    UNKNOWN_SHAPE,
    USUAL_SIZE,
    Layout,
    read_part,
)

SHEET_ASPECT = 432 / 240  # width by height of the sheet
MARGIN = 0.02  # of the sheet that boxes leave free
SPREAD = (0.05, 0.24)  # step, and at most this share of the sheet, between parts at one spot
_LEFT = re.compile(r"\bleft\b", re.IGNORECASE | re.ASCII)
_RIGHT = re.compile(r"\bright\b", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle on the sheet: left, top, width and height as shares of the sheet's sides."""

    x: float
    y: float
    width: float
    height: float


def boxes_of(parts: Sequence[PlanPart]) -> list[Box]:
    """Where every part of a plan stands on the sheet, as far as words can tell."""
    names = [part.name for part in parts]
    layouts = [
        read_part(part.description, part.name, _others(names, i)) for i, part in enumerate(parts)
    ]
    spots = [_spot(i, names, layouts, ()) for i in range(len(parts))]
    keys = [(s.place or "", s.relation or "", (s.other or "").lower()) for s in layouts]
    boxes: list[Box] = []
    for i, (layout, (x, y, half)) in enumerate(zip(layouts, spots, strict=True)):
        same = [k for k, key in enumerate(keys) if key == keys[i]]
        step = min(SPREAD[0], SPREAD[1] / len(same)) * (same.index(i) - (len(same) - 1) / 2)
        boxes.append(_box(x + step, y + step / 2, half, _halves(layout.shape, layout.plural)))
    return boxes


def size_of(box: Box, shape: str | None, *, plural: bool = False) -> str:
    """The size word of a box that somebody drew for a shape, or for several side by side."""
    wide, high = _halves(shape, plural)
    half = ((box.width * SHEET_ASPECT / wide) * (box.height / high)) ** 0.5 / 2
    return next((word for word, (_, limit) in SIZES.items() if half <= limit), "large")


def sheet_table() -> dict[str, Any]:
    """The sheet's figures as plain JSON, for the page's script."""
    return {"aspect": SHEET_ASPECT, "margin": MARGIN, "spread": list(SPREAD)}


def _others(names: Sequence[str], index: int) -> list[str]:
    return [name for i, name in enumerate(names) if i != index]


def _spot(
    index: int, names: Sequence[str], layouts: Sequence[Layout], above: tuple[int, ...]
) -> tuple[float, float, float]:
    """Center x, y in shares of the sheet, and half height of part `index`.

    Args:
        above: parts whose spots wait for this one; a relation back to them is not followed.
    """
    layout = layouts[index]
    half = SIZES[layout.size or USUAL_SIZE][0]
    other = _index_of(layout.other, names, index)
    if layout.relation and other is not None and other not in above:
        there = _spot(other, names, layouts, (*above, index))
        return _related(layout, half, there, layouts[other].shape, names[index])
    column, row = PLACES[layout.place or "center"]
    return (column + 0.5) / 3, (row + 0.5) / 3, half


def _index_of(name: str | None, names: Sequence[str], own: int) -> int | None:
    return next((i for i, other in enumerate(names) if other == name and i != own), None)


def _related(
    layout: Layout, half: float, there: tuple[float, float, float], shape: str | None, name: str
) -> tuple[float, float, float]:
    x, y, other_half = there
    dx, dy, fit = RELATIONS[layout.relation or "inside"]
    side = bool(_RIGHT.search(name)) - bool(_LEFT.search(name))
    wide, high = _halves(shape)
    if fit == "inside":
        half = min(half, 0.5 * other_half)
    if fit == "around":
        half = max(half, 1.6 * other_half)
    across = abs(dx) * side if dx and side else dx or 0.5 * side * wide
    gap = other_half if fit == "inside" or not dx else half + other_half
    rise = other_half * high if fit == "inside" else half + other_half * high
    return x + across * gap / SHEET_ASPECT, y + dy * rise, half


def _halves(shape: str | None, plural: bool = False) -> tuple[float, float]:
    """Half width and half height in units of the size; several shapes stand side by side."""
    wide, high = SHAPES.get(shape or "", UNKNOWN_SHAPE)
    return (2 * wide if plural else wide), high


def _box(x: float, y: float, half: float, halves: tuple[float, float]) -> Box:
    """The box around a center, moved into the sheet."""
    wide, high = halves
    width = min(2 * half * wide / SHEET_ASPECT, 1 - 2 * MARGIN)
    height = min(2 * half * high, 1 - 2 * MARGIN)
    left = min(max(x - width / 2, MARGIN), 1 - MARGIN - width)
    top = min(max(y - height / 2, MARGIN), 1 - MARGIN - height)
    return Box(x=left, y=top, width=width, height=height)
