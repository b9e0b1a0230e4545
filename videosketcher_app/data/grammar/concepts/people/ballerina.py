"""A ballerina on the tip of one foot with a raised leg."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    mirror,
    polyline,
    scallop,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "ballerina",
    title="a ballerina",
    category="people",
    titles=("a ballet dancer", "a dancing ballerina"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.22, 0.26)
    tutu = rng.uniform(0.52, 0.68)
    lift = rng.uniform(0.05, 0.32)
    reach = rng.uniform(0.85, 1.05)
    arch = rng.uniform(0.44, 0.54)
    bumps = int(rng.integers(5, 8))
    y = -0.78
    neck = y + r
    shoulder, waist = neck + 0.12, neck + 0.46
    hair = spline((-r * 0.98, y), (-r * 0.4, y - r * 0.5), (r * 0.4, y - r * 0.5), (r * 0.98, y))
    bun = ellipse(0, y - r - 0.08, 0.1, 0.09, 2.3, 5.0, count=26)
    face = [
        *both_sides(ellipse(-r * 0.4, y + 0.02, 0.035, count=14)),
        ellipse(0, y + 0.08, 0.1, 0.07, 0.2, 2.74, count=14),
    ]
    bodice = spline(
        (-0.06, neck - 0.01),
        (-0.07, shoulder - 0.06),
        (-0.2, shoulder + 0.02),
        (-0.15, shoulder + 0.2),
        (-0.12, waist),
    )
    low = waist + 0.16
    skirt = spline((-0.12, waist), (-tutu * 0.6, waist), (-tutu, low - 0.02))
    hem = scallop((tutu, low), (-tutu, low), bumps, 0.1)
    tutu_outline = np.vstack([mirror(skirt), hem, skirt[::-1]])
    hands = (-0.12, y - 0.54)
    upper_edge = spline(
        (-0.2, shoulder + 0.02), (-arch - 0.06, shoulder - 0.3), (-arch, y - 0.26), hands
    )
    lower_edge = spline(
        hands, (-arch + 0.1, y - 0.2), (-arch + 0.06, shoulder - 0.24), (-0.1, shoulder - 0.05)
    )
    arm = np.vstack([upper_edge, lower_edge])
    leg = polyline(
        (-0.16, low + 0.08),
        (-0.12, 0.62),
        (-0.07, 0.94),
        (-0.02, 1.1),
        (0.02, 0.94),
        (0.03, 0.62),
        (0.04, low + 0.08),
    )
    toe = (reach + 0.24, 0.5 - lift)
    mid_x, mid_y = (0.22 + toe[0]) / 2, (low + 0.08 + toe[1]) / 2
    raised = [spline((0.22, low + 0.08), (mid_x, mid_y - 0.02), toe)]
    raised.append(spline(toe, (mid_x + 0.1, mid_y + 0.12), (0.05, low + 0.26)))
    ribbon = [polyline((-0.1, 0.74), (0.03, 0.68)), polyline((-0.1, 0.84), (0.03, 0.78))]
    return [
        part("head", "a small head", "small circle near the top", [ellipse(0, y, r)]),
        part(
            "hair",
            "hair in a bun",
            "curved line with a small round bump above",
            [hair, bun],
            after="head",
        ),
        part(
            "face", "a smiling face", "two dots and a tiny arc inside the head", face, after="head"
        ),
        part("bodice", "a slim bodice", "two narrow curves below the head", both_sides(bodice)),
        part(
            "arms",
            "two arms raised overhead",
            "two curved bands forming an oval around the head",
            both_sides(arm),
            after="bodice",
        ),
        part(
            "tutu",
            "a wide tutu",
            "wide flat shape with a bumpy hem in the middle",
            [tutu_outline],
            after="bodice",
        ),
        part(
            "standing leg",
            "a leg on tiptoe",
            "long narrow spike at the bottom",
            [leg],
            after="tutu",
        ),
        part(
            "raised leg",
            "a raised leg",
            "long pointed shape reaching out to the right",
            raised,
            after="tutu",
        ),
        part(
            "ribbons",
            "ribbons at the ankle",
            "two short lines across the standing leg",
            ribbon,
            after="standing leg",
        ),
    ]
