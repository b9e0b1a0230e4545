"""A barn with a silo, a fence and a hen."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline, rectangle, spline
from videosketcher_app.data.grammar.motifs import sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("farm_yard", title="a farm yard", category="scenes", titles=("a farm", "a barn on a farm"))
def draw(rng: np.random.Generator) -> list[Part]:
    base, x0, w = 0.54, rng.uniform(-0.85, -0.7), rng.uniform(1.0, 1.15)
    x1 = x0 + w
    mid = x0 + w / 2
    eave, bend, top = -0.12, rng.uniform(-0.42, -0.36), rng.uniform(-0.72, -0.62)
    walls = polyline((x0, eave), (x0, base), (x1, base), (x1, eave))
    roof = polyline(
        (x0 - 0.1, eave),
        (x0 + 0.13, bend),
        (mid, top),
        (x1 - 0.13, bend),
        (x1 + 0.1, eave),
        (x0 - 0.1, eave),
    )
    d = 0.24
    door = [
        rectangle(mid - d, 0.06, mid + d, base),
        polyline((mid - d, 0.06), (mid + d, base)),
        polyline((mid + d, 0.06), (mid - d, base)),
    ]
    s = 0.24
    sx = x0 - s - 0.16
    silo = [
        polyline((sx + s, base), (sx - s, base), (sx - s, -0.5)),
        ellipse(sx, -0.5, s, rng.uniform(0.24, 0.32), np.pi, np.pi),
        polyline((sx + s, -0.5), (sx + s, base)),
        polyline((sx - s, -0.5), (sx + s, -0.5)),
    ]
    f0 = x1 + 0.08
    posts = np.linspace(f0 + 0.14, 1.62, 4)
    fence = [
        polyline(
            (a - 0.045, base), (a - 0.045, 0.12), (a, 0.06), (a + 0.045, 0.12), (a + 0.045, base)
        )
        for a in posts
    ]
    rails = [polyline((f0, y), (1.75, y)) for y in (0.22, 0.39)]
    hx = rng.uniform(0.2, 0.7)
    hen = spline(
        (hx - 0.08, 0.68),
        (hx - 0.02, 0.62),
        (hx + 0.05, 0.7),
        (hx + 0.06, 0.8),
        (hx + 0.22, 0.82),
        (hx + 0.36, 0.68),
        (hx + 0.36, 0.86),
        (hx + 0.22, 0.96),
        (hx + 0.06, 0.95),
        (hx - 0.03, 0.86),
        (hx - 0.06, 0.74),
        (hx - 0.15, 0.72),
        (hx - 0.08, 0.68),
    )
    legs = [polyline((hx + k, 0.96), (hx + k, 1.04)) for k in (0.1, 0.18)]
    return [
        part("barn walls", "wide barn walls", "large square in the middle", [walls]),
        part(
            "barn roof",
            "a bent barn roof",
            "wide bent roof shape on top of the walls",
            [roof],
            after="barn walls",
        ),
        part(
            "barn door",
            "a barn door with a cross",
            "square with a cross at the bottom of the walls",
            door,
            after="barn walls",
        ),
        part(
            "loft window",
            "a round loft window",
            "small circle inside the roof",
            [ellipse(mid, eave - 0.24, 0.1)],
            after="barn roof",
        ),
        part("silo", "a tall silo", "tall tower with a dome on the left", silo),
        part("fence", "a wooden fence", "four posts with two bars on the right", [*rails, *fence]),
        part("hen", "a hen", "small bird shape at the bottom", [hen, *legs]),
        part(
            "sun",
            "a shining sun",
            "circle with short rays at the upper right",
            sun_disc(1.3, -0.6, 0.18, 9),
        ),
    ]
