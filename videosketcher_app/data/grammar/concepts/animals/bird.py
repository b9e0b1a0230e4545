"""A small songbird on a branch, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("bird", title="a bird", category="animals", titles=("a songbird", "a bird on a branch"))
def draw(rng: np.random.Generator) -> list[Part]:
    breast = rng.uniform(0.45, 0.62)
    beak = rng.uniform(0.2, 0.32)
    tail = rng.uniform(0.4, 0.65)
    drop = rng.uniform(0.05, 0.35)
    wing_tip = rng.uniform(0.44, 0.58)
    perch = rng.uniform(0.84, 0.95)
    crown = [(-0.82, -0.42), (-0.72, -0.68), (-0.48, -0.8), (-0.22, -0.64), (0.1, -0.3), (0.7, 0.1)]
    under = [
        (-0.84, -0.34),
        (-0.8, 0.0),
        (-0.5, breast - 0.12),
        (0.0, breast),
        (0.4, 0.38),
        (0.66, 0.26),
    ]
    wing = [(-0.28, -0.2), (-0.36, 0.05), (-0.1, 0.3), (0.2, 0.3), (wing_tip, 0.22)]
    wing_top = [(0.3, 0.1), (0.0, -0.14), (-0.28, -0.2)]
    feathers = polyline(
        (0.7, 0.1), (0.7 + tail, drop - 0.05), (0.76 + tail, drop + 0.16), (0.66, 0.26)
    )
    legs = [
        polyline((x, breast - 0.02), (x + 0.05, perch), (x - 0.1, perch + 0.05))
        for x in (-0.2, 0.06)
    ]
    branch = [
        spline(
            (-1.2, perch + 0.16), (-0.3, perch + 0.06), (0.5, perch + 0.1), (1.25, perch - 0.02)
        ),
        spline((-1.2, perch + 0.3), (-0.3, perch + 0.2), (0.5, perch + 0.22), (1.25, perch + 0.08)),
    ]
    leaf_x = rng.uniform(0.75, 0.95)
    leaf = [(leaf_x, perch + 0.06), (leaf_x + 0.06, perch - 0.16), (leaf_x + 0.28, perch - 0.26)]
    leaf += [(leaf_x + 0.2, perch - 0.04), (leaf_x, perch + 0.06)]
    return [
        part(
            "body",
            "a plump body with a round head",
            "large drop narrowing to the right",
            [spline(*crown), spline(*under)],
        ),
        part(
            "beak",
            "a short pointed beak",
            "small triangle on the left of the head",
            [polyline((-0.82, -0.46), (-0.84 - beak, -0.36), (-0.84, -0.3))],
            after="body",
        ),
        part(
            "eye",
            "a round eye",
            "small circle inside the head",
            [ellipse(-0.62, -0.5, 0.055, count=20)],
            after="body",
        ),
        part(
            "wing",
            "a folded wing",
            "pointed leaf inside the body",
            [spline(*wing), spline((wing_tip, 0.22), *wing_top)],
            after="body",
        ),
        part("tail", "a straight tail", "narrow strip at the right end", [feathers], after="body"),
        part("legs", "two thin legs", "two short lines below the body", legs, after="body"),
        part("branch", "a branch", "two long lines along the bottom", branch),
        part(
            "leaf",
            "a leaf on the branch",
            "small pointed leaf at the bottom right",
            [spline(*leaf)],
            after="branch",
        ),
    ]
