"""A giraffe with a long neck, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, regular_polygon, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _leg(x: float, top: float, foot: float) -> Curve:
    return polyline((x, top), (x + 0.03, foot), (x + 0.15, foot), (x + 0.17, top))


@concept("giraffe", title="a giraffe", category="animals", titles=("a tall giraffe",))
def draw(rng: np.random.Generator) -> list[Part]:
    top = rng.uniform(-1.15, -0.98)
    lean = rng.uniform(-0.72, -0.58)
    rump = rng.uniform(0.6, 0.75)
    foot = rng.uniform(0.95, 1.05)
    x = lean - 0.06
    face = [
        (x + 0.16, top + 0.02),
        (x - 0.04, top - 0.02),
        (x - 0.3, top + 0.14),
        (x - 0.38, top + 0.24),
    ]
    jaw = [(x - 0.32, top + 0.34), (x - 0.16, top + 0.3), (x + 0.02, top + 0.28)]
    neck = [
        spline((x + 0.16, top + 0.02), (lean + 0.3, -0.55), (-0.08, -0.08), (0.12, 0.02)),
        spline((x + 0.02, top + 0.28), (lean + 0.06, -0.4), (-0.52, 0.1), (-0.42, 0.34)),
    ]
    back = spline((0.12, 0.02), (rump - 0.25, 0.0), (rump, 0.12), (rump + 0.02, 0.4))
    belly = spline((-0.08, 0.44), (0.15, 0.44), (rump - 0.32, 0.38))
    legs = [
        _leg(-0.42, 0.34, foot),
        _leg(-0.22, 0.42, foot - 0.05),
        _leg(rump - 0.34, 0.4, foot - 0.05),
        _leg(rump - 0.15, 0.36, foot),
    ]
    horns = [polyline((x + d, top), (x + d + 0.05, top - 0.17)) for d in (-0.03, 0.1)]
    ear = [
        (x + 0.16, top + 0.06),
        (x + 0.3, top - 0.06),
        (x + 0.36, top + 0.04),
        (x + 0.19, top + 0.14),
    ]
    places = (
        (lean + 0.14, -0.62),
        (lean + 0.3, -0.28),
        (-0.18, 0.14),
        (0.12, 0.24),
        (rump - 0.22, 0.2),
    )
    spots = [
        regular_polygon(px, py, rng.uniform(0.07, 0.095), 5, rng.uniform(0, 6)) for px, py in places
    ]
    tail = spline((rump, 0.14), (rump + 0.14, 0.24), (rump + 0.16, 0.56))
    return [
        part("head", "a small head", "small pointed oval at the top left", [spline(*face, *jaw)]),
        part("horns", "two short horns", "two short lines on top of the head", horns, after="head"),
        part(
            "ear",
            "a pointed ear",
            "small leaf on the right of the head",
            [spline(*ear)],
            after="head",
        ),
        part(
            "eye",
            "a small eye",
            "small oval inside the head",
            [ellipse(x - 0.04, top + 0.11, 0.035, 0.045, count=18)],
            after="head",
        ),
        part("neck", "a very long neck", "two long slanting lines from head to body", neck),
        part("body", "a sloping body", "curved back and belly in the middle", [back, belly]),
        part("legs", "four long legs", "four tall narrow shapes at the bottom", legs),
        part(
            "spots",
            "a few spots",
            "small polygons on the neck and body",
            spots,
            after=("neck", "body"),
        ),
        part("tail", "a thin tail", "thin curved line at the right end", [tail], after="body"),
    ]
