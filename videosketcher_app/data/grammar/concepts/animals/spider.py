"""A spider hanging on its thread, seen from above."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import FULL, TOP, both_sides, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("spider", title="a spider", category="animals", titles=("a spider on a thread",))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.4, 0.5)
    h = rng.uniform(0.4, 0.5)
    head = rng.uniform(0.28, 0.32)
    reach = rng.uniform(1.1, 1.4)
    knee = rng.uniform(0.28, 0.42)
    thread = rng.uniform(0.3, 0.5)
    hang = -h - 0.06
    tuck = 0.7  # half angle of the piece of the head that the body hides
    hy = h * np.sqrt(1 - (head * np.sin(tuck) / w) ** 2) + head * np.cos(tuck)
    upper, lower = [], []
    for i, (root, out, foot) in enumerate(
        ((-0.16, 0.8, -0.62), (0.06, 1.0, 0.02), (0.28, 0.98, 0.62), (0.4, 0.66, 1.02))
    ):
        bend = root - knee if i < 2 else root - knee * 0.5
        start = (-w * (0.98 if i < 2 else 0.86), root)
        leg = polyline(start, (-w - (reach * out - w) * 0.5, bend), (-reach * out, foot))
        (upper if i < 2 else lower).extend(both_sides(leg))
    eyes = both_sides(ellipse(-head * 0.4, hy + 0.01, 0.075, count=22))
    smile = ellipse(0, hy + 0.11, 0.1, 0.08, 0.2, 2.74, count=14)
    mark = spline((-w * 0.5, -0.16), (0, 0.02), (w * 0.5, -0.16))
    low_mark = spline((-w * 0.5, 0.06), (0, 0.24), (w * 0.5, 0.06))
    return [
        part(
            "thread",
            "a long thread",
            "straight line hanging down at the top",
            [polyline((0, hang - thread), (0, -h))],
        ),
        part("body", "a big round body", "large circle in the middle", [ellipse(0, 0, w, h)]),
        part(
            "head",
            "a small head",
            "small circle under the body",
            [ellipse(0, hy, head, head, TOP + tuck, FULL - 2 * tuck)],
            after="body",
        ),
        part("eyes", "two round eyes", "two small circles inside the head", eyes, after="head"),
        part("mouth", "a tiny smile", "short arc below the eyes", [smile], after="eyes"),
        part(
            "upper legs",
            "four upper legs",
            "two bent lines on both sides of the body",
            upper,
            after="body",
        ),
        part(
            "lower legs",
            "four lower legs",
            "two bent lines on both sides lower down",
            lower,
            after="body",
        ),
        part(
            "markings",
            "markings on the back",
            "two curved lines inside the body",
            [mark, low_mark],
            after="body",
        ),
    ]
