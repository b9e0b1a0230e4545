"""A cake of two tiers with candles."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, scallop, spline
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "cake", title="a cake", category="household", titles=("a birthday cake", "a cake with candles")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w1, w2 = rng.uniform(0.72, 0.85), rng.uniform(0.42, 0.54)
    y0, y1, y2 = 0.72, 0.2, rng.uniform(-0.3, -0.22)
    drips, count = int(rng.integers(5, 8)), int(rng.integers(3, 5))
    depth = rng.uniform(0.12, 0.17)

    def tier(w: float, low: float, high: float) -> Curve:
        return path(
            polyline((-w, low), (-w, high + 0.06)),
            spline((-w, high + 0.06), (-w + 0.02, high + 0.02), (-w + 0.06, high)),
            spline((w - 0.06, high), (w - 0.02, high + 0.02), (w, high + 0.06)),
            polyline((w, low)),
        )

    xs = np.linspace(-w2 + 0.14, w2 - 0.14, count)
    candles = [
        polyline((x - 0.04, y2), (x - 0.04, y2 - 0.32), (x + 0.04, y2 - 0.32), (x + 0.04, y2))
        for x in xs
    ]
    flames = [
        spline(
            (x, y2 - 0.62),
            (x - 0.07, y2 - 0.46),
            (x, y2 - 0.38),
            (x + 0.07, y2 - 0.46),
            (x, y2 - 0.62),
        )
        for x in xs
    ]
    berries = [ellipse(s * (w1 + w2) / 2, y1 - 0.09, 0.09) for s in (-1, 1)]
    return [
        part("lower tier", "a wide lower tier", "wide block at the bottom", [tier(w1, y0, y1)]),
        part(
            "upper tier",
            "a smaller upper tier",
            "smaller block on top of the wide block",
            [tier(w2, y1, y2)],
        ),
        part(
            "lower icing",
            "dripping icing",
            "row of round drips on the wide block",
            [scallop((w1, y1 + 0.12), (-w1, y1 + 0.12), drips + 2, depth)],
            after="lower tier",
        ),
        part(
            "upper icing",
            "icing on the upper tier",
            "row of round drips on the smaller block",
            [scallop((w2, y2 + 0.1), (-w2, y2 + 0.1), drips - 1, depth)],
            after="upper tier",
        ),
        part("candles", "thin candles", "thin upright bars on top of the cake", candles),
        part("flames", "little flames", "small drops above the candles", flames, after="candles"),
        part("cherries", "two cherries", "two small circles on the step of the cake", berries),
        part(
            "plate",
            "a cake plate",
            "wide flat dish under the cake",
            [
                path(
                    polyline((-1.02, y0)),
                    spline(
                        (1.02, y0),
                        (0.9, y0 + 0.14),
                        (0.6, y0 + 0.19),
                        (-0.6, y0 + 0.19),
                        (-0.9, y0 + 0.14),
                        (-1.02, y0),
                    ),
                )
            ],
        ),
    ]
