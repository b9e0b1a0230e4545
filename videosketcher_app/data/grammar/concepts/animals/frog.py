"""A sitting frog with bulging eyes, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("frog", title="a frog", category="animals", titles=("a sitting frog", "a green frog"))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.62, 0.74)
    eye = rng.uniform(0.2, 0.25)
    knee = rng.uniform(1.0, 1.16)
    grin = rng.uniform(0.1, 0.22)
    belly = rng.uniform(0.4, 0.48)
    ex, ey = w * 0.6, -0.62
    face = spline((-w * 0.88, -0.52), (-w * 1.03, -0.28), (-w * 0.9, -0.02), (-w * 0.68, 0.1))
    brow = spline((-ex + eye * 0.8, ey + 0.1), (0, -0.54), (ex - eye * 0.8, ey + 0.1))
    lids = both_sides(ellipse(-ex, ey, eye, eye, 2.5, 4.4, count=32))
    pupils = both_sides(ellipse(-ex, ey - 0.02, eye * 0.42, count=22))
    mouth = spline(
        (-w * 0.78, -0.26),
        (-w * 0.4, -0.24 + grin),
        (0, -0.2 + grin),
        (w * 0.4, -0.24 + grin),
        (w * 0.78, -0.26),
    )
    nostrils = both_sides(ellipse(-0.08, -0.36, 0.03, count=14))
    side = spline((-w * 0.68, 0.1), (-belly - 0.12, 0.36), (-belly, 0.62))
    arm = spline(
        (-0.3, 0.24),
        (-0.32, 0.6),
        (-0.44, 0.84),
        (-0.4, 0.93),
        (-0.3, 0.88),
        (-0.22, 0.95),
        (-0.14, 0.88),
        (-0.06, 0.92),
        (-0.1, 0.8),
        (-0.14, 0.5),
    )
    thigh = [
        (-belly - 0.12, 0.3),
        (-knee + 0.1, 0.14),
        (-knee, 0.4),
        (-knee + 0.18, 0.68),
        (-belly - 0.18, 0.84),
    ]
    foot = [
        (-knee + 0.16, 0.68),
        (-knee - 0.12, 0.88),
        (-knee, 0.96),
        (-knee + 0.14, 0.9),
        (-knee + 0.26, 0.97),
        (-knee + 0.38, 0.9),
        (-belly - 0.18, 0.84),
    ]
    return [
        part("head", "a wide head", "wide rounded shape at the top", [brow, *both_sides(face)]),
        part("eyes", "two bulging eyes", "two round bumps on top of the head", lids, after="head"),
        part("pupils", "two dark pupils", "small circles inside the eyes", pupils, after="eyes"),
        part(
            "mouth",
            "a wide smiling mouth",
            "long curved line across the head",
            [mouth],
            after="head",
        ),
        part(
            "nostrils", "two nostrils", "two tiny circles above the mouth", nostrils, after="head"
        ),
        part(
            "body",
            "a plump body",
            "two curved sides below the head",
            both_sides(side),
            after="head",
        ),
        part(
            "front legs",
            "two front legs",
            "two narrow shapes with toes in the middle",
            both_sides(arm),
            after="body",
        ),
        part(
            "hind legs",
            "two folded hind legs",
            "rounded shapes on both sides of the body",
            both_sides(spline(*thigh)),
            after="body",
        ),
        part(
            "hind feet",
            "two webbed feet",
            "flat toothed shapes in both bottom corners",
            both_sides(spline(*foot)),
            after="hind legs",
        ),
    ]
