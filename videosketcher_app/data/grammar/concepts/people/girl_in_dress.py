"""A girl with pigtails in a flared dress, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polyline, scallop, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "girl_in_dress",
    title="a girl in a dress",
    category="people",
    titles=("a girl with pigtails in a dress",),
)
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.3, 0.36)
    flare = rng.uniform(0.6, 0.78)
    hem = rng.uniform(0.52, 0.62)
    tail = rng.uniform(0.34, 0.5)
    spread = rng.uniform(0.5, 0.72)
    lift = rng.uniform(0.0, 0.3)
    bumps = int(rng.integers(4, 7))
    y = -1.0 + r
    neck = y + r
    fringe = spline(
        (-r * 0.95, y - 0.06),
        (-r * 0.5, y - r * 0.34),
        (0, y - r * 0.62),
        (r * 0.5, y - r * 0.34),
        (r * 0.95, y - 0.06),
    )
    pigtail = spline(
        (-r * 0.96, y - 0.08),
        (-r - 0.2, y - 0.14),
        (-r - 0.28, y + tail * 0.6),
        (-r - 0.16, y + tail),
        (-r - 0.08, y + tail * 0.5),
        (-r * 0.98, y + 0.06),
    )
    eyes = ellipse(-r * 0.38, y + 0.06, 0.04, 0.05, count=18)
    smile = ellipse(0, y + r * 0.4, r * 0.36, r * 0.26, 0.3, 2.54, count=18)
    top = neck + 0.02
    waist = top + 0.36
    side = polyline((-0.2, top), (-0.17, waist), (-flare, hem))
    belt = spline((-0.17, waist), (0, waist + 0.04), (0.17, waist))
    lace = scallop((flare, hem), (-flare, hem), bumps, 0.09)
    collar = spline((-0.2, top), (-0.1, top + 0.12), (0, top + 0.06), (0.1, top + 0.12), (0.2, top))
    hand = (-spread, waist + 0.08 - lift)
    sleeve = spline(
        (-0.2, top + 0.01),
        (-0.36, top + 0.12),
        hand,
        (hand[0] + 0.06, hand[1] + 0.1),
        (-0.32, top + 0.27),
        (-0.19, top + 0.2),
    )
    leg = polyline(
        (-0.22, hem + 0.05),
        (-0.22, 0.84),
        (-0.38, 0.9),
        (-0.36, 0.96),
        (-0.1, 0.96),
        (-0.1, hem + 0.05),
    )
    return [
        part("head", "a round head", "circle at the top", [ellipse(0, y, r)]),
        part(
            "fringe",
            "a parted fringe",
            "curved line across the top of the head",
            [fringe],
            after="head",
        ),
        part(
            "pigtails",
            "two pigtails",
            "two hanging drops on both sides of the head",
            both_sides(pigtail),
            after="head",
        ),
        part(
            "face",
            "a smiling face",
            "two tiny ovals and an arc inside the head",
            [*both_sides(eyes), smile],
            after="head",
        ),
        part(
            "dress", "a flared dress", "large bell shape in the middle", [*both_sides(side), lace]
        ),
        part(
            "collar",
            "a rounded collar",
            "two small bumps at the top of the dress",
            [collar],
            after="dress",
        ),
        part("belt", "a belt", "short line across the waist", [belt], after="dress"),
        part(
            "arms",
            "two arms",
            "narrow shapes on both sides of the dress",
            both_sides(sleeve),
            after="dress",
        ),
        part(
            "legs",
            "two legs with shoes",
            "two narrow shapes at the bottom",
            both_sides(leg),
            after="dress",
        ),
    ]
