"""A sailing boat on the sea."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline, spline, wave
from videosketcher_app.data.grammar.motifs import bird, path, sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "boat_at_sea",
    title="a boat at sea",
    category="scenes",
    titles=("a sailing boat on the sea", "a boat on the waves"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    x = rng.uniform(-0.35, 0.1)
    w, deck = rng.uniform(0.62, 0.74), 0.2
    keel = 0.52
    mast = rng.uniform(-0.95, -0.8)
    hull = path(
        polyline((x - w, deck), (x + w, deck)),
        spline((x + w, deck), (x + w * 0.8, keel - 0.08), (x + w * 0.6, keel)),
        spline((x - w * 0.62, keel), (x - w * 0.85, keel - 0.08), (x - w, deck)),
    )
    main = path(
        spline((x + 0.07, mast + 0.1), (x + 0.42, -0.35), (x + w * 0.92, deck - 0.14)),
        polyline((x + 0.07, deck - 0.14), (x + 0.07, mast + 0.1)),
    )
    jib = path(
        spline((x - 0.06, mast + 0.22), (x - 0.3, -0.25), (x - w * 0.82, deck - 0.12)),
        polyline((x - 0.06, deck - 0.12), (x - 0.06, mast + 0.22)),
    )
    waves = [
        wave((a, b), (c, b), 0.045, n)
        for a, b, c, n in (
            (-1.75, 0.56, 1.75, 7),
            (-1.4, 0.76, 0.1, 3),
            (0.4, 0.78, 1.5, 2),
            (-0.7, 0.95, 0.9, 3),
        )
    ]
    fish_x = rng.uniform(1.1, 1.3)
    fish = spline(
        (fish_x + 0.28, 0.12),
        (fish_x + 0.12, 0.26),
        (fish_x - 0.06, 0.27),
        (fish_x - 0.2, 0.16),
        (fish_x - 0.02, 0.08),
        (fish_x + 0.14, 0.16),
        (fish_x + 0.3, 0.32),
    )
    return [
        part("hull", "a wooden hull", "wide bowl shape in the middle", [hull]),
        part(
            "mast",
            "a tall mast",
            "tall vertical line above the hull",
            [polyline((x, deck), (x, mast))],
            after="hull",
        ),
        part("main sail", "a big sail", "large triangle right of the mast", [main], after="mast"),
        part(
            "small sail", "a small sail", "smaller triangle left of the mast", [jib], after="mast"
        ),
        part("waves", "sea waves", "wavy lines across the bottom", waves),
        part(
            "sun",
            "a shining sun",
            "circle with short rays at the upper right",
            sun_disc(1.4, -0.6, 0.18, 9),
        ),
        part(
            "gulls",
            "two gulls",
            "two small curved marks at the upper left",
            [bird(-1.45, -0.6, 0.15), bird(-1.1, -0.78, 0.12)],
        ),
        part(
            "jumping fish",
            "a jumping fish",
            "small fish shape above the waves on the right",
            [fish, ellipse(fish_x - 0.1, 0.15, 0.02)],
        ),
    ]
