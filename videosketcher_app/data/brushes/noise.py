"""Noise tiles: paper, bristles, droplets and clouds as wrapped pictures of even noise.

Every tile holds the numbers of [0, 1] equally often, so that "touch 70 % of the paper" is a
threshold at 0.3. Shapes are in tile cells; FEATURE_CELLS cells are one feature (a hill, a
droplet), so that a tile enlarged many times still looks smooth. The same tiles serve numpy and
torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TILE_CELLS = 512
FEATURE_CELLS = 8.0
_SEED = 20250


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Tiles (TILE_CELLS, TILE_CELLS) in [0, 1], as numpy arrays or tensors of one device.

    Attributes:
        tooth: the paper's hills.
        clouds: smooth light and dark.
        streaks: bristles; rows run across the stroke, columns along it.
        drops: droplets, with a little of their own size each.
    """

    tooth: Any
    clouds: Any
    streaks: Any
    drops: Any


@cache
def tiles() -> Tiles:
    """The tiles as numpy arrays; always the same."""
    rng = np.random.default_rng(_SEED)
    white = rng.normal(size=(4, TILE_CELLS, TILE_CELLS))
    fine, coarse = _blurred(white[0], 2.2), _blurred(white[0], 4.5)
    streaks = ndimage.gaussian_filter(white[2], (2.4, 16.0), mode="wrap")
    sizes = _blurred(white[1], 2.6) + 0.4 * _blurred(white[3], 1.6)
    return Tiles(
        tooth=_even(fine - 0.55 * coarse),
        clouds=_even(_blurred(white[1], 4.5)),
        streaks=_even(streaks),
        drops=_even(sizes),
    )


def sample(tile: Any, column: Any, row: Any) -> Any:
    """Values of a tile between its cells (bilinear, wrapped) at positions in features.

    Works on numpy arrays and on tensors: only arithmetic, floor division and indexing.
    """
    x, y = column * FEATURE_CELLS, row * FEATURE_CELLS
    x0, y0 = x // 1, y // 1
    fx, fy = x - x0, y - y0
    left, top = _cell(x0), _cell(y0)
    right, bottom = (left + 1) % TILE_CELLS, (top + 1) % TILE_CELLS
    upper = tile[top, left] * (1 - fx) + tile[top, right] * fx
    lower = tile[bottom, left] * (1 - fx) + tile[bottom, right] * fx
    return upper * (1 - fy) + lower * fy


def _cell(floored: Any) -> Any:
    """Whole numbers of a floored array, wrapped into the tile."""
    whole = floored.astype(np.int32) if isinstance(floored, np.ndarray) else floored.long()
    return whole % TILE_CELLS


def _blurred(noise: np.ndarray, cells: float) -> np.ndarray:
    smooth = ndimage.gaussian_filter(noise, cells, mode="wrap")
    return smooth / smooth.std()


def _even(noise: np.ndarray) -> NDArray:
    """The noise with its values spread evenly over [0, 1]."""
    ranks = np.empty(noise.size, np.float32)
    ranks[np.argsort(noise, axis=None, kind="stable")] = np.arange(noise.size)
    return (ranks / (noise.size - 1)).reshape(noise.shape)
