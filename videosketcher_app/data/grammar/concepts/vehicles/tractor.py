"""A farm tractor seen from the side, facing right."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polygon, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part

GROUND = 1.0


@concept("tractor", title="a tractor", category="vehicles", titles=("a farm tractor",))
def draw(rng: np.random.Generator) -> list[Part]:
    big, small = rng.uniform(0.52, 0.58), rng.uniform(0.29, 0.33)
    rear_x, front_x = -0.58, rng.uniform(0.84, 0.94)
    hood, floor = rng.uniform(-0.12, -0.04), 0.56
    nose = front_x + rng.uniform(0.14, 0.22)
    roof = rng.uniform(-0.86, -0.76)
    cab_left, cab_right = -0.82, rng.uniform(0.1, 0.18)
    rear_y, front_y = GROUND - big, GROUND - small
    guard = big + 0.07
    under_x = rear_x + math.sqrt(guard**2 - (floor - rear_y) ** 2)
    stop_x = front_x - math.sqrt((small + 0.05) ** 2 - (floor - front_y) ** 2)
    nose_low = front_y - small - 0.06
    bonnet = _bonnet(cab_right, hood, nose, nose_low)
    chassis = polyline((under_x, floor), (stop_x, floor))
    fender = ellipse(rear_x, rear_y, guard, guard, math.pi * 1.08, math.pi * 0.86, count=36)
    roof_line = _roof(cab_left, cab_right, roof)
    back_y = rear_y - math.sqrt(guard**2 - (cab_left + 0.04 - rear_x) ** 2)
    posts = [
        polyline((cab_left, roof), (cab_left + 0.04, back_y)),
        polyline((cab_right - 0.06, roof), (cab_right, hood)),
    ]
    pipe_x, pipe_h = rng.uniform(0.62, 0.72), rng.uniform(0.4, 0.5)
    pipe = _pipe(pipe_x, pipe_h, hood)
    steering = _steering(cab_right, hood)
    grille = [polyline((x, hood + 0.18), (x, hood + 0.42)) for x in (0.46, 0.6, 0.74)]
    return [
        part(
            "rear wheel",
            "a huge rear wheel",
            "large circle on the left",
            [ellipse(rear_x, rear_y, big)],
        ),
        part(
            "front wheel",
            "a small front wheel",
            "smaller circle on the right",
            [ellipse(front_x, front_y, small)],
        ),
        part(
            "hubs",
            "two wheel hubs",
            "circles inside the wheels",
            [
                ellipse(rear_x, rear_y, big * 0.42),
                ellipse(front_x, front_y, small * 0.42, count=30),
            ],
            ("rear wheel", "front wheel"),
        ),
        part("fender", "a round fender", "large arc over the rear wheel", [fender]),
        part("hood", "a long engine hood", "long rounded box on the right", [bonnet, chassis]),
        part(
            "cab",
            "a cab with a roof",
            "open box at the top left",
            [roof_line, *posts],
            ("fender", "hood"),
        ),
        part(
            "steering wheel",
            "a steering wheel",
            "two crossing short lines inside the cab",
            steering,
            "cab",
        ),
        part("exhaust", "an exhaust pipe", "thin upright rectangle on the hood", [pipe], "hood"),
        part("grille", "cooling slots", "short vertical lines on the hood", grille, "hood"),
    ]


def _bonnet(cab_right: float, hood: float, nose: float, nose_low: float) -> Curve:
    """The engine hood from the cab over the nose and down."""
    return np.vstack(
        [
            polyline((cab_right, hood)),
            spline(
                (cab_right, hood),
                (nose - 0.2, hood + 0.03),
                (nose, hood + 0.14),
                (nose, nose_low),
            ),
        ]
    )


def _roof(cab_left: float, cab_right: float, roof: float) -> Curve:
    """The cab's overhanging roof."""
    return polygon(
        (cab_left - 0.1, roof),
        (cab_left, roof - 0.12),
        (cab_right - 0.02, roof - 0.12),
        (cab_right + 0.08, roof),
    )


def _pipe(pipe_x: float, pipe_h: float, hood: float) -> Curve:
    """The exhaust, standing on the hood."""
    return polyline(
        (pipe_x - 0.05, hood + 0.01),
        (pipe_x - 0.05, hood - pipe_h),
        (pipe_x + 0.05, hood - pipe_h),
        (pipe_x + 0.05, hood + 0.01),
    )


def _steering(cab_right: float, hood: float) -> list[Curve]:
    """The column and, across it, the wheel seen from its edge."""
    return [
        polyline((cab_right - 0.02, hood), (cab_right - 0.21, hood - 0.17)),
        polyline((cab_right - 0.3, hood - 0.08), (cab_right - 0.12, hood - 0.26)),
    ]
