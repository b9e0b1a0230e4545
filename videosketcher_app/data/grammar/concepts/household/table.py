"""A table with a drawer and a vase of flowers."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    cloud,
    ellipse,
    polygon,
    polyline,
    rectangle,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "table", title="a table", category="household", titles=("a wooden table", "a table with a vase")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, inset = rng.uniform(1.05, 1.25), rng.uniform(0.2, 0.3)
    back, front, bottom = -0.2, rng.uniform(0.04, 0.1), 0.95
    apron = front + 0.3
    leg = rng.uniform(0.12, 0.16)
    edge = w - 0.12
    drawer = rng.uniform(0.34, 0.44)
    x = rng.uniform(-0.3, 0.3)
    neck, belly = 0.09, rng.uniform(0.15, 0.2)
    vase = spline(
        (x - neck, -0.52),
        (x - neck * 0.9, -0.42),
        (x - belly, -0.24),
        (x - 0.1, -0.06),
        (x + 0.1, -0.06),
        (x + belly, -0.24),
        (x + neck * 0.9, -0.42),
        (x + neck, -0.52),
    )
    heads = [(x - 0.26, -0.8), (x, -0.95), (x + 0.26, -0.8)]
    stems = [
        spline((x + (a - x) * 0.2, -0.5), (x + (a - x) * 0.6, -0.62), (a, b + 0.12))
        for a, b in heads
    ]
    blooms = [cloud(a, b, 0.1, 0.1, 5) for a, b in heads]
    return [
        part(
            "table top",
            "a wide table top",
            "wide trapezoid across the middle",
            [polygon((-w, front), (w, front), (w - inset, back), (inset - w, back))],
        ),
        part(
            "frame",
            "a frame under the top",
            "long narrow band below the table top",
            [polyline((-edge, front), (-edge, apron), (edge, apron), (edge, front))],
            after="table top",
        ),
        part(
            "drawer",
            "a drawer with a knob",
            "small rectangle with a dot in the middle of the frame",
            [
                rectangle(-drawer, front + 0.08, drawer, apron - 0.05),
                ellipse(0, (front + apron) / 2 + 0.02, 0.035),
            ],
            after="frame",
        ),
        part(
            "front legs",
            "two front legs",
            "two long narrow legs at the outer ends",
            both_sides(
                polyline(
                    (-edge, apron),
                    (-edge + 0.03, bottom),
                    (-edge + leg - 0.03, bottom),
                    (-edge + leg, apron),
                )
            ),
        ),
        part(
            "back legs",
            "two back legs",
            "two shorter legs between the front legs",
            both_sides(
                polyline(
                    (-w + inset + 0.16, apron),
                    (-w + inset + 0.16, 0.72),
                    (-w + inset + 0.26, 0.72),
                    (-w + inset + 0.26, apron),
                )
            ),
        ),
        part(
            "vase",
            "a round vase",
            "small vase on the table top",
            [vase, polyline((x - neck, -0.52), (x + neck, -0.52))],
        ),
        part(
            "flowers",
            "three flowers",
            "three round blossoms on stems above the vase",
            [*stems, *blooms],
            after="vase",
        ),
    ]
