"""Houses along a street with a car."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    ellipse,
    polygon,
    polyline,
    rectangle,
    scallop,
    spline,
)
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "city_street",
    title="a city street",
    category="scenes",
    titles=("a street in a city", "tall houses on a street"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    base = 0.35
    h1, h2, h3 = rng.uniform(-0.55, -0.4), rng.uniform(-0.98, -0.85), rng.uniform(-0.3, -0.15)

    def windows(xs: tuple[float, ...], ys: tuple[float, ...]) -> list[Curve]:
        return [rectangle(x - 0.07, y - 0.08, x + 0.07, y + 0.08) for x in xs for y in ys]

    block = [
        polyline((-1.5, base), (-1.5, h1), (-0.85, h1), (-0.85, base)),
        *windows((-1.34, -1.02), (h1 + 0.22, h1 + 0.54)),
    ]
    tower = [
        polyline((-0.6, base), (-0.6, h2), (0.0, h2), (0.0, base)),
        polyline((-0.3, h2), (-0.3, h2 - 0.16)),
        *windows((-0.44, -0.16), (h2 + 0.24, h2 + 0.62)),
    ]
    shop = [
        polyline((0.25, base), (0.25, h3), (0.95, h3), (0.95, base)),
        scallop((1.02, h3 + 0.22), (0.18, h3 + 0.22), 4, 0.1),
        polyline((0.18, h3 + 0.22), (1.02, h3 + 0.22)),
    ]
    cx = rng.uniform(-0.9, 0.2)
    low = 0.82
    car = path(
        polyline((cx - 0.2, low), (cx + 0.24, low)),
        polyline((cx + 0.48, low)),
        spline((cx + 0.48, low), (cx + 0.5, low - 0.16), (cx + 0.28, low - 0.2)),
        polyline((cx + 0.16, low - 0.38), (cx - 0.2, low - 0.38), (cx - 0.32, low - 0.2)),
        spline((cx - 0.32, low - 0.2), (cx - 0.48, low - 0.16), (cx - 0.48, low)),
        polyline((cx - 0.2, low)),
    )
    pane = polygon(
        (cx - 0.2, low - 0.2),
        (cx - 0.14, low - 0.31),
        (cx + 0.11, low - 0.31),
        (cx + 0.17, low - 0.2),
    )
    wheels = [ellipse(cx + k, low + 0.03, 0.11) for k in (-0.25, 0.25)]
    lamp = [
        polyline((1.4, base), (1.4, -0.42)),
        spline((1.4, -0.42), (1.42, -0.58), (1.58, -0.56)),
        ellipse(1.6, -0.46, 0.11, 0.1, np.pi, np.pi),
        polyline((1.49, -0.46), (1.71, -0.46)),
    ]
    dashes = [
        polyline((x, 0.68), (x + 0.2, 0.68))
        for x in np.arange(-1.55, 1.5, 0.5)
        if x + 0.2 < cx - 0.55 or x > cx + 0.55
    ]
    return [
        part("left house", "a house with four windows", "upright block on the left", block),
        part("tower", "a tall tower", "tallest block in the middle with a short mast", tower),
        part(
            "shop", "a small shop with an awning", "low block with a bumpy band on the right", shop
        ),
        part(
            "street",
            "a wide street",
            "two long lines across the bottom",
            [polyline((-1.75, base), (1.75, base)), polyline((-1.75, 1.0), (1.75, 1.0))],
        ),
        part(
            "road marks",
            "dashed road marks",
            "row of short lines on the street",
            dashes,
            after="street",
        ),
        part("car", "a small car", "rounded car shape at the bottom", [car, pane]),
        part("wheels", "two wheels", "two circles under the car", wheels, after="car"),
        part("street lamp", "a street lamp", "tall bent pole at the far right", lamp),
    ]
