"""A rose: a rolled bud in two wrapping petals, on a thorny stem."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.concepts.plants._foliage import leaf, rib
from videosketcher_app.data.grammar.curves import Curve, Point, polyline, spiral, spline, transform
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("rose", title="a rose", category="plants", titles=("a garden rose", "a rose with thorns"))
def draw(rng: np.random.Generator) -> list[Part]:
    wide = rng.uniform(0.92, 1.12)
    bow = rng.uniform(-0.08, 0.08)
    crest = rng.uniform(-0.92, -0.86)
    stem = spline((0, 0.02), (bow, 0.5), (0, 1.0))
    swirl = spiral(0, 0, rng.uniform(0.16, 0.18), rng.uniform(1.6, 2.0), rng.uniform(0, 3))
    swirl = transform(swirl, scale=(wide, 0.9), move=(0, -0.62))
    fold = spline((-0.28, -0.58), (-0.22, -0.8), (0, crest), (0.22, -0.8), (0.27, -0.58))
    left_y, right_y = rng.uniform(0.62, 0.7), rng.uniform(0.42, 0.5)
    left_tip = (-rng.uniform(0.55, 0.66), left_y - 0.2)
    right_tip = (rng.uniform(0.55, 0.66), right_y - 0.2)
    leaves = [_leaf(_on(stem, left_y), left_tip, -1), _leaf(_on(stem, right_y), right_tip, 1)]
    thorns = [_thorn(stem, 0.32, -1), _thorn(stem, 0.66, 1), _thorn(stem, 0.86, -1)]
    right_petal = spline(
        (0.27, -0.58), (0.46, -0.66), (0.52, -0.34), (0.28, -0.03), (0.0, 0.02),
        (-0.26, -0.08), (-0.02, -0.2), (0.14, -0.36), (0.27, -0.58),
    )  # fmt: skip
    left_petal = spline(
        (-0.26, -0.09),
        (-0.52, -0.34),
        (-0.46, -0.66),
        (-0.28, -0.58),
        (-0.18, -0.38),
        (-0.05, -0.22),
    )
    sepals = [polyline((s * 0.1, 0.04), (s * 0.3, 0.16), (s * 0.03, 0.13)) for s in (-1, 1)]
    return [
        part("bud", "a rolled bud", "spiral under an arch at the top", [_widen(fold, wide), swirl]),
        part(
            "right petal",
            "a wrapping petal on the right",
            "large curved shape below the bud",
            [_widen(right_petal, wide)],
        ),
        part(
            "left petal",
            "an outer petal on the left",
            "large curved line on the left of the bud",
            [_widen(left_petal, wide)],
        ),
        part("sepals", "two small sepals", "tiny points under the petals", sepals),
        part("stem", "a long stem", "long vertical line below the petals", [stem]),
        part("thorns", "sharp thorns", "tiny triangles along the stem", thorns, "stem"),
        part("left leaf", "a leaf on the left", "pointed oval left of the stem", leaves[0], "stem"),
        part(
            "right leaf", "a leaf on the right", "pointed oval right of the stem", leaves[1], "stem"
        ),
    ]


def _widen(curve: Curve, factor: float) -> Curve:
    return transform(curve, scale=(factor, 1.0))


def _leaf(base: Point, tip: Point, side: int) -> list[Curve]:
    return [leaf(base, tip, 0.13, side * 0.04), rib(base, tip, side * 0.04, (0.15, 0.75))]


def _thorn(stem: Curve, y: float, side: int) -> Curve:
    x = _on(stem, y)[0]
    return polyline((x, y - 0.06), (x + side * 0.1, y - 0.05), (x, y + 0.03))


def _on(stem: Curve, y: float) -> Point:
    return float(np.interp(y, stem[:, 1], stem[:, 0])), y
