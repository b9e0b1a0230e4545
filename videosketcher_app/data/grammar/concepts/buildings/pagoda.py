"""A pagoda with three upturned roofs."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, rectangle, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "pagoda",
    title="a pagoda",
    category="buildings",
    titles=("a Japanese pagoda", "an Asian temple tower"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    widths = np.array([0.62, 0.82, 1.02]) * rng.uniform(0.92, 1.05)
    eaves = np.array([-0.42, 0.02, 0.48]) + rng.uniform(-0.02, 0.02, 3)
    lift = rng.uniform(0.10, 0.15)
    rise = rng.uniform(0.18, 0.22)
    walls = widths * 0.52
    tip = eaves[0] - rise * 1.5
    top = _roof(0.0, tip, widths[0], eaves[0], lift)
    middle = _roof(walls[0], eaves[1] - rise, widths[1], eaves[1], lift)
    bottom = _roof(walls[1], eaves[2] - rise, widths[2], eaves[2], lift)
    upper = [c for k in (0, 1) for c in _walls(walls[k], eaves[k], eaves[k + 1] - rise)]
    lower = _walls(walls[2], eaves[2], 0.86)
    base = rectangle(-widths[2] * 0.78, 0.86, widths[2] * 0.78, 1.0)
    spire = [polyline((0, tip), (0, tip - 0.26)), ellipse(0, tip - 0.13, 0.07, 0.05, count=20)]
    door_w = rng.uniform(0.13, 0.17)
    door = [
        np.vstack(
            [
                [(-door_w, 0.86)],
                ellipse(0, 0.72, door_w, 0.12, math.pi, math.pi, count=20),
                [(door_w, 0.86)],
            ]
        )
    ]
    windows = [
        ellipse(x, y, 0.075, count=24)
        for x, y in ((0, (eaves[0] + eaves[1] - rise) / 2), (0, (eaves[1] + eaves[2] - rise) / 2))
    ]
    return [
        part("top roof", "a pointed top roof", "small curved roof at the top", [top]),
        part("middle roof", "a curved middle roof", "wide upturned roof in the middle", [middle]),
        part("bottom roof", "a wide bottom roof", "widest upturned roof near the bottom", [bottom]),
        part("upper walls", "the upper walls", "short vertical lines between the roofs", upper),
        part("lower walls", "the lower walls", "two vertical lines below the bottom roof", lower),
        part("base", "a flat base", "wide thin rectangle at the bottom", [base]),
        part("door", "an arched door", "small arch on the base", door, "base"),
        part("spire", "a thin spire", "vertical line on top of the top roof", spire, "top roof"),
        part("windows", "round windows", "small circles between the roofs", windows, "upper walls"),
    ]


def _roof(neck: float, top: float, width: float, eave: float, lift: float) -> Curve:
    """A closed roof with a hollow slope, tips that turn up and a bowed lower edge."""
    tip = (width, eave - lift)
    slope = spline((neck, top), (neck + (width - neck) * 0.42, eave - 0.09 - lift * 0.25), tip)
    under = spline(tip, (width * 0.72, eave - 0.0), (0, eave + 0.0), count=16)
    right = np.vstack([slope, under])
    return np.vstack([right, right[::-1] * np.array([-1.0, 1.0])])


def _walls(half: float, top: float, bottom: float) -> list[Curve]:
    return [polyline((s * half, top), (s * half, bottom)) for s in (-1, 1)]
