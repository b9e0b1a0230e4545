"""A window at night with curtains and a cat on the sill."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    crescent,
    ellipse,
    polygon,
    polyline,
    rectangle,
    spline,
    star,
)
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "night_window",
    title="a window at night",
    category="scenes",
    titles=("a night window", "a cat at a window at night"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, top, low = rng.uniform(0.85, 0.98), -0.82, 0.62
    mid = rng.uniform(-0.25, -0.15)
    bars = [polyline((0, top), (0, low)), polyline((-w, mid), (w, mid))]
    sill = rectangle(-w - 0.55, low, w + 0.55, low + 0.13)
    rod = [
        polyline((-w - 0.5, top - 0.1), (w + 0.5, top - 0.1)),
        *both_sides(ellipse(-w - 0.56, top - 0.1, 0.06)),
    ]
    tie = rng.uniform(-0.05, 0.12)
    drape = path(
        spline((w - 0.12, top - 0.1), (w - 0.08, -0.5), (w + 0.2, tie)),
        spline((w + 0.2, tie), (w + 0.12, 0.35), (w + 0.1, low)),
    )
    outer = path(polyline((w + 0.45, top - 0.1), (w + 0.43, tie), (w + 0.5, low)))
    band = polyline((w + 0.2, tie), (w + 0.43, tie))
    cx = rng.uniform(-0.5, -0.42)
    cat = path(
        spline((cx - 0.24, low), (cx - 0.25, 0.36), (cx - 0.13, 0.16), (cx - 0.17, 0.02)),
        polyline((cx - 0.16, -0.14), (cx - 0.07, -0.07), (cx + 0.07, -0.07), (cx + 0.16, -0.14)),
        spline((cx + 0.17, 0.02), (cx + 0.13, 0.16), (cx + 0.25, 0.36), (cx + 0.24, low)),
    )
    tail = spline((cx + 0.24, low - 0.04), (cx + 0.38, low - 0.04), (cx + 0.38, 0.4))
    px = rng.uniform(0.42, 0.52)
    pot = polygon((px - 0.17, 0.36), (px + 0.17, 0.36), (px + 0.12, low), (px - 0.12, low))
    plant = [
        spline(
            (px, 0.36),
            (px + s * 0.16, 0.2),
            (px + s * 0.24, 0.0),
            (px + s * 0.04, 0.12),
            (px, 0.36),
        )
        for s in (-1, 1)
    ]
    stars = [star(a, b, 0.1) for a, b in ((-0.62, -0.6), (-0.18, -0.62), (-0.4, -0.42))]
    return [
        part(
            "window frame",
            "a wide window frame",
            "large rectangle in the middle",
            [rectangle(-w, top, w, low)],
        ),
        part(
            "window bars",
            "crossing window bars",
            "cross inside the rectangle",
            bars,
            after="window frame",
        ),
        part("sill", "a window sill", "long flat bar under the window", [sill]),
        part(
            "curtains",
            "two tied curtains",
            "draped shapes on both sides under a rod",
            [*rod, *both_sides(drape), *both_sides(outer), *both_sides(band)],
        ),
        part(
            "moon",
            "a crescent moon",
            "crescent in the upper right of the window",
            [crescent(0.36, -0.54, 0.18, 0.62, 0.0)],
            after="window frame",
        ),
        part(
            "stars",
            "three stars",
            "three small stars in the upper left pane",
            stars,
            after="window frame",
        ),
        part(
            "cat",
            "a cat on the sill",
            "sitting cat shape on the left of the sill",
            [cat, tail],
            after="sill",
        ),
        part(
            "potted plant",
            "a potted plant",
            "small pot with two leaves right of the middle",
            [pot, *plant],
            after="sill",
        ),
    ]
