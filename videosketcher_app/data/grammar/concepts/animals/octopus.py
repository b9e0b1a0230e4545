"""An octopus with curling arms, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, both_sides, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _arm(inner: float, outer: float, reach: float, drop: float) -> Curve:
    """A left arm from the inner root down and out to a curled tip and back to the outer root."""
    tip = (-reach, drop - 0.24)
    under = [
        (-inner, 0.28),
        (-inner - 0.06, 0.55),
        (-(inner + reach) / 2, drop),
        (-reach - 0.06, drop - 0.06),
    ]
    return spline(
        *under,
        tip,
        (-reach + 0.1, drop - 0.14),
        (-(outer + reach) / 2, drop - 0.22),
        (-outer, 0.28),
    )


@concept("octopus", title="an octopus", category="animals", titles=("a smiling octopus",))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.46, 0.64)
    top = rng.uniform(-1.0, -0.88)
    eye = rng.uniform(0.1, 0.14)
    reach = rng.uniform(1.05, 1.35)
    drop = rng.uniform(0.82, 0.98)
    dome = [
        (-w * 0.72, 0.1),
        (-w, -0.3),
        (-w * 0.86, top + 0.26),
        (0, top),
        (w * 0.86, top + 0.26),
        (w, -0.3),
        (w * 0.72, 0.1),
    ]
    hip = w * 0.72
    swirl = spline(
        (-hip, 0.1),
        (-hip - 0.28, 0.24),
        (-reach + 0.14, 0.12),
        (-reach, -0.14),
        (-reach + 0.18, -0.2),
    )
    swirl_low = spline(
        (-reach + 0.18, -0.2),
        (-reach - 0.12, -0.28),
        (-reach - 0.14, 0.14),
        (-hip - 0.3, 0.42),
        (-hip - 0.02, 0.26),
    )
    outer_arms = [curve for half in (swirl, swirl_low) for curve in both_sides(half)]
    middle = _arm(hip * 0.64, hip * 0.98, reach * 0.82, drop - 0.02)
    inner = spline(
        (-hip * 0.58, 0.36),
        (-0.28, 0.66),
        (-0.46, drop + 0.06),
        (-0.34, drop + 0.14),
        (-0.14, 0.74),
        (0, 0.38),
    )
    smile = ellipse(0, -0.1, rng.uniform(0.14, 0.2), 0.12, 0.3, 2.54, count=20)
    pupils = ellipse(-w * 0.42, -0.3, eye * 0.42, count=18)
    return [
        part("head", "a tall round head", "large dome at the top", [spline(*dome)]),
        part(
            "eyes",
            "two round eyes",
            "two circles side by side inside the head",
            both_sides(ellipse(-w * 0.42, -0.32, eye, count=28)),
            after="head",
        ),
        part(
            "pupils",
            "two dark pupils",
            "small circles inside the eyes",
            both_sides(pupils),
            after="eyes",
        ),
        part("mouth", "a smiling mouth", "curved line below the eyes", [smile], after="eyes"),
        part(
            "outer arms",
            "two curled outer arms",
            "long curls rising on both sides of the head",
            outer_arms,
            after="head",
        ),
        part(
            "middle arms",
            "two middle arms",
            "long curves reaching out below the head",
            both_sides(middle),
            after="head",
        ),
        part(
            "inner arms",
            "two inner arms",
            "two tapered curves hanging at the bottom",
            both_sides(inner),
            after="head",
        ),
    ]
