"""A flower with round petals around a button, on a swaying stem."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf
from videosketcher_app.data.grammar.curves import FULL, Curve, Point, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part

CENTER_Y = -0.45


@concept("flower", title="a flower", category="plants", titles=("a daisy", "a blooming flower"))
def draw(rng: np.random.Generator) -> list[Part]:
    button = rng.uniform(0.14, 0.19)
    reach = rng.uniform(0.48, 0.58)
    count = int(rng.integers(5, 8))
    sway = rng.uniform(-0.1, 0.1)
    left_y, right_y = rng.uniform(0.42, 0.56), rng.uniform(0.62, 0.74)
    stem = spline((0, CENTER_Y + reach), (sway, 0.45), (sway * 0.6, 0.8), (0, 1.0))
    petals = [_petal(button, reach, count, k) for k in range(count)]
    left = leaf(_on(stem, left_y), (-rng.uniform(0.5, 0.62), left_y - 0.24), 0.12, -0.05)
    right = leaf(_on(stem, right_y), (rng.uniform(0.5, 0.62), right_y - 0.22), 0.12, 0.05)
    return [
        part("center", "a round center", "small circle at the top", [ellipse(0, CENTER_Y, button)]),
        part(
            "petals",
            "round petals",
            "ring of rounded loops around the center",
            petals,
            after="center",
        ),
        part("stem", "a thin stem", "long curved line below the petals", [stem]),
        part("left leaf", "a leaf on the left", "pointed oval left of the stem", [left], "stem"),
        part(
            "right leaf", "a leaf on the right", "pointed oval right of the stem", [right], "stem"
        ),
    ]


def _petal(button: float, reach: float, count: int, index: int) -> Curve:
    """One loop that starts and ends on the button; petal 0 points down, onto the stem."""
    middle, half = math.pi / 2 + index * FULL / count, math.pi / count

    def at(radius: float, share: float) -> Point:
        angle = middle + share * half
        return radius * math.cos(angle), CENTER_Y + radius * math.sin(angle)

    inner, wide, tip = button * 1.02, reach * 0.72, reach * 0.97
    return spline(
        at(inner, -0.7), at(wide, -0.8), at(tip, -0.42), at(reach, 0),
        at(tip, 0.42), at(wide, 0.8), at(inner, 0.7),
    )  # fmt: skip


def _on(stem: Curve, y: float) -> Point:
    return float(np.interp(y, stem[:, 1], stem[:, 0])), y
