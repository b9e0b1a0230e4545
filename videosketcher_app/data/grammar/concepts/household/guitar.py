"""An acoustic guitar lying aslant."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    ellipse,
    polygon,
    polyline,
    rounded_rectangle,
    spline,
    transform,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "guitar",
    title="a guitar",
    category="household",
    titles=("an acoustic guitar", "a wooden guitar"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    low, waist, high = rng.uniform(0.52, 0.6), rng.uniform(0.3, 0.35), rng.uniform(0.38, 0.44)
    turn = rng.uniform(0.75, 1.15)
    neck, top = rng.uniform(0.08, 0.1), rng.uniform(-1.25, -1.1)
    side = [
        (0.1, -0.35),
        (high * 0.8, -0.32),
        (high, -0.12),
        (waist, 0.15),
        (low * 0.9, 0.42),
        (low * 0.98, 0.7),
        (low * 0.62, 0.97),
    ]
    body = spline(*side, (0, 1.04), *[(-x, y) for x, y in reversed(side)], closed=False)
    head = polygon((-neck, top), (-neck - 0.06, top - 0.36), (neck + 0.06, top - 0.36), (neck, top))
    pegs = [ellipse(s * (neck + 0.12), top - k, 0.05) for s in (-1, 1) for k in (0.1, 0.25)]
    hole = rng.uniform(0.15, 0.18)
    hole_y = 0.18
    strings = [polyline((x, -0.3), (x, 0.6)) for x in (-0.04, 0.04)]
    frets = [polyline((-neck, y), (neck, y)) for y in np.linspace(top + 0.18, -0.5, 4)]
    bridge = rounded_rectangle(-0.2, 0.6, 0.2, 0.72, 0.04)

    def turned(*curves: np.ndarray) -> list[np.ndarray]:
        return [transform(curve, turn=turn) for curve in curves]

    return [
        part("body", "a curvy body", "large figure eight shape on the left", turned(body)),
        part(
            "neck",
            "a long neck",
            "long narrow bar from the body to the upper right",
            turned(polyline((-neck, -0.35), (-neck, top)), polyline((neck, top), (neck, -0.35))),
        ),
        part(
            "sound hole",
            "a round sound hole",
            "circle in the middle of the body",
            turned(ellipse(0, hole_y, hole)),
            after="body",
        ),
        part(
            "bridge",
            "a bridge",
            "short bar near the lower end of the body",
            turned(bridge),
            after="body",
        ),
        part(
            "headstock",
            "a headstock",
            "small block at the end of the neck",
            turned(head),
            after="neck",
        ),
        part(
            "pegs",
            "four tuning pegs",
            "small circles on both sides of the headstock",
            turned(*pegs),
            after="headstock",
        ),
        part("frets", "frets", "short lines across the neck", turned(*frets), after="neck"),
        part(
            "strings",
            "two strings",
            "two straight lines over the sound hole",
            turned(*strings),
            after=("body", "neck"),
        ),
    ]
