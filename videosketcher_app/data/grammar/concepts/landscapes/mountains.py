"""Snowy mountains with pines."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, polyline, wave
from videosketcher_app.data.grammar.motifs import bird, pine, sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "mountains",
    title="mountains",
    category="landscapes",
    titles=("snowy mountains", "a mountain range"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    base = 0.5
    mid_x, mid_y = rng.uniform(-0.2, 0.2), rng.uniform(-0.95, -0.8)
    left_x, left_y = rng.uniform(-1.05, -0.9), rng.uniform(-0.45, -0.25)
    right_x, right_y = rng.uniform(0.9, 1.05), rng.uniform(-0.5, -0.3)
    slope = rng.uniform(0.85, 1.0)

    def flank(x: float, y: float, side: int, low: float) -> tuple[float, float]:
        return x + side * (low - y) / 1.5 * slope, low

    def snow(x: float, y: float, depth: float) -> Curve:
        a, b = flank(x, y, -1, y + depth), flank(x, y, 1, y + depth)
        w = b[0] - a[0]
        return polyline(
            a,
            (x - 0.22 * w, y + depth * 0.72),
            (x - 0.05 * w, y + depth * 1.15),
            (x + 0.14 * w, y + depth * 0.75),
            (x + 0.3 * w, y + depth * 1.1),
            b,
        )

    def meet(side: int, x: float, y: float) -> tuple[float, float]:
        """Where the inner flank of a side peak reaches the flank of the middle one."""
        run = 1.5 / slope
        low = (side * (x - mid_x) * run + mid_y + y) / 2
        return flank(mid_x, mid_y, side, low)

    left = polyline(flank(left_x, left_y, -1, base), (left_x, left_y), meet(-1, left_x, left_y))
    right = polyline(
        meet(1, right_x, right_y), (right_x, right_y), flank(right_x, right_y, 1, base)
    )
    middle = polyline(flank(mid_x, mid_y, -1, base), (mid_x, mid_y), flank(mid_x, mid_y, 1, base))
    trees = [
        curve
        for x, h in ((-0.95, 0.4), (-0.58, 0.33), (0.75, 0.38))
        for curve in pine(x, 0.98, h, 0.16)
    ]
    sun_x = rng.uniform(-1.5, -1.35)
    return [
        part("middle peak", "a high middle peak", "large triangle in the middle", [middle]),
        part(
            "left peak",
            "a lower left peak",
            "smaller triangle on the left",
            [left],
            after="middle peak",
        ),
        part(
            "right peak",
            "a lower right peak",
            "smaller triangle on the right",
            [right],
            after="middle peak",
        ),
        part(
            "snow caps",
            "jagged snow caps",
            "zigzag lines under the peaks",
            [snow(mid_x, mid_y, 0.4), snow(left_x, left_y, 0.24), snow(right_x, right_y, 0.24)],
            after=("middle peak", "left peak", "right peak"),
        ),
        part(
            "ground",
            "a ground line",
            "long wavy line below the mountains",
            [wave((-1.75, base + 0.03), (1.75, base + 0.03), 0.025, 2.0)],
        ),
        part("pine trees", "three pine trees", "three pointed trees at the bottom", trees),
        part(
            "sun",
            "a shining sun",
            "circle with short rays at the upper left",
            sun_disc(sun_x, -0.66, 0.16, 8),
        ),
        part(
            "birds",
            "two birds",
            "two small curved marks at the upper right",
            [bird(1.1, -0.8, 0.12), bird(1.42, -0.68, 0.1)],
        ),
    ]
