"""A snowman, a snowy hut and falling snow."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline, scallop, spline, wave
from videosketcher_app.data.grammar.motifs import path, pine
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "snow_scene",
    title="a snow scene",
    category="scenes",
    titles=("a winter scene", "a snowy winter day"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    base = 0.7
    sx = rng.uniform(-1.05, -0.9)
    r1, r2 = rng.uniform(0.31, 0.35), rng.uniform(0.22, 0.25)
    y1 = base + 0.12 - r1
    y2 = y1 - r1 - r2 * 0.8
    man = [ellipse(sx, y1, r1), ellipse(sx, y2, r2)]
    face = [
        ellipse(sx - 0.08, y2 - 0.04, 0.03),
        ellipse(sx + 0.08, y2 - 0.04, 0.03),
        polyline((sx, y2 + 0.02), (sx + 0.16, y2 + 0.06), (sx, y2 + 0.09)),
    ]
    brim = y2 - r2 * 0.85
    cap = [
        polyline((sx - 0.25, brim), (sx + 0.25, brim)),
        polyline(
            (sx - 0.15, brim), (sx - 0.14, brim - 0.24), (sx + 0.14, brim - 0.24), (sx + 0.15, brim)
        ),
    ]
    hx, w = rng.uniform(0.25, 0.4), rng.uniform(0.4, 0.46)
    wall, roof = 0.14, rng.uniform(-0.36, -0.26)
    hut = [
        polyline((hx - w, wall), (hx - w, base), (hx + w, base), (hx + w, wall)),
        polyline((hx - 0.12, base), (hx - 0.12, 0.36), (hx + 0.12, 0.36), (hx + 0.12, base)),
    ]
    snow = path(
        polyline((hx - w - 0.12, wall), (hx, roof), (hx + w + 0.12, wall)),
        scallop((hx + w + 0.12, wall), (hx - w - 0.12, wall), 4, 0.08),
    )
    flakes = []
    for x, y in ((-1.5, -0.6), (-0.45, -0.75), (-0.46, -0.1), (0.45, -0.72), (1.05, -0.5)):
        flakes += [
            polyline(*[(x + k * 0.1 * np.cos(t), y + k * 0.1 * np.sin(t)) for k in (-1, 1)])
            for t in (0.52, 1.57, 2.62)
        ]
    drift = spline((-1.75, base + 0.05), (-1.35, base + 0.06))
    ground = [
        drift,
        spline((-0.6, base + 0.1), (-0.35, base + 0.02), (hx - w, base)),
        spline((hx + w, base), (1.1, base + 0.0), (1.75, base + 0.08)),
        wave((-1.5, 0.95), (1.2, 0.93), 0.03, 2),
    ]
    return [
        part("snowman", "a snowman", "two stacked circles on the left", man),
        part(
            "face",
            "a snowman's face",
            "two dots and a thin triangle in the upper circle",
            face,
            after="snowman",
        ),
        part(
            "hat",
            "a tall hat",
            "upright rectangle with a brim on the snowman",
            cap,
            after="snowman",
        ),
        part("hut", "a small hut with a door", "small square house in the middle", hut),
        part(
            "snowy roof",
            "a roof full of snow",
            "triangle with a bumpy lower edge on the hut",
            [snow],
            after="hut",
        ),
        part(
            "pine tree",
            "a pine tree",
            "tall pointed tree on the right",
            pine(1.35, base, rng.uniform(0.95, 1.1), 0.27),
        ),
        part("snowflakes", "five snowflakes", "small six pointed stars in the sky", flakes),
        part("snowy ground", "snowy ground", "soft curved lines along the bottom", ground),
    ]
