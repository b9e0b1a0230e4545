"""A snowman with a hat and a scarf."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import TOP, Curve, both_sides, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "snowman",
    title="a snowman",
    category="household",
    titles=("a happy snowman", "a snowman with a hat"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    r1, r2, r3 = rng.uniform(0.44, 0.5), rng.uniform(0.33, 0.37), rng.uniform(0.27, 0.31)
    y1 = 1.0 - r1 * 0.92
    y2 = y1 - r1 * 0.8 - r2 * 0.75
    y3 = y2 - r2 * 0.8 - r3 * 0.8
    hat_y = y3 - r3 * 0.78
    hat_w, hat_h = rng.uniform(0.19, 0.23), rng.uniform(0.24, 0.34)
    brim = rng.uniform(0.32, 0.38)
    hat = [
        polyline((-brim, hat_y), (brim, hat_y)),
        polyline(
            (-hat_w, hat_y),
            (-hat_w * 0.95, hat_y - hat_h),
            (hat_w * 0.95, hat_y - hat_h),
            (hat_w, hat_y),
        ),
        polyline((-hat_w, hat_y - 0.09), (hat_w, hat_y - 0.09)),
    ]

    def ball(y: float, r: float, cut: float) -> Curve:
        """A ball that the one above covers by `cut` radians to either side of its top."""
        return ellipse(0, y, r, r * 0.95, TOP + cut, 2 * np.pi - 2 * cut)

    neck = y3 + r3 * 0.8
    scarf = [
        spline((-r3 * 0.85, neck - 0.08), (0, neck + 0.03), (r3 * 0.85, neck - 0.08)),
        spline((-r3 * 0.9, neck + 0.04), (0, neck + 0.15), (r3 * 0.9, neck + 0.04)),
        polyline((0.1, neck + 0.15), (0.08, neck + 0.4), (0.22, neck + 0.4), (0.22, neck + 0.12)),
    ]
    arm = spline(
        (r2 * 0.92, y2 - 0.03), (r2 + 0.24, y2 - 0.14), (r2 + 0.46, y2 - rng.uniform(0.25, 0.42))
    )
    twig_x, twig_y = arm[14]
    arms = both_sides(arm) + both_sides(polyline((twig_x, twig_y), (twig_x + 0.16, twig_y + 0.05)))
    nose = polyline((0.0, y3 - 0.02), (rng.uniform(0.17, 0.22), y3 + 0.04), (0.0, y3 + 0.08))
    return [
        part(
            "lower ball", "a big lower snowball", "large circle at the bottom", [ball(y1, r1, 0.5)]
        ),
        part(
            "middle ball",
            "a middle snowball",
            "medium circle on top of the large one",
            [ball(y2, r2, 0.55)],
        ),
        part("head", "a round head", "small circle on top of the medium one", [ball(y3, r3, 0.5)]),
        part(
            "hat", "a tall hat", "upright rectangle with a wide brim on the head", hat, after="head"
        ),
        part(
            "eyes",
            "two dark eyes",
            "two tiny circles inside the head",
            both_sides(ellipse(-r3 * 0.4, y3 - 0.08, 0.03)),
            after="head",
        ),
        part(
            "carrot nose",
            "a carrot nose",
            "thin triangle pointing right from the face",
            [nose],
            after="head",
        ),
        part(
            "scarf",
            "a scarf",
            "curved band between head and body with a hanging end",
            scarf,
            after="head",
        ),
        part(
            "buttons",
            "three buttons",
            "three tiny circles down the front",
            [ellipse(-0.06, y, 0.035) for y in (y2 + 0.08, y1 - 0.12, y1 + 0.12)],
            after=("middle ball", "lower ball"),
        ),
        part(
            "stick arms",
            "two stick arms",
            "thin branches on both sides of the medium circle",
            arms,
            after="middle ball",
        ),
    ]
