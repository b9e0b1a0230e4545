"""A pond with a pier, a fishing rod and a fish."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "fishing_pond",
    title="a fishing pond",
    category="scenes",
    titles=("fishing at a pond", "a pond with a pier"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    y = 0.55
    rx, ry = rng.uniform(1.05, 1.15), 0.38
    cx = 0.5
    pond = spline(
        (-0.62, 0.42),
        (-0.3, 0.26),
        (cx, y - ry),
        (cx + rx * 0.8, y - 0.2),
        (cx + rx, y + 0.05),
        (cx + rx * 0.7, 0.88),
        (cx, 0.97),
        (-0.4, 0.9),
        (-0.62, 0.7),
    )
    deck = 0.32
    end = rng.uniform(-0.55, -0.45)
    pier = [
        polyline((-1.75, deck), (end, deck), (end, deck + 0.12), (-1.75, deck + 0.12)),
        *[polyline((x, deck), (x, deck + 0.12)) for x in (-1.4, -1.05)],
    ]
    legs = [
        polyline(
            (x - 0.05, deck + 0.12), (x - 0.05, 0.78), (x + 0.05, 0.78), (x + 0.05, deck + 0.12)
        )
        for x in (-1.5, end - 0.16)
    ]
    tip_x, tip_y = rng.uniform(0.15, 0.35), rng.uniform(-0.75, -0.6)
    rod = spline((-1.0, deck), (-0.4, -0.32), (tip_x, tip_y))
    float_x = tip_x + 0.12
    line = spline((tip_x, tip_y), (tip_x + 0.1, -0.2), (float_x, 0.36))
    bob = [
        ellipse(float_x, 0.44, 0.08),
        spline((float_x - 0.24, 0.5), (float_x, 0.58), (float_x + 0.24, 0.5)),
    ]
    bx = -1.42
    bucket = [
        polyline(
            (bx - 0.17, deck - 0.3),
            (bx - 0.13, deck),
            (bx + 0.13, deck),
            (bx + 0.17, deck - 0.3),
            (bx - 0.17, deck - 0.3),
        ),
        ellipse(bx, deck - 0.3, 0.15, 0.2, np.pi, np.pi),
    ]
    fx, fy = rng.uniform(0.85, 1.0), 0.66
    fish = spline(
        (fx + 0.38, fy - 0.1),
        (fx + 0.2, fy + 0.02),
        (fx, fy + 0.12),
        (fx - 0.22, fy),
        (fx, fy - 0.12),
        (fx + 0.2, fy - 0.02),
        (fx + 0.38, fy + 0.1),
        (fx + 0.33, fy),
        (fx + 0.38, fy - 0.1),
    )
    reeds = []
    for x, top in ((1.38, -0.55), (1.6, -0.35)):
        reeds += [polyline((x, top + 0.3), (x, 0.28)), ellipse(x, top + 0.15, 0.06, 0.15)]
    return [
        part("pond", "a wide pond", "large flat oval on the right", [pond]),
        part("pier", "a wooden pier", "long flat bar on legs on the left", [*pier, *legs]),
        part("bucket", "a bucket", "small bucket shape on the pier", bucket, after="pier"),
        part(
            "fishing rod",
            "a bent fishing rod",
            "long slanted curve rising from the pier",
            [rod],
            after="pier",
        ),
        part(
            "fishing line",
            "a fishing line",
            "thin line hanging from the rod tip",
            [line],
            after="fishing rod",
        ),
        part(
            "float", "a float", "small circle with a ripple on the pond", bob, after="fishing line"
        ),
        part(
            "fish",
            "a fish in the water",
            "small fish shape inside the pond",
            [fish, ellipse(fx - 0.1, fy - 0.02, 0.025)],
            after="pond",
        ),
        part("reeds", "two reeds", "two tall stems with ovals on the right", reeds),
    ]
