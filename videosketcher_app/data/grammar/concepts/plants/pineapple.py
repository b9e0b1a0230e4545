"""A pineapple with a spiky crown."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf
from videosketcher_app.data.grammar.curves import Curve, polyline
from videosketcher_app.data.grammar.program import Part, concept, part

BODY_Y = 0.36


@concept("pineapple", title="a pineapple", category="plants", titles=("a ripe pineapple",))
def draw(rng: np.random.Generator) -> list[Part]:
    rx, ry = rng.uniform(0.50, 0.58), rng.uniform(0.62, 0.68)
    crown = rng.uniform(0.60, 0.70)
    spread = rng.uniform(0.92, 1.1)
    foot = BODY_Y - ry * 0.97
    t = np.linspace(0, 2 * np.pi, 61)
    power = 0.82
    body = np.stack(
        [
            rx * np.sign(np.sin(t)) * np.abs(np.sin(t)) ** power,
            BODY_Y - ry * np.sign(np.cos(t)) * np.abs(np.cos(t)) ** power,
        ],
        axis=1,
    )
    middle = leaf((0, foot), (0, foot - crown), 0.12, belly=0.7)
    left = _side_leaves(-1, foot, crown, spread)
    right = _side_leaves(1, foot, crown, spread)
    offsets = np.array([-0.62, 0.0, 0.62]) * rng.uniform(0.9, 1.05)
    return [
        part("body", "a barrel-shaped body", "large oval at the bottom", [body]),
        part(
            "slanted lines",
            "slanted lines on the skin",
            "diagonal lines across the body",
            [_cut(o, 1, rx, ry) for o in offsets],
            "body",
        ),
        part(
            "crossing lines",
            "lines crossing them",
            "opposite diagonal lines across the body",
            [_cut(o, -1, rx, ry) for o in offsets],
            "body",
        ),
        part(
            "middle leaf",
            "a tall middle leaf",
            "tall pointed oval on top of the body",
            [middle],
            "body",
        ),
        part(
            "left leaves",
            "spiky leaves on the left",
            "pointed curves at the top left",
            left,
            "body",
        ),
        part(
            "right leaves",
            "spiky leaves on the right",
            "pointed curves at the top right",
            right,
            "body",
        ),
    ]


def _cut(offset: float, slope: int, rx: float, ry: float) -> Curve:
    """A diagonal chord of the body, in units of its half axes `offset` from the middle."""
    half = np.sqrt(1.02 - offset**2)
    along, normal = np.array([1.0, slope]) / np.sqrt(2), np.array([-slope, 1.0]) / np.sqrt(2)
    ends = [normal * offset + s * half * along for s in (-1, 1)]
    return polyline(*[(rx * float(x), BODY_Y + ry * float(y)) for x, y in ends])


def _side_leaves(side: int, foot: float, crown: float, spread: float) -> list[Curve]:
    """Two leaves that curve outwards, the outer one lower."""
    inner = leaf(
        (side * 0.12, foot), (side * 0.36 * spread, foot - crown * 0.82), 0.09, -side * 0.05
    )
    outer = leaf(
        (side * 0.22, foot + 0.03), (side * 0.62 * spread, foot - crown * 0.44), 0.08, -side * 0.07
    )
    return [inner, outer]
