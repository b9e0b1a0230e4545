"""A wrapped gift with a bow."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    polyline,
    rectangle,
    spline,
    transform,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "gift", title="a gift", category="household", titles=("a present", "a gift box with a bow")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(0.62, 0.8), rng.uniform(0.6, 0.72)
    lid = rng.uniform(0.2, 0.27)
    bottom = 0.92
    top = bottom - h - lid
    over, band = 0.09, rng.uniform(0.1, 0.14)
    loop = spline(
        (-0.08, top - 0.06),
        (-0.3, top - 0.42),
        (-0.58, top - 0.4),
        (-0.6, top - 0.12),
        (-0.3, top - 0.03),
        (-0.08, top - 0.04),
    )
    loop = transform(loop, scale=(rng.uniform(0.85, 1.1), 1.0))
    tail = spline((-0.06, top - 0.01), (-0.18, top + 0.1), (-0.34, top + 0.13), (-0.42, top + 0.3))
    dots = [
        ellipse(x, y, 0.055)
        for x, y in (
            (-w * 0.62, bottom - h * 0.7),
            (-w * 0.45, bottom - h * 0.3),
            (w * 0.45, bottom - h * 0.7),
            (w * 0.62, bottom - h * 0.3),
        )
    ]
    return [
        part(
            "box",
            "a square box",
            "large square at the bottom",
            [polyline((-w, bottom - h), (-w, bottom), (w, bottom), (w, bottom - h))],
        ),
        part(
            "lid",
            "a wide lid",
            "wide flat rectangle on top of the box",
            [rectangle(-w - over, top, w + over, top + lid)],
        ),
        part(
            "ribbon",
            "an upright ribbon",
            "vertical band down the middle of the box",
            [polyline((s * band, top + lid), (s * band, bottom)) for s in (-1, 1)],
            after="box",
        ),
        part(
            "bow loops",
            "two bow loops",
            "two large loops above the lid",
            both_sides(loop),
            after="lid",
        ),
        part(
            "knot",
            "a round knot",
            "small circle between the loops",
            [ellipse(0, top - 0.07, 0.09, 0.07)],
            after="bow loops",
        ),
        part(
            "ribbon ends",
            "two ribbon ends",
            "short wavy lines over the lid",
            both_sides(tail),
            after="bow loops",
        ),
        part("dots", "four dots", "small circles on both sides of the box", dots, after="box"),
    ]
