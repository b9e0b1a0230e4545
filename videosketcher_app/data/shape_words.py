"""Which word of the plan language a few strokes look like, found by laying known shapes on them.

The templates are the very shapes that the drawing grammar teaches the models, each drawn several
times; what is compared is the set of points, whatever the number, order and direction of strokes.

Legend: N points; sizes are uniform, so that a circle and an oval stay apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.wording import SHAPES as WORDS
from videosketcher_app.core.wording import SIZES, UNKNOWN_SHAPE
from videosketcher_app.data.grammar.primitives import SHAPES
from videosketcher_app.data.grammar.pseudo import EXTRA_SHAPES
from videosketcher_app.data.strokes import FloatArray, resample

NUM_POINTS = 48
DRAWS_PER_SHAPE = 8
FAR = 0.16  # in sizes of the shape, on average; what misses every template by more has no word
OPEN_SHARE = 0.2  # a line whose ends are this far apart, as a share of its length, is open


@dataclass(frozen=True, kw_only=True)
class Box:
    """The box around points, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @staticmethod
    def around(lines: Sequence[FloatArray]) -> Box:
        """Of all points of some lines."""
        points_N2 = np.concatenate(lines)
        (left, top), (right, bottom) = points_N2.min(0), points_N2.max(0)
        return Box(left=float(left), top=float(top), right=float(right), bottom=float(bottom))

    @property
    def center(self) -> tuple[float, float]:
        """Its middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def half_width(self) -> float:
        """Half of its width."""
        return (self.right - self.left) / 2

    @property
    def half_height(self) -> float:
        """Half of its height."""
        return (self.bottom - self.top) / 2


def shape_of(lines: Sequence[FloatArray]) -> str | None:
    """The word for the lines together; None if no shape of the plan language fits."""
    word, miss = _nearest(_cloud(lines))
    return word if miss <= FAR else None


def outline_word(line_N2: FloatArray) -> str:
    """A word for one line that is no shape of its own: "curved line" if open, else "shape"."""
    return "shape" if is_closed(line_N2) else "curved line"


def is_closed(line_N2: FloatArray) -> bool:
    """True if a line ends near where it began."""
    length = float(np.hypot(*np.diff(line_N2, axis=0).T).sum())
    return float(np.hypot(*(line_N2[-1] - line_N2[0]))) <= OPEN_SHARE * length


def size_of(shape: str | None, box: Box, height_px: float) -> str:
    """The size word of a shape that fills a box on a sheet of this height."""
    half_width, half_height = WORDS.get(shape or "", UNKNOWN_SHAPE)
    size_px = max(box.half_width / half_width, box.half_height / half_height)
    limits = [(word, limit) for word, (_, limit) in SIZES.items()]
    share = size_px / height_px
    return next((word for word, limit in limits if share <= limit), limits[-1][0])


def _nearest(cloud_N2: NDArray) -> tuple[str, float]:
    """The word whose template lies nearest, and by how much it misses on average."""
    words, templates_KN2 = _templates()
    square_KNN = (templates_KN2**2).sum(-1)[:, :, None] + (cloud_N2**2).sum(-1)
    square_KNN -= 2 * templates_KN2 @ cloud_N2.T
    # From every point to the nearest one of the other set, both ways.
    to_cloud_KN, to_template_KN = (np.maximum(square_KNN.min(axis), 0) for axis in (2, 1))
    miss_K = (np.sqrt(to_cloud_KN).mean(1) + np.sqrt(to_template_KN).mean(1)) / 2
    best = int(miss_K.argmin())
    return words[best], float(miss_K[best])


@cache
def _templates() -> tuple[tuple[str, ...], NDArray]:
    words, clouds = [], []
    for shape, draw in (SHAPES | EXTRA_SHAPES).items():
        if shape not in WORDS:
            continue  # several shapes at once are told by their number
        rng = np.random.default_rng(len(words))
        for _ in range(DRAWS_PER_SHAPE):
            words.append(shape)
            clouds.append(_cloud(draw(rng)))
    return tuple(words), np.stack(clouds)


def _cloud(lines: Sequence[NDArray]) -> NDArray:
    """The lines as evenly spaced points (N, 2), their middle at 0 and their mean distance 1."""
    lengths = [max(1e-6, float(np.hypot(*np.diff(line, axis=0).T).sum())) for line in lines]
    spacing = sum(lengths) / NUM_POINTS
    points = np.concatenate(
        [_even(line, length, spacing) for line, length in zip(lines, lengths, strict=True)]
    )
    picked = points[np.linspace(0, len(points) - 1, NUM_POINTS).round().astype(int)]
    centered = picked - (picked.max(0) + picked.min(0)) / 2
    return centered / max(1e-6, float(np.hypot(*centered.T).mean()))


def _even(line_N2: NDArray, length: float, spacing: float) -> NDArray:
    if len(line_N2) == 1 or length <= spacing:
        return np.asarray(line_N2[:1], np.float32)
    return resample(np.asarray(line_N2, np.float32), spacing)
