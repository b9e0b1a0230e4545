"""A barn with a gambrel roof and big crossed doors, next to a silo."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, rectangle
from videosketcher_app.data.grammar.program import Part, concept, part

GROUND = 1.0


@concept("barn", title="a barn", category="buildings", titles=("a farm barn", "a barn with a silo"))
def draw(rng: np.random.Generator) -> list[Part]:
    half = rng.uniform(0.78, 0.9)
    eaves, knee = rng.uniform(0.08, 0.16), rng.uniform(-0.42, -0.34)
    knee_x = half * rng.uniform(0.6, 0.68)
    peak = rng.uniform(-0.86, -0.76)
    hang, thick = 0.1, 0.12
    walls = polyline((-half, eaves), (-half, GROUND), (half, GROUND), (half, eaves))
    outer = [(-half - hang, eaves + 0.1), (-knee_x - 0.04, knee - 0.06), (0, peak - 0.08)]
    inner = [(-half, eaves), (-knee_x + 0.06, knee + thick * 0.3), (0, peak + thick)]
    roof = _gable(outer, inner)
    door_w, door_top = rng.uniform(0.40, 0.46), rng.uniform(0.34, 0.4)
    doors = [rectangle(-door_w, door_top, door_w, GROUND), polyline((0, door_top), (0, GROUND))]
    braces = [
        polyline((s * 0.0, y0), (s * door_w, y1))
        for s in (-1, 1)
        for y0, y1 in ((door_top, GROUND), (GROUND, door_top))
    ]
    loft_y = rng.uniform(-0.2, -0.12)
    loft = [
        rectangle(-0.17, loft_y - 0.17, 0.17, loft_y + 0.17),
        polyline((-0.17, loft_y), (0.17, loft_y)),
        polyline((0, loft_y - 0.17), (0, loft_y + 0.17)),
    ]
    silo_x0, silo_w, silo_top = (
        half + hang + 0.06,
        rng.uniform(0.42, 0.5),
        rng.uniform(-0.56, -0.44),
    )
    silo_x1 = silo_x0 + silo_w
    silo = polyline((silo_x0, silo_top), (silo_x0, GROUND), (silo_x1, GROUND), (silo_x1, silo_top))
    dome = ellipse(
        (silo_x0 + silo_x1) / 2, silo_top, silo_w / 2 + 0.03, 0.26, math.pi, math.pi, count=28
    )
    hoops = [polyline((silo_x0, y), (silo_x1, y)) for y in np.linspace(silo_top, GROUND, 5)[1:4]]
    return [
        part("roof", "a bent barn roof", "wide roof with four slopes at the top", roof),
        part("walls", "straight barn walls", "large open rectangle below the roof", [walls]),
        part(
            "doors", "big double doors", "wide rectangle at the bottom of the walls", doors, "walls"
        ),
        part("braces", "crossed braces", "two crosses on the doors", braces, "doors"),
        part("loft window", "a hayloft window", "small square under the roof", loft, "roof"),
        part("silo", "a tall silo", "tall narrow rectangle on the right", [silo]),
        part(
            "silo dome",
            "a domed silo top",
            "half circle on top of the silo",
            [np.vstack([dome, dome[:1]])],
            "silo",
        ),
        part("hoops", "hoops around the silo", "horizontal lines across the silo", hoops, "silo"),
    ]


def _gable(outer: list[tuple[float, float]], inner: list[tuple[float, float]]) -> list[Curve]:
    """The roof's edge as a band: left half's points are given, the right half mirrors them."""
    both = [points + [(-x, y) for x, y in points[-2::-1]] for points in (outer, inner)]
    return [polyline(*both[0], *both[1][::-1], both[0][0])]
