"""A table lamp with a shade."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("lamp", title="a lamp", category="household", titles=("a table lamp", "a bedside lamp"))
def draw(rng: np.random.Generator) -> list[Part]:
    top, low = rng.uniform(0.3, 0.42), rng.uniform(0.66, 0.8)
    y0, y1 = -0.95, rng.uniform(-0.3, -0.2)
    belly, base = rng.uniform(0.16, 0.3), rng.uniform(0.4, 0.5)
    shade = np.vstack(
        [
            polyline((-top, y0), (top, y0), (low, y1)),
            ellipse(0, y1, low, 0.1, 0.0, np.pi),
            polyline((-low, y1), (-top, y0)),
        ]
    )
    side = spline(
        (0.07, y1 + 0.1),
        (0.09, y1 + 0.2),
        (belly, 0.25),
        (belly * 0.8, 0.55),
        (0.1, 0.72),
        (0.12, 0.8),
    )
    foot = spline(
        (-base, 0.95),
        (-base * 0.8, 0.86),
        (-0.12, 0.8),
        (0.12, 0.8),
        (base * 0.8, 0.86),
        (base, 0.95),
    )
    x = low * 0.62
    chain = polyline((x, y1 + 0.08), (x, y1 + 0.34))
    rays = [
        polyline((s * (low + a), y1 + 0.06 + b), (s * (low + a * 2.6), y1 + 0.06 + b * 2.6))
        for s in (-1, 1)
        for a, b in ((0.13, -0.02), (0.1, 0.13))
    ]
    stripe = spline((-low * 0.9, y1 - 0.14), (0, y1 - 0.04), (low * 0.9, y1 - 0.14))
    return [
        part("shade", "a wide lampshade", "large trapezoid with a round edge at the top", [shade]),
        part(
            "trim",
            "a trim on the shade",
            "curved line near the bottom of the shade",
            [stripe],
            after="shade",
        ),
        part("stand", "a rounded stand", "vase shape below the shade", both_sides(side)),
        part(
            "foot",
            "a flat foot",
            "flat dome at the bottom",
            [foot, polyline((-base, 0.95), (base, 0.95))],
        ),
        part(
            "pull chain",
            "a pull chain with a ball",
            "short line with a ball below the shade on the right",
            [chain, ellipse(x, y1 + 0.39, 0.05)],
            after="shade",
        ),
        part(
            "light",
            "rays of light",
            "short lines on both sides under the shade",
            rays,
            after="shade",
        ),
    ]
