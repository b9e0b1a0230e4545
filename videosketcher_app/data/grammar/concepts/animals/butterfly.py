"""A butterfly with open wings, seen from above."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("butterfly", title="a butterfly", category="animals", titles=("a pretty butterfly",))
def draw(rng: np.random.Generator) -> list[Part]:
    span = rng.uniform(1.05, 1.3)
    rise = rng.uniform(0.75, 0.95)
    low = rng.uniform(0.8, 0.98)
    feeler = rng.uniform(0.16, 0.26)
    spot = rng.uniform(0.12, 0.17)
    small = rng.uniform(0.09, 0.13)
    upper = [
        (-0.09, -0.22),
        (-0.46, -rise + 0.14),
        (-span * 0.75, -rise - 0.1),
        (-span, -rise * 0.72),
    ]
    upper += [(-span * 0.88, -0.2), (-span * 0.6, 0.06), (-0.09, 0.02)]
    lower = [(-0.09, 0.1), (-span * 0.5, 0.14), (-span * 0.74, 0.34), (-span * 0.68, low * 0.78)]
    lower += [(-span * 0.42, low), (-0.24, low * 0.66), (-0.09, 0.34)]
    feelers = spline(
        (-0.04, -0.53), (-0.07, -0.8), (-feeler, -1.06), (-feeler - 0.1, -0.98), (-feeler, -0.92)
    )
    spots = both_sides(ellipse(-span * 0.68, -rise * 0.56, spot, spot * 1.15, count=28))
    low_spots = both_sides(ellipse(-span * 0.46, low * 0.56, small, count=24))
    stripes = [spline((-0.09, y), (0, y + 0.05), (0.09, y)) for y in (0.0, 0.2)]
    return [
        part(
            "body", "a slim body", "tall narrow oval in the middle", [ellipse(0, 0.08, 0.11, 0.46)]
        ),
        part(
            "head",
            "a small round head",
            "small circle on top of the body",
            [ellipse(0, -0.44, 0.1, count=24)],
        ),
        part(
            "antennae",
            "two curled antennae",
            "two curled lines rising from the head",
            both_sides(feelers),
            after="head",
        ),
        part(
            "upper wings",
            "two large upper wings",
            "large rounded shapes on both sides above",
            both_sides(spline(*upper)),
            after="body",
        ),
        part(
            "lower wings",
            "two smaller lower wings",
            "smaller rounded shapes on both sides below",
            both_sides(spline(*lower)),
            after="body",
        ),
        part(
            "upper spots",
            "round spots on the upper wings",
            "one circle inside each upper wing",
            spots,
            after="upper wings",
        ),
        part(
            "lower spots",
            "small spots on the lower wings",
            "one small circle inside each lower wing",
            low_spots,
            after="lower wings",
        ),
        part(
            "stripes",
            "stripes on the body",
            "short curved lines across the body",
            stripes,
            after="body",
        ),
    ]
