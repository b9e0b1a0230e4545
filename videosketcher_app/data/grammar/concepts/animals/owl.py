"""An owl on a branch, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polygon, scallop, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("owl", title="an owl", category="animals", titles=("an owl on a branch",))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.52, 0.76)
    tuft = rng.uniform(0.14, 0.26)
    eye = rng.uniform(0.2, 0.24)
    pupil = eye * rng.uniform(0.36, 0.5)
    wing = rng.uniform(0.12, 0.22)
    reach = rng.uniform(1.1, 1.4)
    brow = spline(
        (-w * 0.78, -0.86 - tuft * 0.5),
        (-w * 0.5, -0.82),
        (0, -0.74),
        (w * 0.5, -0.82),
        (w * 0.78, -0.86 - tuft * 0.5),
    )
    side = [(-w * 0.78, -0.86 - tuft * 0.5), (-w * 0.92, -0.55), (-w * 0.9, -0.2), (-w, 0.2)]
    flank = spline(*side, (-w * 0.85, 0.55), (-w * 0.4, 0.8), (0, 0.84))
    feather = [
        (-w * 0.93, -0.12),
        (-w - wing, 0.16),
        (-w - wing * 0.9, 0.5),
        (-w * 0.84, 0.86),
        (-w * 0.83, 0.57),
    ]
    rows = [scallop((x, y), (-x, y), n, -0.12) for x, y, n in ((-0.3, 0.1, 3), (-0.2, 0.38, 2))]
    toes = [scallop((x - 0.17, 0.85), (x + 0.17, 0.85), 3, -0.13) for x in (-0.24, 0.24)]
    branch = [
        spline((-reach, 0.92), (-0.4, 0.86), (0.4, 0.86), (reach, 0.8)),
        spline((-reach, 1.08), (-0.4, 1.04), (0.4, 1.04), (reach, 0.94)),
    ]
    return [
        part(
            "body",
            "a plump body with ear tufts",
            "large egg with two points at the top",
            [brow, *both_sides(flank)],
        ),
        part(
            "eyes",
            "two large round eyes",
            "two large circles side by side near the top",
            both_sides(ellipse(-eye - 0.02, -0.44, eye)),
            after="body",
        ),
        part(
            "pupils",
            "two dark pupils",
            "small circles inside the eyes",
            both_sides(ellipse(-eye, -0.43, pupil, count=24)),
            after="eyes",
        ),
        part(
            "beak",
            "a small hooked beak",
            "small triangle below the eyes",
            [polygon((-0.08, -0.3), (0.08, -0.3), (0, -0.12))],
            after="eyes",
        ),
        part(
            "wings",
            "two folded wings",
            "pointed curves on both sides of the body",
            both_sides(spline(*feather)),
            after="body",
        ),
        part(
            "feathers",
            "breast feathers",
            "two rows of small bumps on the belly",
            rows,
            after="body",
        ),
        part("branch", "a branch", "two long lines along the bottom", branch),
        part(
            "feet",
            "two clawed feet",
            "two rows of small bumps on the branch",
            toes,
            after=("body", "branch"),
        ),
    ]
