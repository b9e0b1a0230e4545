"""A small island with a palm tree in the sea."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polygon, polyline, spline, wave
from videosketcher_app.data.grammar.motifs import sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "island",
    title="an island",
    category="landscapes",
    titles=("a desert island", "an island with a palm tree"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, y = rng.uniform(0.85, 1.05), 0.5
    lean = rng.uniform(0.15, 0.4)
    tx, ty = lean, rng.uniform(-0.55, -0.45)
    shore = spline((-w, y), (-w * 0.6, y - 0.16), (-0.1, y - 0.27), (w * 0.5, y - 0.17), (w, y))
    foot = y - 0.26
    trunk = [
        spline((-0.22, foot + 0.02), (-0.1, -0.1), (tx - 0.07, ty)),
        spline((0.0, foot), (0.06, -0.1), (tx + 0.07, ty + 0.02)),
    ]
    fronds = []
    for dx, rise, drop in (
        (-0.75, -0.1, 0.22),
        (-0.52, -0.3, -0.14),
        (0.52, -0.3, -0.14),
        (0.75, -0.1, 0.22),
    ):
        k = rng.uniform(0.85, 1.05)
        fronds.append(
            spline(
                (tx, ty),
                (tx + dx * 0.5 * k, ty + rise - 0.12),
                (tx + dx * k, ty + drop),
                (tx + dx * 0.55 * k, ty + rise * 0.6 + 0.06),
                (tx, ty),
            )
        )
    nuts = [ellipse(tx - 0.09, ty + 0.13, 0.075), ellipse(tx + 0.1, ty + 0.13, 0.075)]
    waves = [
        wave((a, b), (c, b), 0.04, n)
        for a, b, c, n in (
            (-1.7, 0.56, 1.7, 6),
            (-1.3, 0.76, -0.2, 2),
            (0.1, 0.76, 1.4, 2.5),
            (-0.7, 0.95, 0.8, 2.5),
        )
    ]
    sail_x = rng.uniform(-1.4, -1.2)
    boat = [
        polyline(
            (sail_x - 0.24, 0.32),
            (sail_x + 0.24, 0.32),
            (sail_x + 0.14, 0.46),
            (sail_x - 0.14, 0.46),
            (sail_x - 0.24, 0.32),
        ),
        polygon((sail_x, 0.26), (sail_x, -0.12), (sail_x + 0.22, 0.26)),
    ]
    return [
        part("sand hill", "a sandy hill", "wide flat mound in the middle", [shore]),
        part("trunk", "a bent palm trunk", "two tall curved lines rising from the mound", trunk),
        part(
            "palm leaves",
            "long palm leaves",
            "four drooping leaf shapes on top of the trunk",
            fronds,
            after="trunk",
        ),
        part(
            "coconuts",
            "two coconuts",
            "two small circles under the leaves",
            nuts,
            after="palm leaves",
        ),
        part("sea", "sea waves", "wavy lines across the bottom", waves),
        part(
            "sun",
            "a hot sun",
            "circle with short rays at the upper right",
            sun_disc(1.42, -0.62, 0.18, 9),
        ),
        part("sailboat", "a far sailboat", "small boat with a triangle sail on the left", boat),
    ]
