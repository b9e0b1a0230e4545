"""A beach with a parasol, a ball and a sandcastle."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    TOP,
    ellipse,
    polygon,
    polyline,
    scallop,
    spline,
    transform,
    wave,
)
from videosketcher_app.data.grammar.motifs import sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "beach", title="a beach", category="scenes", titles=("a day at the beach", "a sunny beach")
)
def draw(rng: np.random.Generator) -> list[Part]:
    sea = 0.82
    px, py = rng.uniform(-1.0, -0.85), rng.uniform(-0.6, -0.5)
    w = rng.uniform(0.6, 0.7)
    tilt = rng.uniform(-0.2, -0.08)
    shade = [
        ellipse(0, 0, w, 0.42, np.pi, np.pi),
        scallop((-w, 0), (w, 0), 4, 0.09),
        *[ellipse(0, 0, k * w, 0.42, TOP, np.pi / 2) for k in (-0.5, 0.5)],
    ]
    shade = [transform(c, turn=tilt, move=(px, py + 0.3)) for c in shade]
    pole = polyline((px, py + 0.28), (px + 0.2, 0.62))
    cx, base = rng.uniform(0.2, 0.35), 0.6
    castle = polyline(
        (cx - 0.42, base),
        (cx - 0.42, 0.1),
        (cx - 0.3, 0.1),
        (cx - 0.3, 0.19),
        (cx - 0.2, 0.19),
        (cx - 0.2, 0.1),
        (cx - 0.1, 0.1),
        (cx - 0.1, 0.28),
        (cx + 0.1, 0.28),
        (cx + 0.1, 0.1),
        (cx + 0.2, 0.1),
        (cx + 0.2, 0.19),
        (cx + 0.3, 0.19),
        (cx + 0.3, 0.1),
        (cx + 0.42, 0.1),
        (cx + 0.42, base),
        (cx - 0.42, base),
    )
    gate = ellipse(cx, base, 0.1, 0.18, np.pi, np.pi)
    pennant = polyline((cx, 0.28), (cx, -0.1), (cx + 0.18, -0.02), (cx, 0.06))
    bx, by, r = rng.uniform(1.1, 1.3), 0.4, rng.uniform(0.19, 0.23)
    ball = [
        ellipse(bx, by, r),
        *[spline((bx, by - r), (bx + k * r, by), (bx, by + r)) for k in (-0.45, 0.45)],
    ]
    towel = polygon((-1.2, 0.95), (-1.0, 0.72), (-0.4, 0.72), (-0.55, 0.95))
    stripes = [polyline((-1.2 + k, 0.95), (-1.0 + k, 0.72)) for k in (0.14, 0.5)]
    return [
        part("parasol", "a striped parasol", "tilted half circle at the upper left", shade),
        part(
            "pole", "a parasol pole", "slanted line below the half circle", [pole], after="parasol"
        ),
        part("towel", "a beach towel", "slanted rectangle at the lower left", [towel, *stripes]),
        part(
            "sandcastle",
            "a sandcastle",
            "small castle shape with towers in the middle",
            [castle, gate],
        ),
        part(
            "flag",
            "a small flag",
            "small triangle on a stick above the castle",
            [pennant],
            after="sandcastle",
        ),
        part("ball", "a striped beach ball", "circle with curved stripes on the right", ball),
        part(
            "sea",
            "the sea",
            "two long wavy lines at the lower right",
            [
                wave((a, sea + k), (1.75, sea + k), 0.04, n)
                for a, k, n in ((-0.2, 0.0, 4), (0.2, 0.17, 3))
            ],
        ),
        part(
            "sun",
            "a hot sun",
            "circle with short rays at the upper right",
            sun_disc(1.25, -0.62, 0.2, 9),
        ),
    ]
