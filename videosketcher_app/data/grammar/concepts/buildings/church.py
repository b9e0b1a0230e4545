"""A village church with a steeple, seen from the side."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polygon, polyline
from videosketcher_app.data.grammar.program import Part, concept, part

GROUND = 1.0


@concept(
    "church",
    title="a church",
    category="buildings",
    titles=("a village church", "a chapel with a steeple"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    tower_w, tower_top = rng.uniform(0.27, 0.32), rng.uniform(-0.3, -0.18)
    tower_x = -0.7
    spire_h = rng.uniform(0.52, 0.66)
    nave_right = rng.uniform(0.9, 1.08)
    eaves, ridge = rng.uniform(0.36, 0.44), rng.uniform(-0.04, 0.06)
    edge = tower_x + tower_w
    tip = tower_top - spire_h
    tower = polyline(
        (tower_x - tower_w, tower_top),
        (tower_x - tower_w, GROUND),
        (edge, GROUND),
        (edge, tower_top),
    )
    hang = tower_w * 1.25
    spire = polygon((tower_x - hang, tower_top), (tower_x, tip), (tower_x + hang, tower_top))
    cross = [
        polyline((tower_x, tip), (tower_x, tip - 0.34)),
        polyline((tower_x - 0.11, tip - 0.22), (tower_x + 0.11, tip - 0.22)),
    ]
    roof = polyline(
        (edge, ridge), (nave_right - 0.12, ridge), (nave_right + 0.1, eaves), (edge, eaves)
    )
    nave = polyline((nave_right, eaves), (nave_right, GROUND), (edge, GROUND))
    window_y = rng.uniform(0.58, 0.62)
    span = nave_right - edge
    windows = [_arch(edge + span * x, 0.1, window_y, 0.85, closed=True) for x in (0.2, 0.5, 0.8)]
    bell = _arch(tower_x, 0.1, tower_top + 0.26, tower_top + 0.44, closed=True)
    door = [_arch(tower_x, 0.14, 0.66, GROUND)]
    return [
        part("tower", "a tall square tower", "tall rectangle on the left", [tower]),
        part("spire", "a pointed spire", "tall triangle on top of the tower", [spire], "tower"),
        part("cross", "a cross", "small cross on top of the spire", cross, "spire"),
        part("nave", "a long nave", "wide rectangle on the right of the tower", [nave], "tower"),
        part("nave roof", "a sloping roof", "slanted shape on top of the nave", [roof], "tower"),
        part("windows", "three arched windows", "row of three arches in the nave", windows, "nave"),
        part("bell window", "a bell window", "small arch at the top of the tower", [bell], "tower"),
        part("door", "an arched door", "arch at the bottom of the tower", door, "tower"),
    ]


def _arch(x: float, half: float, spring: float, bottom: float, closed: bool = False) -> Curve:
    """A round-topped opening from its bottom left to its bottom right, or all the way round."""
    top = ellipse(x, spring, half, half, math.pi, math.pi, count=24)
    points = [np.array([(x - half, bottom)]), top, np.array([(x + half, bottom)])]
    return np.vstack([*points, points[0]] if closed else points)
