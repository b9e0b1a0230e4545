"""A pair of glasses seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    mirror,
    polyline,
    rounded_rectangle,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "glasses",
    title="glasses",
    category="household",
    titles=("a pair of glasses", "reading glasses"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(0.44, 0.52), rng.uniform(0.4, 0.48)
    gap = rng.uniform(0.13, 0.18)
    cx = gap + w
    shape = int(rng.integers(3))
    if shape == 0:
        lens = ellipse(cx, 0, w, h * 1.05)
    elif shape == 1:
        lens = rounded_rectangle(cx - w, -h, cx + w, h, 0.16)
    else:
        lens = spline(
            (cx - w, -h * 0.4),
            (cx - w * 0.4, -h * 0.85),
            (cx + w * 0.6, -h),
            (cx + w * 0.98, -h * 0.75),
            (cx + w * 0.85, h * 0.35),
            (cx + w * 0.1, h * 0.95),
            (cx - w * 0.75, h * 0.6),
            closed=True,
        )
    outer = cx + w
    rise = rng.uniform(0.5, 0.65)
    y = -h * 0.45
    arm = spline(
        (outer - 0.02, y),
        (outer + 0.12, y - 0.1),
        (outer - 0.08, y - rise + 0.1),
        (outer - 0.34, y - rise),
        (outer - 0.5, y - rise + 0.16),
    )
    bridge = spline(
        (-gap - 0.02, -h * 0.15), (0, -h * 0.15 - rng.uniform(0.1, 0.16)), (gap + 0.02, -h * 0.15)
    )
    shine = [
        polyline((s * cx + k, -0.14 + 0.6 * k), (s * cx + k - 0.19, 0.08 + 0.6 * k))
        for s in (-1, 1)
        for k in (0.0, 0.14)
    ]
    return [
        part("left lens", "the left lens", "large rounded shape on the left", [mirror(lens)]),
        part("right lens", "the right lens", "large rounded shape on the right", [lens]),
        part(
            "bridge",
            "a curved bridge",
            "small arch between the lenses",
            [bridge],
            after=("left lens", "right lens"),
        ),
        part(
            "arms",
            "two folded back arms",
            "curved lines from the outer sides upwards",
            both_sides(arm),
            after=("left lens", "right lens"),
        ),
        part(
            "shine",
            "shine on the lenses",
            "slanted lines inside the lenses",
            shine,
            after=("left lens", "right lens"),
        ),
    ]
