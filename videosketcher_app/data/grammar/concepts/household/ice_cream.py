"""An ice cream cone with three scoops."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, mirror, polyline, scallop, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "ice_cream",
    title="an ice cream",
    category="household",
    titles=("an ice cream cone", "three scoops of ice cream"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, tip = rng.uniform(0.52, 0.6), rng.uniform(0.88, 1.0)
    y = rng.uniform(0.0, 0.08)
    r = w * rng.uniform(0.58, 0.66)
    side = r * 0.8
    drips = int(rng.integers(3, 5))
    cone = polyline((-w * 0.9, y + 0.06), (0, tip), (w * 0.9, y + 0.06))
    left = ellipse(-side, y - r * 0.45, r, r, np.pi * 0.72, np.pi * 1.06)
    low = y + 0.04
    hem = scallop((w * 1.05, low), (-w * 1.05, low), drips, 0.12)
    ball_y = y - r * 2.0
    top = ellipse(0, ball_y, r, r, np.pi * 0.81, np.pi * 1.38)

    def at(side_x: float, t: float) -> tuple[float, float]:
        return side_x * w * 0.9 * (1 - t), y + 0.06 + (tip - y - 0.06) * t

    waffle = [
        polyline(at(s, a), at(-s, b)) for s in (-1, 1) for a, b in ((0.26, 0.56), (0.48, 0.76))
    ]
    cherry = ellipse(0.04, ball_y - r - 0.1, 0.11)
    stem = spline((0.06, ball_y - r - 0.2), (0.12, ball_y - r - 0.36), (0.26, ball_y - r - 0.42))
    bits = [
        (-side - 0.1, y - r * 0.6),
        (side + 0.05, y - r * 0.3),
        (-0.12, ball_y - 0.02),
        (0.14, ball_y - 0.14),
        (side + 0.12, y - r * 0.85),
    ]
    sprinkles = [
        polyline((a - 0.045, b + 0.03 * k), (a + 0.045, b - 0.03 * k))
        for (a, b), k in zip(bits, (1, -1, 1, -1, 0.5), strict=True)
    ]
    return [
        part("cone", "a pointed cone", "tall triangle pointing down at the bottom", [cone]),
        part(
            "waffle pattern",
            "a waffle pattern",
            "crossing slanted lines inside the cone",
            waffle,
            after="cone",
        ),
        part(
            "lower scoops",
            "two lower scoops",
            "two round humps side by side on the cone",
            [left, mirror(left)],
        ),
        part(
            "drips",
            "melting drips",
            "row of round drips along the top of the cone",
            [hem],
            after="lower scoops",
        ),
        part(
            "top scoop",
            "a top scoop",
            "round ball on top of the two humps",
            [top],
            after="lower scoops",
        ),
        part(
            "sprinkles", "sprinkles", "tiny lines inside the scoops", sprinkles, after="top scoop"
        ),
        part(
            "cherry",
            "a cherry with a stem",
            "small circle with a curved stem at the top",
            [cherry, stem],
            after="top scoop",
        ),
    ]
