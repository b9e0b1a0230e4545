"""A rainbow between two clouds."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, spline
from videosketcher_app.data.grammar.motifs import flower, puffy_cloud, sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "rainbow",
    title="a rainbow",
    category="landscapes",
    titles=("a rainbow in the sky", "a big rainbow"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    y = 0.52
    outer = rng.uniform(1.2, 1.3)
    tall = rng.uniform(0.95, 1.1)
    step = rng.uniform(0.12, 0.15)
    bands = [
        ellipse(0, y, outer - step * k, outer * tall - step * k, np.pi, np.pi) for k in range(5)
    ]
    x = outer - step * 2
    puff = rng.uniform(0.48, 0.56)
    clouds = [puffy_cloud(s * x, y + 0.16, puff, 0.26) for s in (-1, 1)]
    drops = [
        spline((a, b), (a - 0.05, b + 0.12), (a, b + 0.17), (a + 0.05, b + 0.12), (a, b))
        for a, b in ((1.3, -0.75), (1.55, -0.5), (1.4, -0.25))
    ]
    hills = [spline((-0.42, 0.92), (-0.2, 0.72), (0.05, 0.66), (0.28, 0.76), (0.42, 0.92))]
    bloom = [
        curve for a, h in ((-0.17, 0.38), (0.17, 0.35)) for curve in flower(a, 0.7, h, 0.11, 5)
    ]
    return [
        part(
            "outer bands",
            "two outer rainbow bands",
            "two wide arches across the picture",
            bands[:2],
        ),
        part(
            "inner bands",
            "three inner rainbow bands",
            "three smaller arches inside the wide ones",
            bands[2:],
        ),
        part(
            "left cloud",
            "a cloud on the left",
            "puffy shape at the left end of the arches",
            [clouds[0]],
        ),
        part(
            "right cloud",
            "a cloud on the right",
            "puffy shape at the right end of the arches",
            [clouds[1]],
        ),
        part(
            "sun",
            "a shining sun",
            "circle with short rays at the upper left",
            sun_disc(-1.45, -0.6, 0.17, 9),
        ),
        part("raindrops", "three raindrops", "three small drops at the upper right", drops),
        part("hill", "a small hill", "low mound under the arches", hills),
        part("flowers", "two flowers", "two small flowers on the low mound", bloom, after="hill"),
    ]
