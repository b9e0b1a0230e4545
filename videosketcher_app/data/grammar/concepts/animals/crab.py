"""A crab with raised claws, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("crab", title="a crab", category="animals", titles=("a crab with big claws",))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.66, 0.8)
    h = rng.uniform(0.36, 0.52)
    claw = rng.uniform(0.28, 0.36)
    stalk = rng.uniform(0.2, 0.32)
    eye = rng.uniform(0.09, 0.12)
    step = rng.uniform(0.4, 0.54)
    y = 0.25
    shell = spline(
        (-w, y - 0.04),
        (-w * 0.72, y - h * 0.78),
        (0, y - h),
        (w * 0.72, y - h * 0.78),
        (w, y - 0.04),
        (w * 0.66, y + h * 0.8),
        (0, y + h),
        (-w * 0.66, y + h * 0.8),
        closed=True,
    )
    cx, cy = -w - 0.42, y - 0.78
    arm = [
        spline((-w * 0.96, y - 0.14), (-w - 0.26, y - 0.16), (cx - 0.02, cy + claw * 0.98)),
        spline((-w * 0.84, y - 0.26), (-w - 0.14, y - 0.32), (cx + claw * 0.5, cy + claw * 0.84)),
    ]
    palm = ellipse(cx, cy, claw * 0.86, claw, -0.95, 5.2, tilt=0.1, count=40)
    palm = np.vstack([palm, [(cx + claw * 0.02, cy + claw * 0.12)], palm[:1]])
    stem = polyline((-w * 0.3, y - h * 0.95), (-w * 0.34, y - h * 0.95 - stalk))
    ball = ellipse(-w * 0.34, y - h * 0.95 - stalk - eye, eye, count=28)
    pupil = ellipse(-w * 0.34, y - h * 0.95 - stalk - eye, 0.035, count=14)
    roots = ((0.98, 0.08, 0.0), (0.86, 0.22, 0.14), (0.68, 0.33, 0.26))
    legs = [
        polyline(
            (-w * a, y + b),
            (-w * a - step * (0.8 - d), y + b - 0.06 + d * 0.6),
            (-w * a - step * (1.0 - d), y + b + 0.34),
        )
        for a, b, d in roots
    ]
    smile = ellipse(0, y - 0.02, rng.uniform(0.2, 0.28), 0.16, 0.25, 2.64, count=20)
    return [
        part("shell", "a wide shell", "wide oval in the middle", [shell]),
        part(
            "eye stalks",
            "two eye stalks",
            "two short lines rising from the shell",
            both_sides(stem),
            after="shell",
        ),
        part(
            "eyes",
            "two round eyes",
            "two circles with dots on the stalks",
            [*both_sides(ball), *both_sides(pupil)],
            after="eye stalks",
        ),
        part(
            "arms",
            "two raised arms",
            "curved lines rising on both sides of the shell",
            [c for line in arm for c in both_sides(line)],
            after="shell",
        ),
        part(
            "claws",
            "two big claws",
            "large open ovals at the top of the arms",
            both_sides(palm),
            after="arms",
        ),
        part(
            "legs",
            "six bent legs",
            "three bent lines on both sides of the shell",
            [c for leg in legs for c in both_sides(leg)],
            after="shell",
        ),
        part("mouth", "a smiling mouth", "curved line inside the shell", [smile], after="shell"),
    ]
