"""An old television with an aerial."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    polyline,
    rounded_rectangle,
    spline,
)
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "television",
    title="a television",
    category="household",
    titles=("an old television", "a TV set"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(0.9, 1.05), rng.uniform(0.52, 0.6)
    cy = 0.22
    panel = rng.uniform(0.4, 0.48)
    x1 = w - panel
    spread, tall = rng.uniform(0.3, 0.48), rng.uniform(0.42, 0.55)
    screen = spline(
        (-w + 0.12, cy - h + 0.16),
        (-w + 0.2, cy - h + 0.1),
        ((x1 - w) / 2, cy - h + 0.07),
        (x1 - 0.08, cy - h + 0.1),
        (x1, cy - h + 0.16),
        (x1 + 0.02, cy),
        (x1, cy + h - 0.16),
        (x1 - 0.08, cy + h - 0.1),
        ((x1 - w) / 2, cy + h - 0.07),
        (-w + 0.2, cy + h - 0.1),
        (-w + 0.12, cy + h - 0.16),
        (-w + 0.1, cy),
        closed=True,
    )
    kx = (x1 + w) / 2 + 0.03
    slots = [polyline((kx - 0.12, y), (kx + 0.12, y)) for y in (cy + 0.14, cy + 0.25, cy + 0.36)]
    knobs = [ellipse(kx, cy - h + k, 0.1) for k in (0.2, 0.46)]
    foot = polyline(
        (-w * 0.72, cy + h),
        (-w * 0.85, cy + h + 0.2),
        (-w * 0.72, cy + h + 0.2),
        (-w * 0.55, cy + h),
    )
    top = cy - h
    base = path(ellipse(0, top, 0.2, 0.12, np.pi, np.pi))
    rods = [polyline((s * 0.06, top - 0.11), (s * spread, top - tall)) for s in (-1, 1)]
    tips = [ellipse(s * (spread + 0.03), top - tall - 0.045, 0.05) for s in (-1, 1)]
    shine = [
        polyline((-w + 0.28, cy - 0.05), (-w + 0.52, cy - 0.3)),
        polyline((-w + 0.3, cy + 0.16), (-w + 0.7, cy - 0.26)),
    ]
    return [
        part(
            "case",
            "a wide case",
            "large rounded rectangle in the middle",
            [rounded_rectangle(-w, cy - h, w, cy + h, 0.12)],
        ),
        part(
            "screen",
            "a bulging screen",
            "large rounded rectangle on the left inside the case",
            [screen],
            after="case",
        ),
        part(
            "knobs",
            "two round knobs",
            "two circles on the right inside the case",
            knobs,
            after="case",
        ),
        part("speaker", "a speaker", "three short lines below the knobs", slots, after="case"),
        part(
            "aerial",
            "an aerial with two rods",
            "two spreading lines on top of the case",
            [base, *rods, *tips],
            after="case",
        ),
        part(
            "feet",
            "two short feet",
            "two short slanted legs under the case",
            both_sides(foot),
            after="case",
        ),
        part(
            "shine",
            "shine on the screen",
            "two slanted lines inside the screen",
            shine,
            after="screen",
        ),
    ]
