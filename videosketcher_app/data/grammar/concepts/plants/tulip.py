"""A tulip: a cup of three pointed petals between two long leaves."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf
from videosketcher_app.data.grammar.curves import Curve, both_sides, spline
from videosketcher_app.data.grammar.program import Part, concept, part

BASE_Y = -0.1


@concept("tulip", title="a tulip", category="plants", titles=("a spring tulip",))
def draw(rng: np.random.Generator) -> list[Part]:
    front_w, front_tip = rng.uniform(0.22, 0.28), rng.uniform(-0.92, -0.82)
    cup_w = rng.uniform(0.40, 0.48)
    flare = rng.uniform(0.85, 1.02)
    sway = rng.uniform(-0.06, 0.06)
    front = leaf((0, BASE_Y), (0, front_tip), front_w, belly=0.75)
    stem = spline((0, BASE_Y), (sway, 0.4), (0, 1.0))
    left = _blade(-rng.uniform(0.54, 0.7), rng.uniform(-0.02, 0.2))
    right = _blade(rng.uniform(0.54, 0.7), rng.uniform(-0.02, 0.2))
    return [
        part("front petal", "a pointed front petal", "tall pointed oval at the top", [front]),
        part(
            "side petals",
            "two side petals",
            "curved points left and right of the front petal",
            both_sides(_side_petal(front, cup_w, flare)),
            after="front petal",
        ),
        part("stem", "a straight stem", "long vertical line below the petals", [stem]),
        part("left leaf", "a long leaf on the left", "long blade left of the stem", [left], "stem"),
        part(
            "right leaf",
            "a long leaf on the right",
            "long blade right of the stem",
            [right],
            "stem",
        ),
    ]


def _side_petal(front: Curve, cup_w: float, flare: float) -> Curve:
    """The left petal, from the base round the outside to its tip and down to the front petal."""
    upper = front[(front[:, 0] < 0) & (front[:, 1] < -0.6)]
    meet = upper[np.argmin(np.abs(upper[:, 1] + 0.70))]
    tip = (-cup_w * flare, -0.98)
    outside = spline((0, BASE_Y), (-cup_w * 0.7, -0.2), (-cup_w, -0.5), tip)
    inside = spline(tip, (tip[0] * 0.62, -0.84), (float(meet[0]), float(meet[1])))
    return np.vstack([outside, inside])


def _blade(tip_x: float, tip_y: float) -> Curve:
    """A long leaf from the foot of the stem that leans out to its tip."""
    side = np.sign(tip_x)
    return np.vstack(
        [
            spline((0, 1.0), (tip_x * 0.62, 0.66), (tip_x, tip_y)),
            spline((tip_x, tip_y), (tip_x * 0.55, 0.34), (side * 0.09, 0.62), (0, 0.9)),
        ]
    )
