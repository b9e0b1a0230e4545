"""A leafy house plant in a flower pot."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf, rib
from videosketcher_app.data.grammar.curves import Curve, polyline, rectangle
from videosketcher_app.data.grammar.program import Part, concept, part

RIM_Y = 0.30


@concept(
    "potted_plant",
    title="a potted plant",
    category="plants",
    titles=("a house plant", "a plant in a pot"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    rim_w, pot_w = rng.uniform(0.44, 0.52), rng.uniform(0.27, 0.34)
    rim_h = rng.uniform(0.13, 0.17)
    spread = rng.uniform(0.52, 0.6)
    reach = rng.uniform(1.15, 1.28)
    width = rng.uniform(0.13, 0.17)
    low = RIM_Y + rim_h
    pot = polyline((-rim_w * 0.84, low), (-pot_w, 1.0), (pot_w, 1.0), (rim_w * 0.84, low))
    stripe_y = rng.uniform(0.68, 0.76)
    stripe_w = np.interp(stripe_y, [low, 1.0], [rim_w * 0.84, pot_w])
    stripe = polyline((-stripe_w, stripe_y), (stripe_w, stripe_y))
    sides = {
        s: [c for k, r in ((1, 0.96), (2, 0.9)) for c in _leaf(s * k * spread, reach * r, width, s)]
        for s in (-1, 1)
    }
    return [
        part(
            "rim",
            "the rim of the pot",
            "wide flat rectangle below the middle",
            [rectangle(-rim_w, RIM_Y, rim_w, low)],
        ),
        part("pot", "a tapered pot", "large tapered shape at the bottom", [pot], "rim"),
        part("stripe", "a stripe on the pot", "horizontal line across the pot", [stripe], "pot"),
        part(
            "middle leaf",
            "a tall middle leaf",
            "tall pointed oval at the top",
            _leaf(0.0, reach, width, 0),
            "rim",
        ),
        part(
            "left leaves",
            "two leaves on the left",
            "two slanted pointed ovals at the left",
            sides[-1],
            "rim",
        ),
        part(
            "right leaves",
            "two leaves on the right",
            "two slanted pointed ovals at the right",
            sides[1],
            "rim",
        ),
    ]


def _leaf(lean: float, reach: float, width: float, side: int) -> list[Curve]:
    """A stem out of the pot and its blade, leaning by `lean` radians; the stem runs on as midrib."""
    root = (0.16 * side * min(1.0, abs(lean)), RIM_Y)
    tip = (root[0] + reach * math.sin(lean), RIM_Y - reach * math.cos(lean))
    bend = side * 0.1 * abs(lean)
    middle = rib(root, tip, bend)
    base = tuple(middle[len(middle) * 3 // 10])
    return [rib(root, tip, bend, (0, 0.8)), leaf(base, tip, width, bend * 0.5)]
