"""An astronaut in a space suit, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    both_sides,
    ellipse,
    mirror,
    polyline,
    rounded_rectangle,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part


def _arm(w: float, neck: float, *, raised: float) -> list[Curve]:
    """A right arm with its glove, hanging or raised by a length."""
    if raised:
        x, y = w + 0.42, neck + 0.5 - raised
        outer = [(w + 0.34, neck + 0.22), (x + 0.1, y)]
        inner = [(w + 0.16, neck + 0.02), (x - 0.1, y)]
        glove = ellipse(x, y - 0.1, 0.13, count=26)
        return [spline((w, neck + 0.34), *outer), spline((w * 0.94, neck + 0.08), *inner), glove]
    x, y = w + 0.42, neck + 0.62
    outer = [(w + 0.28, neck + 0.23), (x + 0.1, y - 0.02)]
    inner = [(w + 0.14, neck + 0.44), (x - 0.1, y)]
    glove = ellipse(x, y + 0.08, 0.13, count=26)
    return [spline((w * 0.94, neck + 0.08), *outer), spline((w, neck + 0.34), *inner), glove]


@concept(
    "astronaut",
    title="an astronaut",
    category="people",
    titles=("a spaceman", "an astronaut in a space suit"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.4, 0.46)
    w = rng.uniform(0.34, 0.42)
    raised = rng.uniform(0.75, 1.05) if rng.random() < 0.5 else 0.0
    stance = rng.uniform(0.04, 0.16)
    visor_w, visor_h = r * rng.uniform(0.68, 0.76), r * rng.uniform(0.5, 0.6)
    y = -1.0 + r
    neck = y + r * 0.92
    hip = neck + 0.62
    visor = rounded_rectangle(
        -visor_w, y - visor_h + 0.02, visor_w, y + visor_h + 0.02, visor_h * 0.8
    )
    torso = spline((-r * 0.5, neck - 0.02), (-w * 0.96, neck + 0.1), (-w, neck + 0.3), (-w, hip))
    pack = polyline(
        (-w - 0.02, neck + 0.06),
        (-w - 0.16, neck + 0.0),
        (-w - 0.16, neck - 0.18),
        (-r * 0.86, neck - 0.18),
    )
    left_arm = [mirror(curve) for curve in _arm(w, neck, raised=0.0)]
    boot = 1.02
    x = w * 0.5 + stance
    leg = [
        spline((-w, hip), (-x - 0.2, hip + 0.25), (-x - 0.19, boot - 0.16)),
        spline((-0.03, hip + 0.12), (-x + 0.16, hip + 0.3), (-x + 0.15, boot - 0.16)),
    ]
    shoe = rounded_rectangle(-x - 0.28, boot - 0.16, -x + 0.18, boot + 0.04, 0.08)
    panel = [
        rounded_rectangle(-w * 0.56, neck + 0.16, w * 0.56, neck + 0.42, 0.05),
        ellipse(-w * 0.24, neck + 0.29, 0.05, count=18),
        ellipse(w * 0.24, neck + 0.29, 0.05, count=18),
    ]
    return [
        part("helmet", "a round helmet", "large circle at the top", [ellipse(0, y, r)]),
        part(
            "visor",
            "a wide visor",
            "rounded rectangle inside the helmet",
            [visor],
            after="helmet",
        ),
        part("suit", "a padded suit", "two curved sides below the helmet", both_sides(torso)),
        part(
            "chest panel",
            "a chest panel",
            "small box with two buttons on the suit",
            panel,
            after="suit",
        ),
        part(
            "backpack",
            "a backpack",
            "small corners on both sides below the helmet",
            both_sides(pack),
            after="suit",
        ),
        part(
            "arms",
            "two padded arms with gloves",
            "thick bands with circles on both sides",
            [*left_arm, *_arm(w, neck, raised=raised)],
            after="suit",
        ),
        part(
            "legs",
            "two padded legs",
            "two wide bands below the suit",
            [c for line in leg for c in both_sides(line)],
            after="suit",
        ),
        part(
            "boots",
            "two big boots",
            "two rounded boxes at the bottom",
            both_sides(shoe),
            after="legs",
        ),
    ]
