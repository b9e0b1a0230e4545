"""A rocket among planets and stars."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    both_sides,
    ellipse,
    polyline,
    spline,
    star,
    transform,
)
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "space_scene",
    title="a space scene",
    category="scenes",
    titles=("a rocket in space", "outer space"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, turn = rng.uniform(0.22, 0.27), rng.uniform(0.35, 0.75)
    body = path(
        spline((-w * 0.7, 0.42), (-w, 0.0), (-w * 0.75, -0.4), (0, -0.85)),
        spline((0, -0.85), (w * 0.75, -0.4), (w, 0.0), (w * 0.7, 0.42)),
        polyline((-w * 0.7, 0.42)),
    )
    fin = polyline((w * 0.95, 0.1), (w + 0.22, 0.4), (w + 0.2, 0.62), (w * 0.72, 0.4))
    nose = spline((-w * 0.7, -0.45), (0, -0.38), (w * 0.7, -0.45))
    flame = spline(
        (-w * 0.55, 0.44), (-w * 0.6, 0.62), (0, 0.95), (w * 0.6, 0.62), (w * 0.55, 0.44)
    )

    def turned(*curves: Curve) -> list[Curve]:
        return [transform(c, scale=0.92, turn=turn, move=(-0.1, 0.0)) for c in curves]

    px, py, r = rng.uniform(1.15, 1.3), rng.uniform(0.4, 0.55), rng.uniform(0.26, 0.3)
    tilt = -0.3
    planet = ellipse(px, py, r)
    ring = ellipse(px, py, r * 1.75, r * 0.42, -0.62, np.pi + 1.24, tilt)
    mx, my, m = -1.3, rng.uniform(-0.5, -0.4), rng.uniform(0.28, 0.34)
    craters = [
        ellipse(mx + a * m, my + b * m, k * m)
        for a, b, k in ((-0.35, -0.25, 0.24), (0.35, 0.1, 0.3), (-0.25, 0.5, 0.18))
    ]
    stars = [
        star(a, b, 0.12)
        for a, b in ((-0.55, -0.75), (1.5, -0.7), (1.15, -0.2), (-1.45, 0.5), (0.4, 0.8))
    ]
    return [
        part(
            "rocket body", "a slanted rocket body", "long pointed oval in the middle", turned(body)
        ),
        part(
            "nose line",
            "a nose cone line",
            "curved line across the tip of the rocket",
            turned(nose),
            after="rocket body",
        ),
        part(
            "porthole",
            "a round porthole",
            "small circle inside the rocket",
            turned(ellipse(0, -0.1, 0.11)),
            after="rocket body",
        ),
        part(
            "fins",
            "two fins",
            "two pointed shapes at the lower end of the rocket",
            turned(*both_sides(fin)),
            after="rocket body",
        ),
        part(
            "flame",
            "a rocket flame",
            "drop shape behind the lower end",
            turned(flame),
            after="rocket body",
        ),
        part(
            "planet",
            "a planet with a ring",
            "circle with an oval ring at the lower right",
            [planet, ring],
        ),
        part(
            "moon",
            "a moon with craters",
            "circle with small circles at the upper left",
            [ellipse(mx, my, m), *craters],
        ),
        part("stars", "five stars", "five small stars around the rocket", stars),
    ]
