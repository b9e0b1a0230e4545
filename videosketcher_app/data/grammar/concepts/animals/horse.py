"""A standing horse with a flowing mane, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _front(x: float, top: float, foot: float, step: float) -> Curve:
    knee, hoof = (top + foot) / 2, x - step
    left = [(x, top), (x - step * 0.3, knee), (hoof + 0.03, foot - 0.12), (hoof - 0.06, foot)]
    return polyline(
        *left,
        (hoof + 0.14, foot),
        (hoof + 0.13, foot - 0.12),
        (x + 0.16 - step * 0.3, knee),
        (x + 0.22, top),
    )


def _hind(x: float, top: float, foot: float, step: float) -> Curve:
    hock, hoof = top + (foot - top) * 0.42, x + step
    right = [
        (x, top - 0.1),
        (x - 0.02, hock - 0.18),
        (x + 0.08 + step * 0.6, hock),
        (hoof + 0.06, foot - 0.12),
        (hoof + 0.09, foot),
    ]
    return polyline(
        *right,
        (hoof - 0.12, foot),
        (hoof - 0.06, foot - 0.14),
        (x - 0.08 + step * 0.6, hock + 0.02),
        (x - 0.36, top + 0.02),
    )


@concept("horse", title="a horse", category="animals", titles=("a pony", "a standing horse"))
def draw(rng: np.random.Generator) -> list[Part]:
    rump = rng.uniform(0.78, 0.98)
    foot = rng.uniform(0.95, 1.12)
    up = rng.uniform(-0.08, 0.08)
    step = rng.uniform(0.0, 0.16)
    sway = rng.uniform(0.15, 0.35)
    y = -0.86 + up
    face = [(-0.62, y), (-0.82, y + 0.12), (-1.16, y + 0.42), (-1.22, y + 0.54), (-1.12, y + 0.62)]
    jaw = [(-0.96, y + 0.52), (-0.74, y + 0.44), (-0.62, y + 0.36)]
    ear = polyline((-0.68, y + 0.02), (-0.64, y - 0.2), (-0.5, y + 0.02))
    throat = spline((-0.62, y + 0.36), (-0.6, -0.28), (-0.72, 0.0), (-0.6, 0.28))
    back = spline(
        (-0.2, -0.3), (0.15, -0.2), (0.5, -0.28), (rump - 0.12, -0.24), (rump, 0.0), (rump, 0.2)
    )
    belly = spline((-0.22, 0.34), (0.1, 0.38), (rump - 0.5, 0.28))
    crest = [(-0.5, y), (-0.3, y + 0.14), (-0.16, -0.5), (-0.2, -0.3)]
    locks = [
        (-0.06, -0.14),
        (-0.28, -0.16),
        (-0.36, -0.36),
        (-0.46, -0.42),
        (-0.42, -0.62),
        (-0.54, y + 0.22),
    ]
    tail = [
        (rump - 0.06, -0.18),
        (rump + sway, -0.14),
        (rump + sway + 0.08, 0.3),
        (rump + sway, 0.66),
    ]
    tail += [(rump + sway - 0.16, 0.3), (rump, 0.0)]
    return [
        part(
            "head",
            "a long head",
            "long tapered shape pointing down at the upper left",
            [spline(*face, *jaw)],
        ),
        part("ear", "a pointed ear", "small triangle on top of the head", [ear], after="head"),
        part(
            "eye",
            "a dark eye",
            "small oval inside the head",
            [ellipse(-0.78, y + 0.24, 0.04, 0.05, count=20)],
            after="head",
        ),
        part(
            "mane",
            "a flowing mane",
            "wavy band along the back of the neck",
            [spline(*crest), spline(*locks)],
            after="head",
        ),
        part(
            "body",
            "a strong body with a chest",
            "long curved lines for chest, back and belly",
            [throat, back, belly],
        ),
        part(
            "front legs",
            "two front legs",
            "two long narrow shapes at the bottom left",
            [_front(-0.6, 0.28, foot, step), _front(-0.3, 0.34, foot - 0.05, -step * 0.6)],
        ),
        part(
            "hind legs",
            "two hind legs",
            "two long bent shapes at the bottom right",
            [_hind(rump, 0.3, foot, step), _hind(rump - 0.32, 0.34, foot - 0.06, -step * 0.6)],
        ),
        part(
            "tail",
            "a long tail",
            "long hanging curve at the right end",
            [spline(*tail)],
            after="body",
        ),
    ]
