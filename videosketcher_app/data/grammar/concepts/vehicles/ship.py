"""A steamship with funnels and portholes, sailing to the right."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    cloud,
    ellipse,
    polygon,
    polyline,
    spline,
    wave,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("ship", title="a ship", category="vehicles", titles=("a steamship", "an ocean liner"))
def draw(rng: np.random.Generator) -> list[Part]:
    deck, keel = rng.uniform(0.2, 0.26), 0.78
    bow, stern = rng.uniform(1.5, 1.62), -1.42
    hull = _hull(stern, bow, deck, keel)
    low_h, top_h = rng.uniform(0.28, 0.32), rng.uniform(0.22, 0.26)
    low_top = deck - low_h
    cabin = polyline((-1.05, deck + 0.02), (-1.05, low_top), (0.86, low_top), (0.98, deck + 0.01))
    bridge = polyline(
        (-0.72, low_top), (-0.72, low_top - top_h), (0.52, low_top - top_h), (0.62, low_top)
    )
    base = low_top - top_h
    tall = rng.uniform(0.36, 0.44)
    funnels_x = (-0.5, -0.08, 0.34) if rng.random() < 0.5 else (-0.4, 0.15)
    funnels = [c for x in funnels_x for c in _funnel(x, base, tall)]
    puffs = [
        cloud(funnels_x[0] - x, base - tall - y, r, r * 0.66, 6)
        for x, y, r in ((0.16, 0.17, 0.17), (0.62, 0.3, 0.23))
    ]
    ports = [
        ellipse(x, (deck + keel) / 2 + 0.02, 0.065, count=20)
        for x in np.linspace(-0.95, 0.85, int(rng.integers(4, 6)))
    ]
    panes = [
        polygon(
            (x, low_top + 0.09),
            (x + 0.16, low_top + 0.09),
            (x + 0.16, deck - 0.08),
            (x, deck - 0.08),
        )
        for x in (-0.84, -0.4, 0.04, 0.48)
    ]
    water = [
        wave((a, y), (b, y), 0.035, n)
        for a, b, y, n in ((-1.65, 1.65, keel + 0.09, 6), (-1.2, 1.1, keel + 0.22, 4))
    ]
    return [
        part("hull", "a long hull", "long boat shape at the bottom", [hull]),
        part("cabins", "a long row of cabins", "long low rectangle on the hull", [cabin], "hull"),
        part(
            "bridge deck", "an upper deck", "shorter rectangle above the cabins", [bridge], "cabins"
        ),
        part(
            "funnels",
            "slanted funnels",
            "slanted rectangles on top of the upper deck",
            funnels,
            "bridge deck",
        ),
        part("smoke", "puffs of smoke", "two bumpy clouds at the top left", puffs, "funnels"),
        part("portholes", "round portholes", "row of small circles in the hull", ports, "hull"),
        part("windows", "cabin windows", "row of small squares in the cabins", panes, "cabins"),
        part("waves", "waves along the hull", "long wavy lines at the bottom", water),
    ]


def _funnel(x: float, base: float, tall: float) -> list[Curve]:
    """A funnel that leans back, with a band near its top."""
    lean, half = 0.08, 0.12

    def at(height: float, side: int) -> tuple[float, float]:
        return x - lean * height + side * half, base - tall * height

    return [polyline(at(0, -1), at(1, -1), at(1, 1), at(0, 1)), polyline(at(0.68, -1), at(0.68, 1))]


def _hull(stern: float, bow: float, deck: float, keel: float) -> Curve:
    """The hull with a raised bow."""
    return np.vstack(
        [
            spline((stern, deck), (0, deck + 0.03), (bow * 0.6, deck - 0.01), (bow, deck - 0.12)),
            spline((bow, deck - 0.12), (bow - 0.2, deck + 0.26), (bow - 0.32, keel)),
            spline((bow - 0.32, keel), (0, keel), (stern + 0.26, keel)),
            spline((stern + 0.26, keel), (stern + 0.08, deck + 0.24), (stern, deck)),
        ]
    )
