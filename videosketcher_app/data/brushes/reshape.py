"""Corrections of what was understood of a brush: another texture, or a tip that is rounder or flatter.

Color and width are plain numbers of a brush; these two decide how it paints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from videosketcher_app.data.brushes.library import LibraryBrush
from videosketcher_app.data.brushes.model import Brush, Nib

ROUND_BELOW = 0.15  # a line whose width depends less on its direction has a round tip
_MIN_THICKNESS = 0.05


def direction_of(brush: Brush) -> float:
    """Share by which a brush's width depends on the direction of travel, in [0, 1]."""
    return 1 - brush.nib.thickness if brush.nib.shape == "chisel" else 0.0


def of_kind(brush: Brush, kind: str, shelf: Mapping[str, LibraryBrush]) -> Brush:
    """The shelf's first brush of a kind, in the color and width of another; itself if it is one.

    Raises:
        KeyError: the shelf has no such kind.
    """
    if brush.kind == kind:
        return brush
    for entry in shelf.values():
        if entry.brush.kind == kind:
            return replace(entry.brush, color=brush.color, width_px=brush.width_px)
    raise KeyError(kind)


def with_direction(brush: Brush, direction: float) -> Brush:
    """The brush with a nib that keeps its angle, as flat as the share says, or with a round one."""
    nib = brush.nib
    is_chisel = nib.shape == "chisel"
    if direction < ROUND_BELOW:
        rounded = replace(nib, shape="round", thickness=1.0)
        return replace(brush, nib=rounded) if is_chisel else brush
    return replace(
        brush,
        nib=replace(
            nib,
            shape="chisel",
            thickness=max(_MIN_THICKNESS, 1 - direction),
            angle=nib.angle if is_chisel else Nib().angle,
        ),
    )
