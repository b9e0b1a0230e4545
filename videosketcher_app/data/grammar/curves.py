"""Curves for object programs: arrays (N, 2) in object units, x right, y down, about [-1, 1].

Angles are radians, clockwise on screen (y points down), 0 is to the right.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Curve = NDArray[np.float64]
Point = tuple[float, float]

TOP = -math.pi / 2
FULL = 2 * math.pi


def ellipse(
    cx: float,
    cy: float,
    rx: float,
    ry: float | None = None,
    start: float = TOP,
    sweep: float = FULL,
    tilt: float = 0.0,
    count: int = 48,
) -> Curve:
    """An ellipse or, with a smaller `sweep`, an arc of one; a circle if `ry` is left out."""
    angles = start + np.linspace(0, sweep, count)
    x, y = rx * np.cos(angles), (rx if ry is None else ry) * np.sin(angles)
    c, s = math.cos(tilt), math.sin(tilt)
    return np.stack([cx + c * x - s * y, cy + s * x + c * y], axis=1)


def polyline(*points: Point) -> Curve:
    """Straight lines through the points."""
    return np.array(points, float).reshape(-1, 2)


def polygon(*points: Point) -> Curve:
    """Straight lines through the points and back to the first."""
    return polyline(*points, points[0])


def spline(*points: Point, closed: bool = False, count: int = 12) -> Curve:
    """A smooth Catmull-Rom curve through the points, `count` samples a span."""
    p = np.array(points, float).reshape(-1, 2)
    if closed:
        q = np.vstack([p[-1], p, p[:2]])
    else:
        q = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, count, endpoint=False)[:, None]
    spans = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(q, q[1:], q[2:], q[3:], strict=False)
    ]
    return np.vstack([*spans, q[-2][None]])


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Curve:
    """A closed rectangle from its top left corner."""
    return polygon((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def rounded_rectangle(x0: float, y0: float, x1: float, y1: float, radius: float) -> Curve:
    """A closed rectangle with round corners."""
    corners = [(x1, y0, TOP, 1, 1), (x1, y1, 0.0, 1, -1), (x0, y1, -TOP, -1, -1)]
    corners.append((x0, y0, math.pi, -1, 1))
    arcs = [
        ellipse(x - radius * sx, y + radius * sy, radius, radius, start, -TOP, count=7)
        for x, y, start, sx, sy in corners
    ]
    return np.vstack([*arcs, arcs[0][:1]])


def regular_polygon(cx: float, cy: float, radius: float, sides: int, start: float = TOP) -> Curve:
    """A closed polygon with equal sides."""
    angles = start + np.arange(sides + 1) * FULL / sides
    return np.stack([cx + radius * np.cos(angles), cy + radius * np.sin(angles)], axis=1)


def star(cx: float, cy: float, radius: float, inner: float = 0.42, points: int = 5) -> Curve:
    """A closed star; `inner` is the ratio of inner to outer radius."""
    angles = TOP + np.arange(2 * points + 1) * math.pi / points
    r = radius * np.where(np.arange(2 * points + 1) % 2 == 0, 1.0, inner)
    return np.stack([cx + r * np.cos(angles), cy + r * np.sin(angles)], axis=1)


def heart(cx: float, cy: float, width: float, height: float) -> Curve:
    """A closed heart from its lower tip; width and height are half extents."""
    unit = [(0, 0.95), (-0.95, -0.05), (-0.6, -0.8), (0, -0.38), (0.6, -0.8), (0.95, -0.05)]
    return spline(*[(cx + width * x, cy + height * y) for x, y in [*unit, unit[0]]])


def crescent(cx: float, cy: float, radius: float, bite: float = 0.75, facing: float = 0.0) -> Curve:
    """A closed moon; `facing` is the direction of its hollow side, `bite` how deep it goes."""
    half = 2.2  # the outer arc covers 2 x 2.2 radians
    outer = ellipse(0, 0, 1, 1, math.pi - half, 2 * half, count=24)
    tip_x, tip_y = -math.cos(half), math.sin(half)
    turn = np.linspace(math.pi, 0, 20)
    depth = bite * (1 + tip_x)
    inner = np.stack([tip_x - depth * np.sin(turn), -tip_y * np.cos(turn)], axis=1)
    curve = np.vstack([outer, inner if outer[-1, 1] > 0 else inner[::-1]])
    return transform(curve, scale=radius, turn=facing, move=(cx, cy))


def spiral(cx: float, cy: float, radius: float, turns: float = 2.4, start: float = 0.0) -> Curve:
    """A spiral from its center outwards."""
    t = np.linspace(0, 1, int(32 * turns))
    angles = start + t * turns * FULL
    return np.stack([cx + radius * t * np.cos(angles), cy + radius * t * np.sin(angles)], axis=1)


def zigzag(start: Point, end: Point, height: float, corners: int) -> Curve:
    """A zigzag from start to end with `corners` inner corners, `height` to either side."""
    along = np.linspace(0, 1, corners + 2)
    side = np.where(np.arange(corners + 2) % 2 == 0, 1.0, -1.0)
    return _along(start, end, along, height * side)


def wave(start: Point, end: Point, height: float, waves: float, phase: float = 0.0) -> Curve:
    """A sine line from start to end with `waves` periods, `height` to either side."""
    along = np.linspace(0, 1, max(16, int(16 * waves)))
    return _along(start, end, along, height * np.sin(along * waves * FULL + phase))


def scallop(start: Point, end: Point, bumps: int, height: float) -> Curve:
    """A row of half-round bumps from start to end; a positive height bulges to the left."""
    along = np.linspace(0, 1, bumps * 9 + 1)
    return _along(start, end, along, -height * np.abs(np.sin(along * bumps * math.pi)))


def cloud(cx: float, cy: float, rx: float, ry: float, bumps: int, phase: float = 0.0) -> Curve:
    """A closed bumpy outline."""
    angles = TOP + np.linspace(0, FULL, bumps * 12 + 1)
    r = 1 + 0.15 * np.abs(np.sin((angles - TOP) * bumps / 2 + phase))
    if phase:
        r[-1] = r[0]
    return np.stack([cx + rx * r * np.cos(angles), cy + ry * r * np.sin(angles)], axis=1)


def transform(
    curve: Curve,
    *,
    scale: float | Point = 1.0,
    turn: float = 0.0,
    move: Point = (0.0, 0.0),
) -> Curve:
    """Scales, then turns (radians, clockwise on screen), then moves."""
    c, s = math.cos(turn), math.sin(turn)
    scaled = curve * np.asarray(scale, float)
    return scaled @ np.array([[c, s], [-s, c]]) + np.asarray(move, float)


def mirror(curve: Curve, x: float = 0.0) -> Curve:
    """The curve mirrored left to right at a vertical axis."""
    return np.stack([2 * x - curve[:, 0], curve[:, 1]], axis=1)


def both_sides(curve: Curve, x: float = 0.0) -> list[Curve]:
    """The curve and its mirror image: ears, eyes, wings."""
    return [curve, mirror(curve, x)]


def _along(start: Point, end: Point, along: ArrayLike, side: ArrayLike) -> Curve:
    a, b = np.array(start, float), np.array(end, float)
    direction = b - a
    normal = np.array([-direction[1], direction[0]]) / max(float(np.hypot(*direction)), 1e-9)
    return a + np.outer(np.asarray(along), direction) + np.outer(np.asarray(side), normal)
