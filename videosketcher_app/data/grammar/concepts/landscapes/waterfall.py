"""A waterfall between cliffs."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, both_sides, polyline, scallop, spline, wave
from videosketcher_app.data.grammar.motifs import pine
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "waterfall",
    title="a waterfall",
    category="landscapes",
    titles=("a waterfall in the mountains", "a tall waterfall"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    half, top, pool = rng.uniform(0.36, 0.48), rng.uniform(-0.68, -0.58), 0.45
    ledge = rng.uniform(1.05, 1.25)

    def cliff(s: int, dy: float) -> Curve:
        return polyline(
            (s * 1.75, top + 0.12 + dy),
            (s * ledge, top + 0.05 + dy),
            (s * half, top),
            (s * (half + 0.1), top + 0.36),
            (s * (half - 0.03), top + 0.6),
            (s * (half + 0.12), pool),
        )

    def edge(s: int, dy: float) -> list[Curve]:
        return [
            cliff(s, dy),
            polyline(
                (s * (half + 0.34), top + 0.34),
                (s * (half + 0.6), top + 0.4),
                (s * (half + 0.66), top + 0.62),
            ),
        ]

    lip = spline((-half, top), (-half * 0.4, top + 0.07), (half * 0.3, top - 0.02), (half, top))
    xs = np.linspace(-half * 0.62, half * 0.62, 4)
    streams = [
        spline((x, top + 0.18 + d), (x * 1.04, 0.0), (x * 1.1, pool - 0.22 - d))
        for x, d in zip(xs, (0.0, 0.12, 0.05, 0.0), strict=True)
    ]
    foam = scallop(
        (-half - 0.25, pool + 0.02), (half + 0.25, pool + 0.02), int(rng.integers(5, 7)), 0.16
    )
    ripples = [
        wave((a, b), (c, b), 0.035, n)
        for a, b, c, n in ((-0.9, 0.68, 0.2, 2.5), (0.4, 0.72, 1.1, 1.5), (-0.5, 0.9, 0.7, 2.5))
    ]
    banks = both_sides(
        spline(
            (half + 0.3, pool),
            (1.0, pool + 0.02),
            (1.35, pool + 0.12),
            (1.5, pool + 0.3),
            (1.75, pool + 0.42),
        )
    )
    trees = [
        curve for x, h in ((-1.5, 0.5), (1.42, 0.42)) for curve in pine(x, top + 0.09, h, 0.16)
    ]
    return [
        part(
            "left cliff",
            "a rocky left cliff",
            "jagged steep edge on the left",
            edge(-1, rng.uniform(-0.08, 0.08)),
        ),
        part(
            "right cliff",
            "a rocky right cliff",
            "jagged steep edge on the right",
            edge(1, rng.uniform(-0.08, 0.08)),
        ),
        part(
            "upper edge",
            "the edge of the falls",
            "short curve between the cliffs at the top",
            [lip],
            after=("left cliff", "right cliff"),
        ),
        part(
            "falling water",
            "falling water",
            "four long lines falling down in the middle",
            streams,
            after="upper edge",
        ),
        part("foam", "splashing foam", "row of round bumps under the falling lines", [foam]),
        part("pool", "a wide pool", "two curved banks spreading at the bottom", banks),
        part("ripples", "ripples in the pool", "short wavy lines at the bottom", ripples),
        part(
            "pine trees",
            "two pine trees",
            "two pointed trees on the cliffs",
            trees,
            after=("left cliff", "right cliff"),
        ),
    ]
