"""A pine tree: three tiers of drooping branches on a short trunk."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, polyline, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("pine_tree", title="a pine tree", category="plants", titles=("a fir tree", "a spruce"))
def draw(rng: np.random.Generator) -> list[Part]:
    widths = np.array([0.40, 0.60, 0.80]) * rng.uniform(0.88, 1.06)
    bottoms = np.array([-0.42, 0.12, 0.68]) + rng.uniform(-0.03, 0.03, 3)
    tufts = int(rng.integers(3, 5))
    trunk_w = rng.uniform(0.09, 0.13)
    ground_w = rng.uniform(0.6, 0.85)
    top = _tier(0.0, -1.0, widths[0], bottoms[0], tufts)
    middle = _tier(widths[0] * 0.52, bottoms[0], widths[1], bottoms[1], tufts)
    bottom = _tier(widths[1] * 0.56, bottoms[1], widths[2], bottoms[2], tufts + 1)
    trunk = polyline(
        (-trunk_w, bottoms[2] + 0.03), (-trunk_w, 1), (trunk_w, 1), (trunk_w, bottoms[2] + 0.03)
    )
    snow = [wave((s * (trunk_w + 0.06), 0.97), (s * ground_w, 0.97), 0.025, 1.5) for s in (-1, 1)]
    return [
        part("top branches", "a pointed treetop", "jagged triangle at the top", [top]),
        part(
            "middle branches",
            "wider branches in the middle",
            "jagged wide shape in the middle",
            [middle],
        ),
        part(
            "bottom branches",
            "the widest branches",
            "widest jagged shape near the bottom",
            [bottom],
        ),
        part("trunk", "a short trunk", "small rectangle below the branches", [trunk]),
        part("ground", "grassy ground", "wavy lines on both sides of the trunk", snow, "trunk"),
    ]


def _tier(neck: float, top: float, width: float, bottom: float, tufts: int) -> Curve:
    """One tier: down the left slope, along the tufts and up the right slope."""
    height = bottom - top
    left = spline(
        (-neck, top), (-(neck + (width - neck) * 0.42), top + 0.55 * height), (-width, bottom)
    )
    t = np.linspace(0, 1, int(tufts) * 8 + 1)
    sag = 0.07 * np.abs(np.sin(t * tufts * np.pi))
    edge = np.stack([width * (2 * t - 1), bottom + 0.06 * np.sin(np.pi * t) - sag], axis=1)
    right = left[::-1] * np.array([-1.0, 1.0])
    return np.vstack([left, edge, right])
