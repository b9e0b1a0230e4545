"""A steam locomotive on its track, driving to the right."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    Point,
    cloud,
    ellipse,
    polygon,
    polyline,
    rectangle,
)
from videosketcher_app.data.grammar.program import Part, concept, part

RAIL = 0.96


@concept(
    "train", title="a train", category="vehicles", titles=("a steam train", "a steam locomotive")
)
def draw(rng: np.random.Generator) -> list[Part]:
    boiler_top, floor = rng.uniform(-0.16, -0.08), 0.44
    cab_left, cab_right = -1.2, rng.uniform(-0.5, -0.42)
    roof = rng.uniform(-0.62, -0.54)
    front = rng.uniform(0.9, 1.0)
    big, small = rng.uniform(0.23, 0.26), rng.uniform(0.19, 0.21)
    boiler = _boiler(cab_right, front, boiler_top, floor)
    cab = polyline((cab_left, roof), (cab_left, floor), (cab_right, floor), (cab_right, roof))
    cap = _cap(cab_left, cab_right, roof)
    window = rectangle(cab_left + 0.17, roof + 0.16, cab_right - 0.17, roof + 0.5)
    stack_x, stack_h = front - rng.uniform(0.2, 0.26), rng.uniform(0.36, 0.44)
    stack = polyline(*_stack(stack_x, boiler_top, stack_h))
    dome_x = (cab_right + stack_x) / 2 - 0.02
    dome = ellipse(dome_x, boiler_top, 0.17, 0.2, math.pi, math.pi, count=24)
    puff_y = boiler_top - stack_h
    smoke = [
        cloud(stack_x - x, puff_y - y, r, r * 0.7, 6)
        for x, y, r in ((0.1, 0.16, 0.16), (0.54, 0.3, 0.22))
    ]
    wheels = _wheels(front, big, small)
    hubs = [ellipse(x, RAIL - big, 0.08, count=24) for x in (-0.86, -0.86 + 2 * big + 0.08)]
    catcher = polygon(
        (front + 0.08, floor + 0.06), (front + 0.44, RAIL - 0.04), (front + 0.1, RAIL - 0.04)
    )
    bands = [polyline((x, boiler_top), (x, floor)) for x in (dome_x - 0.26, dome_x + 0.26)]
    return [
        part("boiler", "a long round boiler", "long rectangle with a round right end", [boiler]),
        part("cab", "a driver's cab", "tall rectangle on the left", [cab, cap], "boiler"),
        part("window", "a cab window", "square in the upper cab", [window], "cab"),
        part(
            "chimney", "a flared chimney", "small flared shape at the top right", [stack], "boiler"
        ),
        part("smoke", "puffs of smoke", "two bumpy clouds above the boiler", smoke, "chimney"),
        part("dome", "a steam dome", "half circle on top of the boiler", [dome, *bands], "boiler"),
        part("wheels", "four wheels", "row of circles at the bottom", [*wheels, *hubs]),
        part(
            "cowcatcher",
            "a pointed cowcatcher",
            "triangle at the bottom right",
            [catcher],
            "boiler",
        ),
        part(
            "rails",
            "a straight track",
            "long horizontal line at the bottom",
            [polyline((-1.5, RAIL + 0.03), (1.6, RAIL + 0.03))],
        ),
    ]


def _stack(x: float, base: float, height: float) -> list[Point]:
    return [(x - 0.1, base), (x - 0.1, base - height * 0.5), (x - 0.2, base - height), (x + 0.2, base - height), (x + 0.1, base - height * 0.5), (x + 0.1, base)]  # fmt: skip


def _boiler(cab_right: float, front: float, boiler_top: float, floor: float) -> Curve:
    """The boiler with its rounded front, open at the cab."""
    return np.vstack(
        [
            polyline((cab_right, boiler_top), (front, boiler_top)),
            ellipse(
                front,
                (boiler_top + floor) / 2,
                0.13,
                (floor - boiler_top) / 2,
                -math.pi / 2,
                math.pi,
                count=24,
            ),
            polyline((front, floor), (cab_right, floor)),
        ]
    )


def _cap(cab_left: float, cab_right: float, roof: float) -> Curve:
    """The cab's overhanging roof."""
    return polygon(
        (cab_left - 0.12, roof),
        (cab_left - 0.04, roof - 0.13),
        (cab_right + 0.04, roof - 0.13),
        (cab_right + 0.12, roof),
    )


def _wheels(front: float, big: float, small: float) -> list[Curve]:
    """Two driving wheels below the cab, two small ones below the boiler."""
    return [
        ellipse(x, RAIL - r, r)
        for x, r in (
            (-0.86, big),
            (-0.86 + 2 * big + 0.08, big),
            (front - 0.62, small),
            (front - 0.17, small),
        )
    ]
