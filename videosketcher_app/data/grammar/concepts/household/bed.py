"""A bed seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline, star
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("bed", title="a bed", category="household", titles=("a wooden bed", "a cozy bed"))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(1.1, 1.3)
    head, foot = rng.uniform(-0.8, -0.6), rng.uniform(-0.3, -0.14)
    mat, frame, floor = rng.uniform(0.02, 0.1), 0.36, 0.85
    post = rng.uniform(0.13, 0.17)
    knob = rng.uniform(0.08, 0.1)

    def board(x: float, top: float) -> list[Curve]:
        return [
            polyline((x, floor), (x, top), (x + post, top), (x + post, floor), (x, floor)),
            ellipse(x + post / 2, top - knob, knob),
        ]

    x0, x1 = -w + post, w - post
    fold = x0 + rng.uniform(0.6, 0.72)
    pillow = spline(
        (x0 + 0.05, mat),
        (x0 + 0.02, mat - 0.18),
        (x0 + 0.2, mat - 0.3),
        (x0 + 0.52, mat - 0.26),
        (x0 + 0.62, mat - 0.1),
        (x0 + 0.56, mat),
    )
    blanket = spline(
        (fold, frame),
        (fold - 0.04, mat + 0.06),
        (fold + 0.06, mat - 0.16),
        (fold + 0.4, mat - 0.22),
        ((fold + x1) / 2 + 0.2, mat - 0.14),
        (x1 - 0.2, mat - 0.18),
        (x1, mat - 0.02),
    )
    turned = spline((fold + 0.2, mat - 0.2), (fold + 0.16, mat + 0.06), (fold + 0.2, frame))
    gap = (x1 - fold) / 3
    spots = [star(fold + 0.2 + gap * k, (mat + frame) / 2 - 0.06, 0.1) for k in (0.6, 1.5, 2.2)]
    return [
        part("headboard", "a tall headboard", "tall post with a ball on the left", board(-w, head)),
        part(
            "footboard", "a low footboard", "shorter post with a ball on the right", board(x1, foot)
        ),
        part(
            "mattress",
            "a mattress",
            "horizontal line between the posts on the left",
            [polyline((x0, mat), (fold - 0.03, mat))],
        ),
        part(
            "frame",
            "a long bed frame",
            "long flat bar between the posts",
            [polyline((x0, frame), (x1, frame)), polyline((x1, frame + 0.17), (x0, frame + 0.17))],
        ),
        part("pillow", "a soft pillow", "puffy shape at the left end", [pillow], after="mattress"),
        part(
            "blanket", "a thick blanket", "long wavy shape from the middle to the right", [blanket]
        ),
        part(
            "blanket edge",
            "a turned blanket edge",
            "upright curve near the left end of the blanket",
            [turned],
            after="blanket",
        ),
        part(
            "stars",
            "three stars on the blanket",
            "three small stars inside the blanket",
            spots,
            after="blanket",
        ),
    ]
