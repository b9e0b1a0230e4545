"""A single leaf with its veins, lying at a slant."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf, rib
from videosketcher_app.data.grammar.curves import Curve, Point, spline, transform
from videosketcher_app.data.grammar.program import Part, concept, part

BASE: Point = (-0.72, 0.0)
TIP: Point = (1.05, 0.0)


@concept("leaf", title="a leaf", category="plants", titles=("a tree leaf", "a beech leaf"))
def draw(rng: np.random.Generator) -> list[Part]:
    width = rng.uniform(0.46, 0.58)
    bend = rng.uniform(-0.1, 0.1)
    belly = rng.uniform(0.72, 0.9)
    slant = -rng.uniform(0.35, 0.75)
    count = int(rng.integers(3, 5))
    blade = leaf(BASE, TIP, width, bend, belly)
    middle = rib(BASE, TIP, bend, (0, 0.86))
    stalk = spline((-1.2, rng.uniform(0.1, 0.25)), (-0.95, 0.06), BASE)

    def turned(curves: list[Curve]) -> list[Curve]:
        return [transform(curve, turn=slant) for curve in curves]

    upper = [_vein(blade, middle, s, -1) for s in np.linspace(0.16, 0.68, count)]
    lower = [_vein(blade, middle, s, 1) for s in np.linspace(0.16, 0.68, count)]
    return [
        part("blade", "a broad pointed blade", "large pointed oval in the middle", turned([blade])),
        part(
            "midrib",
            "a long midrib",
            "slanted line through the middle of the blade",
            turned([middle]),
            "blade",
        ),
        part(
            "upper veins",
            "veins above the midrib",
            "short curved lines above the midrib",
            turned(upper),
            "midrib",
        ),
        part(
            "lower veins",
            "veins below the midrib",
            "short curved lines below the midrib",
            turned(lower),
            "midrib",
        ),
        part("stalk", "a thin stalk", "short curved line at the bottom left", turned([stalk])),
    ]


def _vein(blade: Curve, middle: Curve, share: float, side: int) -> Curve:
    """A vein from the midrib forward to just short of the edge."""
    start = middle[int(share * (len(middle) - 1))]
    edge = blade[:24] if side > 0 else blade[:23:-1]
    target = edge[min(23, int(share * 0.86 * 23) + 5)]
    end = start + 0.84 * (target - start)
    bow = start + 0.5 * (end - start) + np.array([0.03, side * 0.02])
    return spline(tuple(start), tuple(bow), tuple(end))
