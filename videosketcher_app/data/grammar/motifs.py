"""Small things that several landscapes and scenes share: suns, trees, clouds, birds, flowers."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from videosketcher_app.data.grammar.curves import (
    FULL,
    TOP,
    Curve,
    Point,
    cloud,
    ellipse,
    polyline,
    scallop,
    spline,
)


def path(*pieces: Curve) -> Curve:
    """One pen path through all pieces, joined by straight lines."""
    return np.vstack(pieces)


def rays(
    cx: float,
    cy: float,
    inner: float,
    outer: float,
    count: int,
    start: float = TOP,
    sweep: float = FULL,
) -> list[Curve]:
    """Straight rays between two radii; a full turn spaces them evenly, an arc includes both ends."""
    steps = count if sweep >= FULL else count - 1
    angles = start + np.arange(count) * sweep / max(steps, 1)
    return [
        polyline(*[(cx + r * math.cos(a), cy + r * math.sin(a)) for r in (inner, outer)])
        for a in angles
    ]


def sun_disc(cx: float, cy: float, radius: float, count: int, reach: float = 1.7) -> list[Curve]:
    """A circle with `count` rays; `reach` is the rays' outer end in radii."""
    return [ellipse(cx, cy, radius), *rays(cx, cy, radius * 1.28, radius * reach, count)]


def bird(x: float, y: float, size: float) -> Curve:
    """A far bird: two arched wings that meet at (x, y); `size` is one wing's length."""
    wing = [(0.0, 0.0), (0.45, -0.42), (1.0, -0.3)]
    left = spline(*[(x - size * a, y + size * b) for a, b in reversed(wing)])
    return path(left, spline(*[(x + size * a, y + size * b) for a, b in wing]))


def puffy_cloud(cx: float, cy: float, width: float, height: float) -> Curve:
    """A closed cloud with a flat base; width and height are half extents."""
    corners = [(-0.85, 1.0), (-0.6, -0.1), (0.1, -0.35), (0.68, 0.1), (0.85, 1.0)]
    p = [(cx + width * x, cy + height * y) for x, y in corners]
    bumps = [scallop(a, b, 1, 0.36 * math.hypot(b[0] - a[0], b[1] - a[1])) for a, b in pairwise(p)]
    return path(*bumps, polyline(p[-1], p[0]))


def pine(x: float, base: float, height: float, width: float) -> list[Curve]:
    """A pine of three tiers on a short trunk; width is a half extent, base the trunk's foot."""
    trunk, top = 0.14 * height, base - height
    tier = (height - trunk) / 3
    right: list[Point] = [(0.0, top)]
    for i, reach in enumerate((0.6, 0.8, 1.0)):
        right.append((reach * width, top + tier * (i + 1)))
        if i < 2:
            right.append((reach * width * 0.42, top + tier * (i + 1)))
    points = right + [(-a, b) for a, b in reversed(right)]
    crown = polyline(*[(x + a, b) for a, b in points])
    half = 0.16 * width
    foot = base - trunk
    return [crown, polyline((x - half, foot), (x - half, base), (x + half, base), (x + half, foot))]


def leafy_tree(x: float, base: float, height: float, radius: float, bumps: int = 7) -> list[Curve]:
    """A tree with a bumpy round crown on a trunk that widens at its foot."""
    crown_y, half = base - height + radius * 1.12, 0.17 * radius
    sides = [
        spline(
            (x + s * half, crown_y + radius * 1.1),
            (x + s * half, base - 0.1),
            (x + s * half * 1.7, base),
        )
        for s in (-1, 1)
    ]
    return [cloud(x, crown_y, radius, radius, bumps), *sides]


def flower(x: float, base: float, height: float, radius: float, petals: int = 6) -> list[Curve]:
    """A flower on a straight stem: a round middle in a ring of petals."""
    y = base - height + radius
    return [
        ellipse(x, y, radius * 0.36),
        cloud(x, y, radius * 0.85, radius * 0.85, petals),
        polyline((x, y + radius), (x, base)),
    ]
