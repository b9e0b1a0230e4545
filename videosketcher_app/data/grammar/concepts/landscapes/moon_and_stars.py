"""A crescent moon with stars over hills."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import crescent, polyline, spline, star
from videosketcher_app.data.grammar.motifs import pine, puffy_cloud
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "moon_and_stars",
    title="the moon and stars",
    category="landscapes",
    titles=("a moon with stars", "a starry night sky"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.42, 0.52)
    facing = rng.uniform(-0.5, 0.1)
    mx, my = rng.uniform(-0.5, -0.2), -0.32
    moon = crescent(mx, my, r, rng.uniform(0.55, 0.68), facing)
    s = rng.uniform(0.14, 0.18)
    spots = [(-1.45, -0.55), (-1.5, 0.12), (0.55, -0.7), (0.42, 0.22), (1.5, -0.42), (1.05, -0.72)]
    jitter = rng.uniform(-0.07, 0.07, (6, 2))
    points = [(a + j[0], b + j[1]) for (a, b), j in zip(spots, jitter, strict=True)]
    big = [star(a, b, s) for a, b in points[:4]]
    small = [
        polyline((a - 0.1 * u, b - 0.1 * v), (a + 0.1 * u, b + 0.1 * v))
        for a, b in points[4:]
        for u, v in ((1, 0), (0, 1))
    ]
    peak = rng.uniform(0.42, 0.52)
    near = spline((-1.75, 0.72), (-1.2, peak + 0.08), (-0.7, peak), (-0.1, 0.72), (0.3, 0.95))
    far = spline((-0.1, 0.72), (0.4, 0.56), (0.9, peak + 0.04), (1.4, 0.6), (1.75, 0.72))
    trees = [
        curve
        for x, y, h in ((-1.15, peak + 0.06, 0.4), (1.2, peak + 0.1, 0.36))
        for curve in pine(x, y, h, 0.13)
    ]
    return [
        part("moon", "a crescent moon", "large crescent above the middle", [moon]),
        part("stars", "four stars", "four small stars around the moon", big),
        part(
            "twinkles", "two twinkling lights", "two small crosses on the right of the sky", small
        ),
        part(
            "cloud",
            "a thin cloud",
            "puffy shape at the middle right",
            [puffy_cloud(1.12, -0.08, rng.uniform(0.32, 0.4), 0.16)],
        ),
        part("left hill", "a left hill", "rounded hill line at the lower left", [near]),
        part("right hill", "a right hill", "rounded hill line at the lower right", [far]),
        part(
            "pine trees",
            "two pine trees",
            "two pointed trees on the hills",
            trees,
            after=("left hill", "right hill"),
        ),
    ]
