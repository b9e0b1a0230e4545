"""A sneaker seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import polyline, spline, star
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("shoe", title="a shoe", category="household", titles=("a sneaker", "a running shoe"))
def draw(rng: np.random.Generator) -> list[Part]:
    top, low = rng.uniform(-0.62, -0.5), 0.36
    toe = rng.uniform(0.95, 1.1)
    heel = -0.95
    sole = rng.uniform(0.17, 0.23)
    collar = rng.uniform(-0.2, -0.1)
    upper = path(
        spline((heel, low), (heel - 0.03, 0.0), (heel + 0.03, top + 0.1), (heel - 0.02, top)),
        spline(
            (heel - 0.02, top),
            (heel + 0.25, top + 0.16),
            (collar - 0.2, top + 0.16),
            (collar, top - 0.06),
        ),
        spline(
            (collar, top - 0.06),
            (0.12, -0.32),
            (0.4, -0.1),
            (0.72, -0.03),
            (toe - 0.05, 0.13),
            (toe, low),
        ),
    )
    bottom = path(
        polyline((heel - 0.06, low), (toe + 0.06, low)),
        spline((toe + 0.06, low), (toe + 0.1, low + sole * 0.6), (toe - 0.1, low + sole)),
        polyline((heel + 0.04, low + sole)),
        spline((heel + 0.04, low + sole), (heel - 0.08, low + sole * 0.7), (heel - 0.06, low)),
    )
    cap = spline((0.6, low), (0.58, 0.2), (0.66, 0.06), (0.78, 0.0))
    lace_at = [(0.02, -0.4), (0.2, -0.26), (0.38, -0.12)]
    laces = [polyline((x + 0.06, y - 0.07), (x - 0.14, y + 0.14)) for x, y in lace_at]
    tongue = spline(
        (collar, top - 0.06),
        (collar - 0.04, top - 0.2),
        (collar + 0.16, top - 0.22),
        (collar + 0.26, top + 0.17),
    )
    heel_patch = spline((heel, 0.0), (heel + 0.24, 0.04), (heel + 0.3, low))
    x = rng.uniform(-0.42, -0.32)
    if rng.random() < 0.5:
        mark = [star(x, 0.06, 0.18)]
        words = ("star", "a star on the side", "small star on the side of the shoe")
    else:
        mark = [
            spline((x - 0.12 + k, 0.28), (x + k, 0.1), (x + 0.06 + k, -0.14)) for k in (0.0, 0.17)
        ]
        words = ("stripes", "two stripes on the side", "two slanted lines on the side of the shoe")
    return [
        part(
            "upper",
            "a curved shoe upper",
            "long shape tall at the left and low at the right",
            [upper],
        ),
        part("sole", "a thick sole", "long flat bar at the bottom", [bottom]),
        part("tongue", "a tongue", "small flap at the opening on top", [tongue], after="upper"),
        part("toe cap", "a round toe cap", "curved line near the right end", [cap], after="upper"),
        part(
            "heel patch",
            "a heel patch",
            "curved line near the left end",
            [heel_patch],
            after="upper",
        ),
        part(
            "laces", "three laces", "three short slanted lines on the slope", laces, after="upper"
        ),
        part(*words, mark, after="upper"),
    ]
