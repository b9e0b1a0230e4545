"""An apple with its stem and leaf."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf, rib
from videosketcher_app.data.grammar.curves import ellipse, spline, transform
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("apple", title="an apple", category="plants", titles=("a juicy apple", "a ripe apple"))
def draw(rng: np.random.Generator) -> list[Part]:
    width = rng.uniform(0.92, 1.06)
    taper = rng.uniform(0.58, 0.68)
    half = spline(
        (0, -0.42), (0.28, -0.56), (0.66, -0.50), (0.88, -0.08), (0.80, 0.42),
        (taper * 0.82, 0.84), (0.24, 0.98), (0, 0.90),
    )  # fmt: skip
    half = transform(half, scale=(width, 1.0))
    body = np.vstack([half, half[::-1] * np.array([-1.0, 1.0])])
    lean = rng.uniform(0.04, 0.16)
    stem = spline((0, -0.40), (lean * 0.3, -0.66), (-lean, -0.96))
    tip = (rng.uniform(0.56, 0.7), rng.uniform(-0.98, -0.88))
    base = (0.05, -0.66)
    blade = [leaf(base, tip, rng.uniform(0.12, 0.15), -0.05), rib(base, tip, -0.05, (0, 0.7))]
    shine = ellipse(-0.34 * width, 0.12, 0.30, 0.46, np.pi * 0.92, 1.1, count=20)
    dimple = ellipse(0, -0.50, 0.26, 0.14, 0.35, np.pi - 0.7, count=24)
    return [
        part(
            "body", "a round apple body", "large round shape with dents at top and bottom", [body]
        ),
        part("dimple", "a small dimple", "short arc at the top of the body", [dimple], "body"),
        part("stem", "a short stem", "short curved line at the top", [stem]),
        part("leaf", "a pointed leaf", "small pointed oval at the top right", blade, "stem"),
        part("shine", "a curved shine", "short arc on the left inside the body", [shine], "body"),
    ]
