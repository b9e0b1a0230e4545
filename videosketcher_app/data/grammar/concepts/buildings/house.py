"""A house with a pitched roof, seen from a corner."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    ellipse,
    polyline,
    rectangle,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part

GROUND = 1.0


@concept("house", title="a house", category="buildings", titles=("a family house", "a cottage"))
def draw(rng: np.random.Generator) -> list[Part]:
    front, side = rng.uniform(0.95, 1.1), rng.uniform(1.1, 1.4)
    eaves, ridge = rng.uniform(0.0, 0.1), rng.uniform(-0.66, -0.54)
    left, edge = -front, 0.0
    right = side
    peak_x = left + front / 2
    hang = 0.1
    slope = (eaves - ridge) / (front / 2)
    low = eaves + hang * slope
    gable = polyline((left, eaves), (left, GROUND), (edge, GROUND), (edge, eaves))
    roof = _roof(left, edge, right, peak_x, ridge, low, hang)
    wall = polyline((right, low), (right, GROUND), (edge, GROUND))
    chimney_x = rng.uniform(0.15, 0.4) * side
    chimney = polyline(*_chimney(chimney_x, ridge))
    door_w, door_top = rng.uniform(0.17, 0.2), rng.uniform(0.4, 0.48)
    door = _door(peak_x, door_w, door_top)
    window_h = rng.uniform(0.15, 0.19)
    windows = [c for x in (0.3, 0.72) for c in _window(side * x, (low + GROUND) / 2, window_h)]
    attic = ellipse(peak_x, (ridge + 2 * eaves) / 3 + 0.02, 0.11, count=28)
    return [
        part("front wall", "a front wall", "square on the left", [gable]),
        part("side wall", "a long side wall", "wide rectangle on the right", [wall], "front wall"),
        part("roof", "a pitched roof", "triangle and slanted rectangle on the walls", roof),
        part("door", "a front door", "tall rectangle in the front wall", door, "front wall"),
        part(
            "windows",
            "two windows with bars",
            "squares with crosses in the side wall",
            windows,
            "side wall",
        ),
        part(
            "attic window",
            "a round attic window",
            "small circle under the top of the roof",
            [attic],
            "roof",
        ),
        part("chimney", "a chimney", "small rectangle on top of the roof", [chimney], "roof"),
        part(
            "smoke",
            "a curl of smoke",
            "curly line above the chimney",
            [_smoke(chimney_x, ridge - 0.32)],
            "chimney",
        ),
    ]


def _chimney(x: float, ridge: float) -> list[tuple[float, float]]:
    return [(x - 0.1, ridge), (x - 0.1, ridge - 0.24), (x + 0.1, ridge - 0.24), (x + 0.1, ridge)]


def _window(x: float, y: float, half: float) -> list[Curve]:
    bars = [polyline((x - half, y), (x + half, y)), polyline((x, y - half), (x, y + half))]
    return [rectangle(x - half, y - half, x + half, y + half), *bars]


def _smoke(x: float, y: float) -> Curve:
    return spline(
        (x, y), (x + 0.09, y - 0.1), (x - 0.03, y - 0.2), (x + 0.12, y - 0.3), (x + 0.3, y - 0.3)
    )


def _roof(
    left: float, edge: float, right: float, peak_x: float, ridge: float, low: float, hang: float
) -> list[Curve]:
    """The gable's two slopes and the long slope over the side wall."""
    return [
        polyline((left - hang, low), (peak_x, ridge), (edge + hang, low)),
        polyline(
            (peak_x, ridge),
            (right - (peak_x - left) + hang, ridge),
            (right + hang, low),
            (edge + hang, low),
        ),
    ]


def _door(peak_x: float, door_w: float, door_top: float) -> list[Curve]:
    """The door frame and its knob."""
    return [
        polyline(
            (peak_x - door_w, GROUND),
            (peak_x - door_w, door_top),
            (peak_x + door_w, door_top),
            (peak_x + door_w, GROUND),
        ),
        ellipse(peak_x + door_w * 0.5, (door_top + GROUND) / 2, 0.035, count=16),
    ]
