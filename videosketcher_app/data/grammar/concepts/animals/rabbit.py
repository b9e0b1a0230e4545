"""A sitting rabbit with long ears, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, cloud, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _ear(x: float, y: float, length: float, lean: float) -> Curve:
    def at(along: float, side: float) -> tuple[float, float]:
        return (x + lean * along * length + side, y - along * length)

    return spline(
        at(0, -0.07), at(0.5, -0.13), at(0.95, -0.04), at(0.95, 0.06), at(0.5, 0.11), at(0, 0.07)
    )


@concept("rabbit", title="a rabbit", category="animals", titles=("a bunny", "a sitting rabbit"))
def draw(rng: np.random.Generator) -> list[Part]:
    length = rng.uniform(0.55, 0.75)
    lean = rng.uniform(0.05, 0.25)
    plump = rng.uniform(0.72, 0.92)
    tail = rng.uniform(0.14, 0.2)
    head = ellipse(-0.46, -0.22, rng.uniform(0.35, 0.4), rng.uniform(0.28, 0.32), tilt=-0.2)
    back = [(-0.14, -0.1), (0.25, -0.06), (plump - 0.12, 0.25), (plump, 0.62), (plump - 0.14, 0.94)]
    chest = spline((-0.56, 0.08), (-0.6, 0.35), (-0.48, 0.68))
    paw = [(-0.48, 0.68), (-0.54, 0.86), (-0.66, 0.9), (-0.62, 0.98), (-0.34, 0.97), (-0.22, 0.66)]
    foot = [(-0.04, 0.82), (-0.14, 0.9), (-0.06, 0.98), (0.3, 0.98), (plump - 0.14, 0.94)]
    haunch = ellipse(plump - 0.45, 0.63, 0.33, 0.33, 2.4, 3.0, count=30)
    whiskers = [polyline((-0.72, -0.12), (-1.06, -0.2 + k * 0.16)) for k in (0, 1)]
    return [
        part("head", "an oval head", "oval at the upper left", [head]),
        part(
            "ears",
            "two long ears",
            "two long rounded leaves above the head",
            [_ear(-0.5, -0.5, length, lean - 0.2), _ear(-0.27, -0.47, length, lean + 0.25)],
            after="head",
        ),
        part(
            "eye",
            "a round eye",
            "small circle inside the head",
            [ellipse(-0.53, -0.28, 0.05, count=20)],
            after="head",
        ),
        part(
            "whiskers",
            "two whiskers",
            "two short lines on the left of the head",
            whiskers,
            after="head",
        ),
        part("body", "a plump body", "large round curve below the head", [spline(*back), chest]),
        part("haunch", "a round haunch", "round arc inside the body", [haunch], after="body"),
        part(
            "hind foot", "a long hind foot", "long flat curve at the bottom right", [spline(*foot)]
        ),
        part("front paw", "a front paw", "short bent shape at the bottom left", [spline(*paw)]),
        part(
            "tail",
            "a fluffy tail",
            "small bumpy circle at the lower right",
            [cloud(plump + tail * 0.9, 0.72, tail, tail, 5)],
            after="body",
        ),
    ]
