"""A small car seen from the side, driving to the right."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, Point, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part

SILL = 0.36


@concept("car", title="a car", category="vehicles", titles=("a family car", "an automobile"))
def draw(rng: np.random.Generator) -> list[Part]:
    wheel = rng.uniform(0.23, 0.27)
    rear_x, front_x = -rng.uniform(0.66, 0.74), rng.uniform(0.66, 0.74)
    roof = rng.uniform(-0.58, -0.46)
    belt = rng.uniform(-0.1, -0.04)
    tail, nose = -1.2, 1.24
    cabin_0, cabin_1 = -rng.uniform(0.82, 0.95), rng.uniform(0.5, 0.62)
    arch = wheel + 0.06
    shell = _shell(tail, nose, cabin_0, cabin_1, roof, belt)
    floor = _floor(tail, nose, rear_x, front_x, arch)
    arches = [ellipse(x, SILL, arch, arch, math.pi, math.pi, count=24) for x in (rear_x, front_x)]
    glass = roof + 0.11
    windows = _windows(cabin_0, cabin_1, glass, belt)
    wheels = [ellipse(x, SILL + 0.05, wheel, count=40) for x in (rear_x, front_x)]
    hubs = [ellipse(x, SILL + 0.05, wheel * 0.42, count=24) for x in (rear_x, front_x)]
    door = [
        polyline((-0.18, belt + 0.02), (-0.18, SILL)),
        polyline((-0.06, belt + 0.13), (0.08, belt + 0.13)),
    ]
    lamp = ellipse(nose - 0.14, 0.13, 0.06, 0.085, tilt=-0.25, count=24)
    return [
        part(
            "body",
            "a rounded car body",
            "large rounded shape with a bump on top",
            [shell, *floor, *arches],
        ),
        part(
            "windows", "two side windows", "two slanted shapes in the upper body", windows, "body"
        ),
        part("wheels", "two wheels", "two large circles at the bottom", wheels, "body"),
        part("hubs", "two hub caps", "small circles inside the wheels", hubs, "wheels"),
        part(
            "door",
            "a door with a handle",
            "vertical and short horizontal line on the body",
            door,
            "body",
        ),
        part("headlight", "a headlight", "small oval at the right end", [lamp], "body"),
    ]


def _pane(*corners: Point) -> Curve:
    return polyline(*corners, corners[0])


def _shell(
    tail: float, nose: float, cabin_0: float, cabin_1: float, roof: float, belt: float
) -> Curve:
    """The outline from the tail over trunk, cabin and hood to the nose."""
    return np.vstack(
        [
            spline((tail, SILL), (tail - 0.04, 0.1), (tail + 0.06, belt), (cabin_0, belt - 0.03)),
            spline(
                (cabin_0, belt - 0.03),
                (-0.58, roof + 0.08),
                (-0.1, roof),
                (0.22, roof + 0.1),
                (cabin_1, belt),
            ),
            spline((cabin_1, belt), (0.98, belt + 0.06), (nose - 0.04, 0.12), (nose, SILL)),
        ]
    )


def _windows(cabin_0: float, cabin_1: float, glass: float, belt: float) -> list[Curve]:
    """The rear and the front side window."""
    return [
        _pane(
            (cabin_0 + 0.17, belt - 0.03),
            (-0.55, glass + 0.06),
            (-0.24, glass),
            (-0.24, belt - 0.03),
        ),
        _pane(
            (-0.12, belt - 0.03),
            (-0.12, glass),
            (0.16, glass + 0.08),
            (cabin_1 - 0.16, belt - 0.03),
        ),
    ]


def _floor(tail: float, nose: float, rear_x: float, front_x: float, arch: float) -> list[Curve]:
    """The sill, broken at the wheel arches."""
    return [
        polyline((tail, SILL), (rear_x - arch, SILL)),
        polyline((rear_x + arch, SILL), (front_x - arch, SILL)),
        polyline((front_x + arch, SILL), (nose, SILL)),
    ]
