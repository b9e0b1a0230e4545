"""A slanting carrot with a feathery top."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, polyline, spline, transform
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "carrot", title="a carrot", category="plants", titles=("a garden carrot", "a fresh carrot")
)
def draw(rng: np.random.Generator) -> list[Part]:
    width = rng.uniform(0.28, 0.34)
    turn = rng.uniform(0.6, 0.9)
    bow = rng.uniform(-0.05, 0.05)
    spread = rng.uniform(0.62, 0.74)
    reach = rng.uniform(0.66, 0.8)
    body = spline(
        (0, -0.42), (-width * 0.7, -0.45), (-width, -0.26), (-width * 0.74, 0.3), (bow - 0.06, 1.05), (bow, 1.2),
        (bow + 0.06, 1.05), (width * 0.74, 0.3), (width, -0.26), (width * 0.7, -0.45), (0, -0.42),
    )  # fmt: skip
    marks = [
        _mark(side, y, width, length)
        for side, y, length in ((-1, -0.12, 0.2), (1, 0.1, 0.22), (-1, 0.34, 0.16), (1, 0.58, 0.13))
    ]

    def turned(*curves: Curve) -> list[Curve]:
        return [transform(curve, turn=turn) for curve in curves]

    side_leaves = turned(_frond(-spread, reach * 0.9), _frond(spread, reach * 0.9))
    return [
        part("body", "a long tapered body", "long cone pointing to the bottom left", turned(body)),
        part(
            "marks", "short marks", "short lines at both edges of the body", turned(*marks), "body"
        ),
        part(
            "middle leaf",
            "a feathery middle leaf",
            "bumpy leaf at the top right",
            turned(_frond(0.0, reach)),
            "body",
        ),
        part(
            "side leaves",
            "two feathery side leaves",
            "bumpy leaves beside the middle leaf",
            side_leaves,
            "body",
        ),
    ]


def _mark(side: int, y: float, width: float, length: float) -> Curve:
    edge = np.interp(y, [-0.26, 0.3, 1.05], [width, width * 0.76, 0.06])
    return polyline((side * edge, y), (side * (edge - length), y + 0.03))


def _frond(lean: float, reach: float, lobes: int = 4) -> Curve:
    """A stalk that widens into a leaf with round lobes, from the top of the body out to its tip and back."""
    t = np.linspace(0, 1, lobes * 10 + 1)
    belly = np.sin(math.pi * np.clip(t * 1.15 - 0.15, 0, 1)) ** 0.7
    side = 0.02 + belly * (0.09 + 0.06 * np.abs(np.sin((lobes + 0.5) * math.pi * t)))
    side[-1] = 0.0
    along = -0.42 - reach * t
    outline = np.vstack([np.stack([-side, along], 1), np.stack([side, along], 1)[::-1]])
    foot = np.array([0.0, -0.42])
    return transform(outline - foot, turn=lean) + foot + np.array([0.26 * lean, 0.0])
