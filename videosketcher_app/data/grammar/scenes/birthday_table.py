"""A birthday table with cake, gift and balloons."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    ellipse,
    polyline,
    rectangle,
    scallop,
    spline,
)
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "birthday_table",
    title="a birthday table",
    category="scenes",
    titles=("a birthday party", "a birthday table with a cake"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    y, w = 0.35, rng.uniform(1.25, 1.4)
    cloth = [
        polyline((-w, y), (w, y)),
        path(
            polyline((w, y), (w + 0.1, 0.68)),
            scallop((w + 0.1, 0.68), (-w - 0.1, 0.68), 9, 0.09),
            polyline((-w, y)),
        ),
    ]
    legs = both_sides(
        polyline((-w + 0.16, 0.76), (-w + 0.16, 1.0), (-w + 0.3, 1.0), (-w + 0.3, 0.76))
    )
    cw, ch = rng.uniform(0.36, 0.44), rng.uniform(0.34, 0.42)
    top = y - ch
    cake = polyline((-cw, y), (-cw, top), (cw, top), (cw, y))
    icing = scallop((cw, top + 0.1), (-cw, top + 0.1), 4, 0.1)
    xs = (-0.22, 0.0, 0.22)
    candles = [polyline((x, top), (x, top - 0.22)) for x in xs]
    flames = [
        spline(
            (x, top - 0.44),
            (x - 0.06, top - 0.32),
            (x, top - 0.26),
            (x + 0.06, top - 0.32),
            (x, top - 0.44),
        )
        for x in xs
    ]
    gx, g = rng.uniform(0.85, 0.95), rng.uniform(0.2, 0.25)
    gift = [rectangle(gx - g, y - g * 1.5, gx + g, y), polyline((gx, y - g * 1.5), (gx, y))]
    bow = [
        spline(
            (gx, y - g * 1.5),
            (gx + s * 0.12, y - g * 1.5 - 0.18),
            (gx + s * 0.24, y - g * 1.5 - 0.08),
            (gx, y - g * 1.5),
        )
        for s in (-1, 1)
    ]
    bx = rng.uniform(-1.2, -1.05)
    balls = [ellipse(bx - 0.22, -0.3, 0.2, 0.25), ellipse(bx + 0.24, -0.42, 0.2, 0.25)]
    strings = [
        spline((bx - 0.22, -0.05), (bx - 0.1, 0.15), (bx, y)),
        spline((bx + 0.24, -0.17), (bx + 0.1, 0.08), (bx, y)),
    ]
    rope = spline((-1.75, -0.95), (-0.9, -0.82), (0, -0.95), (0.9, -0.82), (1.75, -0.95))
    flags = [
        polyline((x - 0.11, yy), (x, yy + 0.2), (x + 0.11, yy))
        for x, yy in (
            (-0.45, -0.87),
            (-0.15, -0.92),
            (0.3, -0.91),
            (0.7, -0.83),
            (1.1, -0.83),
            (1.45, -0.9),
        )
    ]
    return [
        part(
            "table",
            "a table with a cloth",
            "wide flat shape with a bumpy edge at the bottom",
            [*cloth, *legs],
        ),
        part("cake", "a round cake", "block on the middle of the table", [cake]),
        part("icing", "dripping icing", "row of round drips on the block", [icing], after="cake"),
        part(
            "candles",
            "three candles",
            "three short lines on top of the cake",
            candles,
            after="cake",
        ),
        part(
            "flames", "three flames", "three small drops above the candles", flames, after="candles"
        ),
        part(
            "gift", "a gift with a bow", "small square with two loops on the right", [*gift, *bow]
        ),
        part("balloons", "two balloons", "two ovals on strings on the left", [*balls, *strings]),
        part(
            "garland",
            "a garland of flags",
            "hanging line with small triangles at the top",
            [rope, *flags],
        ),
    ]
