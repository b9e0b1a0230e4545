"""A cup with a handle on a saucer."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, heart, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("cup", title="a cup", category="household", titles=("a mug", "a cup of tea"))
def draw(rng: np.random.Generator) -> list[Part]:
    top, bottom = -0.35, 0.52
    w = rng.uniform(0.56, 0.68)
    low = w * rng.uniform(0.6, 0.8)
    reach = rng.uniform(0.3, 0.42)

    def edge(y: float) -> float:
        return w + (low - w) * ((y - top) / (bottom - top)) ** 2

    body = spline(
        (-w, top),
        (-edge(-0.05), -0.05),
        (-edge(0.3), 0.3),
        (-low * 0.72, bottom),
        (low * 0.72, bottom),
        (edge(0.3), 0.3),
        (edge(-0.05), -0.05),
        (w, top),
    )
    outer = spline(
        (edge(-0.2), -0.2),
        (w + reach * 0.7, -0.24),
        (w + reach, 0.0),
        (edge(0.3) + reach * 0.55, 0.26),
        (edge(0.32), 0.34),
    )
    inner = spline(
        (edge(-0.06), -0.06), (w + reach * 0.52, -0.08), (w + reach * 0.5, 0.1), (edge(0.2), 0.2)
    )
    steam = [wave((x, -0.6), (x, -1.0), 0.06, 1.1) for x in (-0.25, 0.0, 0.25)]
    size = rng.uniform(0.13, 0.18)
    return [
        part("rim", "an oval rim", "flat oval at the top of the cup", [ellipse(0, top, w, 0.13)]),
        part("cup body", "a round cup body", "deep bowl shape below the rim", [body]),
        part(
            "handle",
            "a curved handle",
            "double curve on the right side of the cup",
            [outer, inner],
            after="cup body",
        ),
        part(
            "heart",
            "a small heart on the cup",
            "small heart in the middle of the cup",
            [heart(-0.03, 0.16, size, size)],
            after="cup body",
        ),
        part(
            "saucer",
            "a wide saucer",
            "wide flat oval under the cup",
            [ellipse(0, 0.5, 1.0, 0.2, -0.95, np.pi + 1.9)],
        ),
        part("steam", "rising steam", "three wavy lines above the cup", steam),
    ]
