"""A hot air balloon with a basket, among small clouds."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, both_sides, cloud, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part

MOUTH = 0.42


@concept(
    "hot_air_balloon",
    title="a hot air balloon",
    category="vehicles",
    titles=("a striped hot air balloon",),
)
def draw(rng: np.random.Generator) -> list[Part]:
    half = rng.uniform(0.62, 0.72)
    mouth = rng.uniform(0.17, 0.21)
    widest = rng.uniform(-0.5, -0.4)
    edge = spline(
        (0, -1.06), (-half * 0.62, -0.94), (-half, widest), (-half * 0.74, -0.02), (-mouth, MOUTH)
    )
    envelope = np.vstack([edge[::-1], edge * np.array([-1.0, 1.0])])
    envelope = np.vstack([envelope, envelope[:1]])
    gores = [edge * np.array([k, 1.0]) for k in (-0.42, 0.42)]
    basket_y, basket_w = rng.uniform(0.68, 0.74), rng.uniform(0.18, 0.22)
    basket = polyline(
        (-basket_w, basket_y),
        (-basket_w * 0.8, 1.02),
        (basket_w * 0.8, 1.02),
        (basket_w, basket_y),
        (-basket_w, basket_y),
    )
    weave = [polyline((-basket_w * 0.9, basket_y + 0.15), (basket_w * 0.9, basket_y + 0.15))]
    ropes = both_sides(polyline((-mouth, MOUTH), (-basket_w * 0.92, basket_y)))
    zig_y = rng.uniform(-0.42, -0.34)
    clouds = [
        cloud(-rng.uniform(1.05, 1.2), rng.uniform(0.1, 0.4), 0.28, 0.15, 7),
        cloud(rng.uniform(1.05, 1.2), rng.uniform(-0.5, -0.2), 0.25, 0.14, 7),
    ]
    return [
        part("envelope", "a huge round envelope", "large upside-down drop at the top", [envelope]),
        part(
            "stripes", "curved stripes", "long curves from the top to the mouth", gores, "envelope"
        ),
        part(
            "band",
            "a zigzag band",
            "zigzag line across the envelope",
            [_band(edge, zig_y)],
            "envelope",
        ),
        part("ropes", "two ropes", "slanted lines below the envelope", ropes, "envelope"),
        part("basket", "a small basket", "small tapered box at the bottom", [basket]),
        part("weave", "a woven band", "horizontal line across the basket", weave, "basket"),
        part("clouds", "two small clouds", "bumpy ovals on both sides", clouds),
    ]


def _band(edge: Curve, y: float, corners: int = 9) -> Curve:
    """A zigzag from edge to edge of the envelope."""
    lower = edge[edge[:, 1].argsort()]
    half = -float(np.interp(y, lower[:, 1], lower[:, 0]))
    xs = np.linspace(-half, half, corners)
    ys = y + np.where(np.arange(corners) % 2 == 0, 0.0, 0.14)
    return np.stack([xs, ys], axis=1)
