"""A tent among pines at night."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import crescent, polyline, spline, star, wave
from videosketcher_app.data.grammar.motifs import pine
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "camping_tent_in_forest",
    title="a camping tent in a forest",
    category="scenes",
    titles=("a tent in the forest", "camping in the woods"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    x, w = rng.uniform(-0.15, 0.1), rng.uniform(0.55, 0.62)
    base, top = 0.7, rng.uniform(-0.12, 0.0)
    back = rng.uniform(0.3, 0.42)
    front = polyline((x - w, base), (x, top), (x + w, base), (x - w, base))
    cover = polyline(
        (x, top), (x + back + 0.1, top + 0.08), (x + w + back, base - 0.1), (x + w, base)
    )
    flap = [
        spline((x, top), (x - 0.02, 0.4), (x - 0.2, base)),
        spline((x, top), (x + 0.02, 0.4), (x + 0.2, base)),
    ]
    left = [
        c
        for a, h in ((-1.52, 1.1), (-1.04, 0.8))
        for c in pine(a, base, h * rng.uniform(0.9, 1.05), 0.22)
    ]
    right = pine(1.42, base, rng.uniform(1.0, 1.2), 0.27)
    moon_x = rng.uniform(-0.6, -0.3)
    stars = [star(a, b, 0.1) for a, b in ((-1.12, -0.7), (0.3, -0.7), (0.72, -0.5), (1.0, -0.82))]
    return [
        part("tent front", "a tent front", "large triangle in the middle", [front]),
        part(
            "tent side",
            "a long tent side",
            "slanted shape right of the triangle",
            [cover],
            after="tent front",
        ),
        part(
            "tent opening",
            "an open flap",
            "two curved lines inside the triangle",
            flap,
            after="tent front",
        ),
        part("left pines", "two pines on the left", "two tall pointed trees on the left", left),
        part("right pine", "a pine on the right", "tall pointed tree on the right", right),
        part(
            "ground",
            "a ground line",
            "long wavy line along the bottom",
            [wave((-1.75, base + 0.08), (1.75, base + 0.08), 0.03, 2.5)],
        ),
        part(
            "moon",
            "a crescent moon",
            "crescent at the top",
            [crescent(moon_x, -0.66, 0.2, 0.62, 0.0)],
        ),
        part("stars", "four stars", "four small stars in the sky", stars),
    ]
