"""A duck swimming on water, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("duck", title="a duck", category="animals", titles=("a swimming duck",))
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.27, 0.38)
    y = rng.uniform(-0.72, -0.6)
    stern = rng.uniform(0.8, 1.2)
    bill = rng.uniform(0.26, 0.38)
    wing = rng.uniform(0.5, 0.62)
    waves = rng.uniform(3.0, 4.5)
    x = -0.55
    left = x - r * 0.9
    head = ellipse(x, y, r, r, 2.2, 4.95)
    end, start = head[-1], head[0]
    back = [tuple(end), (x + r * 0.66, -0.22), (-0.12, -0.06), (0.4, -0.08), (stern, -0.34)]
    rear = [(stern, -0.34), (stern - 0.02, 0.05), (stern - 0.25, 0.42), (stern - 0.4, 0.5)]
    front = [tuple(start), (x - r * 0.62, -0.26), (-0.92, 0.02), (-0.92, 0.3), (-0.72, 0.5)]
    beak = [
        (left, y - 0.06),
        (left - bill * 0.5, y + 0.0),
        (left - bill, y - 0.02),
        (left - bill * 0.96, y + 0.08),
    ]
    beak += [(left - bill * 0.4, y + 0.18), (left + 0.03, y + 0.16)]
    leaf = [(-0.42, 0.1), (-0.1, 0.02), (0.15, 0.06), (wing, -0.06)]
    under = [(wing, -0.06), (0.4, 0.26), (0.05, 0.36), (-0.3, 0.28), (-0.42, 0.1)]
    water = [wave((-1.5, 0.58), (1.5, 0.58), 0.045, waves)]
    water.append(wave((-1.0, 0.8), (1.1, 0.8), 0.045, waves * 0.7, phase=1.0))
    return [
        part("head", "a round head", "round shape at the upper left", [head]),
        part(
            "bill",
            "a flat bill",
            "flat rounded shape on the left of the head",
            [spline(*beak)],
            after="head",
        ),
        part(
            "eye",
            "a round eye",
            "small circle inside the head",
            [ellipse(x - r * 0.3, y - 0.06, 0.05, count=20)],
            after="head",
        ),
        part(
            "body",
            "a boat-shaped body",
            "neck, breast and back in long curves",
            [spline(*back), spline(*front)],
        ),
        part(
            "tail",
            "a pointed tail",
            "curve turning up at the right end",
            [spline(*rear)],
            after="body",
        ),
        part(
            "wing",
            "a folded wing",
            "pointed leaf inside the body",
            [spline(*leaf), spline(*under)],
            after="body",
        ),
        part("water", "rippling water", "two wavy lines along the bottom", water),
    ]
