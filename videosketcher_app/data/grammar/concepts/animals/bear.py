"""A sitting bear, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("bear", title="a bear", category="animals", titles=("a sitting bear", "a teddy bear"))
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.42, 0.5)
    y = -0.5
    ear = rng.uniform(0.13, 0.18)
    w = rng.uniform(0.46, 0.64)
    muzzle = rng.uniform(0.22, 0.26)
    lift = rng.uniform(-0.1, 0.22)
    foot = rng.uniform(0.2, 0.25)
    ears = ellipse(-r * 0.74, y - r * 0.72, ear, ear, 2.15, 3.55, count=32)
    neck = y + r * 0.8
    body = [(-r * 0.62, neck), (-w * 0.92, 0.25), (-w, 0.55), (-w * 0.94, 0.66)]
    arm = [
        (-r * 0.68, neck + 0.04),
        (-w - 0.16, 0.2 - lift * 0.5),
        (-w - 0.28, 0.42 - lift),
        (-w - 0.14, 0.54 - lift * 0.8),
        (-w * 0.94, 0.34),
    ]
    foot_x = -w * 0.8
    nose = ellipse(0, y + 0.06, 0.085, 0.06, count=24)
    smile = [
        polyline((0, y + 0.12), (0, y + 0.26)),
        ellipse(0, y + 0.14, 0.13, 0.12, 0.3, 2.54, count=16),
    ]
    bottom = spline((foot_x + foot * 0.95, 0.9), (0, 0.95), (-foot_x - foot * 0.95, 0.9))
    return [
        part("head", "a big round head", "large circle at the top", [ellipse(0, y, r, r * 0.92)]),
        part(
            "ears",
            "two round ears",
            "two small half circles on top of the head",
            both_sides(ears),
            after="head",
        ),
        part(
            "eyes",
            "two small eyes",
            "two small circles inside the head",
            both_sides(ellipse(-r * 0.4, y - 0.08, 0.045, count=20)),
            after="head",
        ),
        part(
            "muzzle",
            "a light muzzle",
            "oval in the lower half of the head",
            [ellipse(0, y + 0.14, muzzle, muzzle * 0.86)],
            after="head",
        ),
        part(
            "nose and mouth",
            "a nose with a smile",
            "small oval with a curved line below it",
            [nose, *smile],
            after="muzzle",
        ),
        part(
            "body",
            "a plump body",
            "large rounded shape below the head",
            [*both_sides(spline(*body)), bottom],
        ),
        part(
            "belly",
            "a round belly",
            "circle inside the body",
            [ellipse(0, 0.42, w * 0.56, 0.3)],
            after="body",
        ),
        part(
            "arms",
            "two thick arms",
            "rounded shapes on both sides of the body",
            both_sides(spline(*arm)),
            after="body",
        ),
        part(
            "feet",
            "two big feet",
            "two circles at the bottom",
            both_sides(ellipse(foot_x, 0.88, foot, foot * 1.05, count=32)),
            after="body",
        ),
    ]
