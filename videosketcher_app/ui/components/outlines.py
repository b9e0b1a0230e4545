"""Outlines of the shapes that a plan may name, drawn by the sketch grammar itself."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.wording import SHAPES
from videosketcher_app.data.grammar.pseudo import draw_any

SIDE = 100  # outlines fill a square of this side
MAX_POINTS = 48  # of one curve
_SEED = 3


@cache
def outline_paths() -> dict[str, str]:
    """SVG path of every shape, stretched over a square of SIDE; the same every time."""
    return {shape: _path(shape) for shape in SHAPES}


def _path(shape: str) -> str:
    curves = draw_any(shape, (0.0, 0.0), 1.0, np.random.default_rng(_SEED))
    points = np.vstack(curves)
    low, high = points.min(0), points.max(0)
    # A line of no height keeps its middle.
    extent = np.where(high - low > 0.05, high - low, 2.0)
    middle = (low + high) / 2
    return " ".join(_curve((curve - middle) / extent * SIDE + SIDE / 2) for curve in curves)


def _curve(points_N2: NDArray[np.float64]) -> str:
    keep = np.unique(np.linspace(0, len(points_N2) - 1, MAX_POINTS).round().astype(int))
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points_N2[keep])
