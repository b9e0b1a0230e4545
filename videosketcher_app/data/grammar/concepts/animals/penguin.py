"""A penguin standing upright, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polygon, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("penguin", title="a penguin", category="animals", titles=("a standing penguin",))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.5, 0.62)
    head = rng.uniform(0.34, 0.4)
    spread = rng.uniform(0.12, 0.42)
    foot = rng.uniform(0.2, 0.26)
    eye = rng.uniform(0.045, 0.06)
    side = [
        (0, -1.0),
        (-head * 0.72, -0.9),
        (-head, -0.62),
        (-head * 1.02, -0.36),
        (-w * 0.94, 0.05),
    ]
    side += [(-w, 0.45), (-w * 0.76, 0.82), (0, 0.94)]
    tip = (-w - spread, 0.42 - spread * 0.5)
    flipper = [
        (-head * 1.06, -0.3),
        (-w * 0.98 - spread * 0.5, -0.06),
        tip,
        (-w * 1.0 - spread * 0.2, 0.36),
        (-w * 0.96, 0.14),
    ]
    mask = [
        (0, -0.66),
        (-0.1, -0.8),
        (-head * 0.62, -0.76),
        (-head * 0.7, -0.52),
        (-head * 0.52, -0.28),
    ]
    belly = [
        (-head * 0.52, -0.28),
        (-w * 0.66, 0.05),
        (-w * 0.72, 0.45),
        (-w * 0.46, 0.74),
        (0, 0.8),
    ]
    web = [
        (-0.1, 0.93),
        (-0.12 - foot, 0.94),
        (-0.2 - foot, 1.06),
        (-0.08, 1.08),
        (-0.04, 1.0),
        (-0.1, 0.93),
    ]
    beak = polygon((-0.1, -0.5), (0.1, -0.5), (0, -0.34))
    return [
        part(
            "body", "an upright body", "tall bottle shape in the middle", both_sides(spline(*side))
        ),
        part(
            "belly",
            "a white face and belly",
            "long pale patch with a heart-shaped top",
            both_sides(spline(*mask, *belly)),
            after="body",
        ),
        part(
            "eyes",
            "two round eyes",
            "two small circles near the top",
            both_sides(ellipse(-head * 0.36, -0.58, eye, count=20)),
            after="body",
        ),
        part("beak", "a pointed beak", "small triangle below the eyes", [beak], after="body"),
        part(
            "flippers",
            "two flippers",
            "two narrow leaves on both sides of the body",
            both_sides(spline(*flipper)),
            after="body",
        ),
        part(
            "feet",
            "two flat feet",
            "two flat ovals at the bottom",
            both_sides(spline(*web)),
            after="body",
        ),
    ]
