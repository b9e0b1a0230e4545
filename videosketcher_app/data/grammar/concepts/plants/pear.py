"""A pear with its stem and leaf."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf, rib
from videosketcher_app.data.grammar.curves import ellipse, polyline, spline, transform
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("pear", title="a pear", category="plants", titles=("a ripe pear", "a juicy pear"))
def draw(rng: np.random.Generator) -> list[Part]:
    neck, belly = rng.uniform(0.22, 0.28), rng.uniform(0.60, 0.70)
    waist = rng.uniform(0.32, 0.38)
    half = spline(
        (0, -0.72), (neck * 0.8, -0.64), (neck * 1.1, -0.42), (waist, -0.12), (belly * 0.92, 0.24),
        (belly, 0.56), (belly * 0.72, 0.88), (0.16, 1.0), (0, 0.97),
    )  # fmt: skip
    body = np.vstack([half, half[::-1] * np.array([-1.0, 1.0])])
    lean = rng.uniform(0.05, 0.16)
    stem = spline((0, -0.70), (0.02, -0.88), (-lean, -1.06))
    tip = (rng.uniform(0.58, 0.72), rng.uniform(-0.95, -0.8))
    base = (0.02, -0.86)
    blade = [leaf(base, tip, rng.uniform(0.11, 0.14), -0.06), rib(base, tip, -0.06, (0, 0.7))]
    shine = transform(
        ellipse(0, 0, 0.24, 0.34, np.pi * 0.75, 1.5, count=20), move=(-belly * 0.42, 0.5)
    )
    spots_x = belly * rng.uniform(0.32, 0.42)
    spots = [
        ellipse(spots_x + x, y, 0.04, count=16) for x, y in ((0.06, 0.3), (-0.1, 0.55), (0.1, 0.62))
    ]
    tuft = polyline((-0.09, 1.08), (-0.04, 0.99), (0, 1.08), (0.04, 0.99), (0.09, 1.08))
    return [
        part("body", "a pear-shaped body", "narrow top and wide round bottom", [body]),
        part("stem", "a curved stem", "short curved line at the top", [stem]),
        part("leaf", "a pointed leaf", "small pointed oval at the top right", blade, "stem"),
        part("shine", "a curved shine", "short arc on the left inside the body", [shine], "body"),
        part(
            "freckles", "three freckles", "tiny circles on the right inside the body", spots, "body"
        ),
        part("tuft", "a dry tuft", "tiny zigzag at the bottom", [tuft], "body"),
    ]
