"""A rocket taking off in a cloud of smoke."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, both_sides, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part

TAIL = 0.34


@concept(
    "rocket",
    title="a rocket",
    category="vehicles",
    titles=("a space rocket", "a rocket taking off"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    half = rng.uniform(0.30, 0.36)
    base = half * 0.66
    nose_y = rng.uniform(-0.62, -0.54)
    left = spline(
        (-base, TAIL), (-half, 0.0), (-half * 0.98, -0.34), (-half * 0.62, -0.8), (0, -1.12)
    )
    body = np.vstack([left, left[::-1] * np.array([-1.0, 1.0]), left[:1]])
    nose_w = float(np.interp(-nose_y, -left[:, 1], -left[:, 0]))
    nose = spline((-nose_w, nose_y), (0, nose_y + 0.07), (nose_w, nose_y))
    window_y, window_r = rng.uniform(-0.32, -0.26), rng.uniform(0.13, 0.16)
    window = [ellipse(0, window_y, window_r), ellipse(0, window_y, window_r * 0.6, count=30)]
    fins = _fin(left, rng.uniform(0.36, 0.46), rng.uniform(0.42, 0.52))
    band = spline((-half * 0.97, 0.08), (0, 0.14), (half * 0.97, 0.08))
    flame_y = rng.uniform(0.72, 0.8)
    flame = spline((-base * 0.8, TAIL), (-base * 0.72, 0.56), (-0.07, flame_y - 0.06), (0, flame_y))
    core = spline((-base * 0.3, TAIL), (-base * 0.28, 0.46), (0, 0.58))
    flames = [np.vstack([curve, curve[::-1] * np.array([-1.0, 1.0])]) for curve in (flame, core)]
    smoke = _smoke(rng.uniform(0.8, 0.95))
    return [
        part("body", "a pointed rocket body", "tall pointed oval in the middle", [body]),
        part("nose", "a nose cone", "curved line near the tip of the body", [nose], "body"),
        part("window", "a round window", "two circles inside the body", window, "body"),
        part("band", "a band around the body", "curved line across the lower body", [band], "body"),
        part(
            "fins",
            "two side fins",
            "curved triangles left and right of the body",
            both_sides(fins),
            "body",
        ),
        part("flames", "blazing flames", "pointed shapes below the body", flames, "body"),
        part("smoke", "clouds of smoke", "bumpy lines at the bottom", both_sides(smoke)),
    ]


def _fin(left: Curve, reach: float, drop: float) -> Curve:
    """The left fin, from the side of the body out and back to its tail."""
    top = left[np.argmin(np.abs(left[:, 1] + 0.02))]
    tip = (float(top[0]) - reach * 0.8, drop + 0.1)
    outside = spline((float(top[0]), float(top[1])), (float(top[0]) - reach * 0.62, 0.14), tip)
    return np.vstack(
        [outside, spline(tip, (tip[0] * 0.68, TAIL + 0.02), tuple(left[0] + (-0.02, -0.05)))]
    )


def _smoke(reach: float) -> Curve:
    """The left half of the smoke: three bumps from beside the flame down to the ground."""
    bumps = [(-0.24, 0.74, 0.13), (-0.24 - reach * 0.3, 0.82, 0.17), (-reach, 0.95, 0.12)]
    arcs = [ellipse(x, y, r * 1.15, r, 0.25, -3.3, count=18) for x, y, r in bumps]
    return np.vstack([*arcs, polyline((-reach - 0.12, 1.0), (0, 1.0))])
