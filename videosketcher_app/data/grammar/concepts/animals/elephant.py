"""An elephant with a curled trunk, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _leg(x: float, top: float, foot: float, width: float) -> Curve:
    return polyline((x, top), (x - 0.02, foot), (x + width + 0.03, foot), (x + width, top))


@concept("elephant", title="an elephant", category="animals", titles=("a big elephant",))
def draw(rng: np.random.Generator) -> list[Part]:
    rump = rng.uniform(0.95, 1.15)
    foot = rng.uniform(0.9, 1.02)
    leg = rng.uniform(0.25, 0.31)
    ear = rng.uniform(0.42, 0.55)
    tip_x, tip_y = rng.uniform(-1.66, -1.5), rng.uniform(0.1, 0.5)
    brow = [
        (-0.42, -0.62),
        (-0.68, -0.78),
        (-0.95, -0.66),
        (-1.06, -0.35),
        (-1.14, 0.05),
        (-1.2, 0.38),
    ]
    curl = [(-1.3, 0.52), (tip_x + 0.12, tip_y + 0.06), (tip_x, tip_y - 0.05)]
    under = [
        (tip_x - 0.12, tip_y + 0.08),
        (-1.44, 0.7),
        (-1.18, 0.72),
        (-1.0, 0.45),
        (-0.9, 0.12),
        (-0.68, 0.14),
    ]
    flap = [(-0.62, -0.45), (-0.35, -0.62), (-0.62 + ear, -0.5), (-0.58 + ear, -0.1), (-0.4, 0.22)]
    back = spline(
        (-0.64 + ear, -0.53),
        (0.25, -0.72),
        (rump - 0.3, -0.66),
        (rump, -0.3),
        (rump + 0.04, 0.25),
        (rump, 0.5),
    )
    belly = spline((-0.12, 0.44), (0.25, 0.52), (rump - 0.62, 0.46))
    chest = spline((-0.66, 0.14), (-0.6, 0.3), (-0.5, 0.42))
    legs = [
        _leg(-0.5, 0.42, foot, leg),
        _leg(-0.12, 0.44, foot - 0.06, leg * 0.8),
        _leg(rump - 0.64, 0.46, foot - 0.06, leg * 0.8),
    ]
    legs.append(_leg(rump - leg, 0.5, foot, leg))
    tail = [(rump, -0.3), (rump + 0.16, -0.12), (rump + 0.2, 0.2)]
    return [
        part(
            "head",
            "a head with a curled trunk",
            "round head with a long hanging tube on the left",
            [spline(*brow, *curl), spline(curl[-1], *under)],
        ),
        part(
            "ear",
            "a large ear",
            "large rounded flap behind the head",
            [spline(*flap, (-0.6, 0.0), (-0.62, -0.45))],
            after="head",
        ),
        part(
            "eye",
            "a small eye",
            "small oval inside the head",
            [ellipse(-0.84, -0.34, 0.045, 0.055, count=20)],
            after="head",
        ),
        part("body", "a huge body", "large curved back with a belly line", [back, belly, chest]),
        part("legs", "four thick legs", "four wide columns at the bottom", legs),
        part(
            "tail",
            "a thin tail",
            "thin curved line at the right end",
            [spline(*tail)],
            after="body",
        ),
    ]
