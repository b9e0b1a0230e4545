"""An erupting volcano."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    both_sides,
    cloud,
    polyline,
    regular_polygon,
    spline,
    zigzag,
)
from videosketcher_app.data.grammar.motifs import leafy_tree, path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "volcano",
    title="a volcano",
    category="landscapes",
    titles=("an erupting volcano", "a volcano with lava"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    rim, top, base = rng.uniform(0.26, 0.34), rng.uniform(-0.25, -0.12), 0.78
    foot = rng.uniform(1.15, 1.35)

    def slope(s: int) -> Curve:
        return spline(
            (s * rim, top), (s * (rim + 0.16), 0.15), (s * (rim + 0.42), 0.5), (s * foot, base)
        )

    crater = zigzag((-rim, top), (rim, top), 0.05, 4)
    crater = path(polyline((-rim, top)), crater, polyline((rim, top)))
    flows = [
        spline(
            (-rim * 0.55, top + 0.03),
            (-rim * 0.7, 0.1),
            (-rim * 1.1, 0.32),
            (-rim * 0.95, 0.5),
            (-rim * 0.55, 0.42),
            (-rim * 0.2, 0.12),
            (0.0, 0.06),
        ),
        spline(
            (0.0, 0.06),
            (rim * 0.22, 0.3),
            (rim * 0.3, 0.58),
            (rim * 0.72, 0.62),
            (rim * 0.85, 0.38),
            (rim * 0.6, 0.1),
            (rim * 0.55, top + 0.03),
        ),
    ]
    jump = rng.uniform(0.2, 0.27)
    arc = spline(
        (rim * 0.2, top - 0.05),
        (rim * 0.5, top - jump),
        (rim + 0.08, top - jump),
        (rim + 0.2, top - 0.02),
    )
    fountain = [*both_sides(arc), polyline((0, top - 0.1), (0, top - jump - 0.04))]
    rocks = [
        regular_polygon(x, y, 0.075, 5)
        for x, y in ((-0.85, -0.35), (-0.68, -0.68), (0.72, -0.62), (0.92, -0.28))
    ]
    smoke = cloud(0.0, -0.82, rng.uniform(0.4, 0.5), 0.15, int(rng.integers(7, 10)))
    palm = [
        curve for x, h in ((-1.5, 0.5), (1.5, 0.42)) for curve in leafy_tree(x, base, h, 0.15, 6)
    ]
    return [
        part(
            "slopes",
            "two steep slopes",
            "two long curved sides of a wide cone",
            [slope(-1), slope(1)],
        ),
        part(
            "crater",
            "a jagged crater",
            "zigzag line across the top of the cone",
            [crater],
            after="slopes",
        ),
        part(
            "lava streams", "streams of lava", "two long drips down the cone", flows, after="crater"
        ),
        part(
            "lava fountain",
            "a lava fountain",
            "arched lines shooting out of the crater",
            fountain,
            after="crater",
        ),
        part("smoke", "a smoke cloud", "bumpy oval at the top", [smoke]),
        part("rocks", "flying rocks", "four small pentagons beside the fountain", rocks),
        part(
            "ground",
            "a ground line",
            "long straight line at the bottom",
            [polyline((-1.75, base), (1.75, base))],
        ),
        part(
            "trees",
            "two round trees",
            "two small bushy trees at the far sides",
            palm,
            after="ground",
        ),
    ]
