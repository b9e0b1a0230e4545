"""A broad-leaved tree with a bumpy crown."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import lowest_y
from videosketcher_app.data.grammar.curves import Curve, cloud, ellipse, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("tree", title="a tree", category="plants", titles=("an oak tree", "a leafy tree"))
def draw(rng: np.random.Generator) -> list[Part]:
    crown_w, crown_h = rng.uniform(0.68, 0.86), rng.uniform(0.50, 0.58)
    crown_y = -0.38
    trunk_w = rng.uniform(0.13, 0.18)
    flare = rng.uniform(1.7, 2.2)
    crown = cloud(0, crown_y, crown_w, crown_h, int(rng.choice([8, 10])))
    knot_y = rng.uniform(0.52, 0.62)
    ground_w = rng.uniform(0.75, 0.95)
    grass = [
        wave((s * trunk_w * flare * 1.05, 0.97), (s * ground_w, 0.97), 0.025, 1.5) for s in (-1, 1)
    ]
    marks = [
        _curl(crown_w * x, crown_y + crown_h * y, rng.uniform(0.12, 0.16))
        for x, y in ((-0.52, 0.12), (-0.1, -0.4), (0.12, 0.3), (0.56, -0.08))
    ]
    trunk = [_trunk_side(crown, s, trunk_w, flare) for s in (-1, 1)]
    knot = ellipse(0, knot_y, 0.05, 0.08, count=24)
    return [
        part("crown", "a round bumpy crown", "large cloud shape at the top", [crown]),
        part("trunk", "a sturdy trunk", "two curved vertical lines below the crown", trunk),
        part("leaf marks", "leaf marks", "short arcs inside the crown", marks, "crown"),
        part("knot hole", "a knot hole", "tiny oval in the middle of the trunk", [knot], "trunk"),
        part("grass", "grassy ground", "wavy lines on both sides of the trunk", grass, "trunk"),
    ]


def _trunk_side(crown: Curve, side: int, width: float, flare: float) -> Curve:
    top = (side * width, lowest_y(crown, side * width))
    return spline(
        top, (side * width * 0.95, 0.55), (side * width * 1.1, 0.8), (side * width * flare, 1)
    )


def _curl(x: float, y: float, size: float) -> Curve:
    """An arch, like the top of a tuft of leaves."""
    return ellipse(x, y, size, size * 0.9, math.pi + 0.15, 2.5, count=20)
