"""Leaf blades and outline measurements that the plant programs share."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, Point


def rib(base: Point, tip: Point, bend: float = 0.0, span: tuple[float, float] = (0, 1)) -> Curve:
    """The middle line of a leaf; `bend` bows it to the right of base to tip, `span` is in shares."""
    a, b = np.array(base, float), np.array(tip, float)
    t = np.linspace(*span, 24)[:, None]
    return a + (b - a) * t + _normal(a, b) * bend * 4 * t * (1 - t)


def leaf(base: Point, tip: Point, width: float, bend: float = 0.0, belly: float = 0.8) -> Curve:
    """A closed pointed leaf; `width` is its half width, a small `belly` is broad near the base."""
    middle = rib(base, tip, bend)
    t = np.linspace(0, 1, len(middle))[:, None]
    side = _normal(np.array(base, float), np.array(tip, float)) * width * np.sin(math.pi * t**belly)
    return np.vstack([middle + side, (middle - side)[::-1]])


def lowest_y(outline: Curve, x: float) -> float:
    """The lowest point on screen (largest y) at which an outline crosses the vertical at x."""
    a, b = outline[:-1], outline[1:]
    crossing = (a[:, 0] - x) * (b[:, 0] - x) <= 0
    a, b = a[crossing], b[crossing]
    run = b[:, 0] - a[:, 0]
    share = np.where(np.abs(run) < 1e-9, 0.0, (x - a[:, 0]) / np.where(run == 0, 1.0, run))
    return float((a[:, 1] + share * (b[:, 1] - a[:, 1])).max())


def _normal(a: Curve, b: Curve) -> Curve:
    direction = (b - a) / np.hypot(*(b - a))
    return np.array([-direction[1], direction[0]])
