"""A sunflower: a big seeded disk in a wreath of pointed petals, on a thick stem."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf
from videosketcher_app.data.grammar.curves import (
    FULL,
    Curve,
    Point,
    ellipse,
    mirror,
    polyline,
    spline,
    transform,
)
from videosketcher_app.data.grammar.program import Part, concept, part

CENTER_Y = -0.36


@concept("sunflower", title="a sunflower", category="plants", titles=("a blooming sunflower",))
def draw(rng: np.random.Generator) -> list[Part]:
    disk = rng.uniform(0.27, 0.33)
    reach = rng.uniform(0.58, 0.66)
    count = int(rng.integers(11, 15))
    stem_w = rng.uniform(0.045, 0.06)
    lean = rng.uniform(-0.06, 0.06)
    petals = _petals(disk, reach, count)
    top = CENTER_Y + reach * 0.9
    stem = [spline((s * stem_w, top), (s * stem_w + lean, 0.6), (s * stem_w, 1.0)) for s in (-1, 1)]
    left_y, right_y = rng.uniform(0.66, 0.76), rng.uniform(0.5, 0.6)
    width = rng.uniform(0.13, 0.17)
    left = leaf(
        (lean - stem_w, left_y), (-rng.uniform(0.56, 0.7), left_y - 0.16), width, -0.06, 0.65
    )
    right = leaf(
        (lean + stem_w, right_y), (rng.uniform(0.56, 0.7), right_y - 0.1), width, 0.06, 0.65
    )
    return [
        part(
            "disk", "a big round seed disk", "large circle at the top", [ellipse(0, CENTER_Y, disk)]
        ),
        part(
            "seeds", "a lattice of seeds", "crossed lines inside the disk", _lattice(disk), "disk"
        ),
        part("petals", "many pointed petals", "ring of points around the disk", [petals], "disk"),
        part("stem", "a thick stem", "two long vertical lines below the petals", stem),
        part(
            "left leaf",
            "a broad leaf on the left",
            "wide pointed oval left of the stem",
            [left],
            "stem",
        ),
        part(
            "right leaf",
            "a broad leaf on the right",
            "wide pointed oval right of the stem",
            [right],
            "stem",
        ),
    ]


def _petals(disk: float, reach: float, count: int) -> Curve:
    """All petals in one line; a petal points straight down, onto the stem."""

    def at(radius: float, share: float) -> Point:
        angle = math.pi / 2 + share * FULL / count
        return radius * math.cos(angle), radius * math.sin(angle)

    valley, belly = disk * 1.12, disk * 0.45 + reach * 0.55
    rise = spline(at(valley, -0.5), at(belly, -0.38), at(reach, 0), count=6)
    petal = np.vstack([rise, mirror(rise)[::-1]])
    turns = [transform(petal, turn=k * FULL / count, move=(0, CENTER_Y)) for k in range(count)]
    return np.vstack(turns)


def _lattice(disk: float) -> list[Curve]:
    """Two lines each way, cut to the disk."""
    lines = []
    for slope in (-1, 1):
        for offset in (-0.33, 0.33):
            half = disk * math.sqrt(0.9**2 - offset**2)
            along = np.array([1.0, slope]) / math.sqrt(2)
            middle = np.array([-slope, 1.0]) / math.sqrt(2) * offset * disk + (0, CENTER_Y)
            lines.append(polyline(tuple(middle - half * along), tuple(middle + half * along)))
    return lines
