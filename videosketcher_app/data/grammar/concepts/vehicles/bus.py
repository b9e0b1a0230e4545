"""A city bus seen from the side, driving to the right."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    ellipse,
    polyline,
    rounded_rectangle,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part

TAIL, NOSE, SILL = -1.4, 1.4, 0.52


@concept("bus", title="a bus", category="vehicles", titles=("a city bus", "a school bus"))
def draw(rng: np.random.Generator) -> list[Part]:
    roof = rng.uniform(-0.72, -0.6)
    wheel = rng.uniform(0.2, 0.24)
    rear_x, front_x = -rng.uniform(0.8, 0.95), rng.uniform(0.58, 0.68)
    panes = int(rng.integers(4, 6))
    top, low = roof + 0.18, rng.uniform(-0.1, -0.02)
    arch = wheel + 0.05
    body = _shell(roof, [(rear_x, arch), (front_x, arch)])
    edges = np.linspace(TAIL + 0.12, front_x + 0.26, panes + 1)
    windows = [rounded_rectangle(a + 0.04, top, b - 0.04, low, 0.05) for a, b in pairwise(edges)]
    door_x = front_x + arch + 0.06
    door = [polyline((door_x, SILL), (door_x, top), (NOSE - 0.14, top), (NOSE - 0.14, SILL))]
    stripe_y = rng.uniform(0.12, 0.18)
    stripe = polyline((TAIL, stripe_y), (door_x, stripe_y))
    wheels = [ellipse(x, SILL + 0.03, wheel, count=36) for x in (rear_x, front_x)]
    hubs = [ellipse(x, SILL + 0.03, wheel * 0.4, count=24) for x in (rear_x, front_x)]
    mirror_arm = spline(
        (NOSE - 0.02, roof + 0.2), (NOSE + 0.1, roof + 0.16), (NOSE + 0.12, roof + 0.36)
    )
    return [
        part("body", "a long boxy body", "large long rectangle with round corners", [body]),
        part("windows", "a row of windows", "row of squares in the upper body", windows, "body"),
        part("door", "a front door", "tall rectangle at the right end", door, "body"),
        part("stripe", "a long stripe", "horizontal line across the body", [stripe], "body"),
        part("wheels", "two wheels", "two circles at the bottom", wheels, "body"),
        part("hubs", "two hub caps", "small circles inside the wheels", hubs, "wheels"),
        part("mirror", "a wing mirror", "small hook at the top right", [mirror_arm], "body"),
    ]


def _shell(roof: float, arches: list[tuple[float, float]]) -> Curve:
    """The outline from the tail over the roof to the nose and back along the wheel arches."""
    top = [
        ellipse(TAIL + 0.14, roof + 0.14, 0.14, 0.14, math.pi, math.pi / 2, count=8),
        ellipse(NOSE - 0.2, roof + 0.2, 0.2, 0.2, -math.pi / 2, math.pi / 2, count=10),
    ]
    under = [ellipse(x, SILL, r, r, 0, -math.pi, count=20) for x, r in reversed(arches)]
    start, end = np.array([(TAIL, SILL)]), np.array([(NOSE, SILL)])
    return np.vstack([start, *top, end, *under, start])
