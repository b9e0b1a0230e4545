"""A toadstool with a spotted cap."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "mushroom", title="a mushroom", category="plants", titles=("a toadstool", "a spotted mushroom")
)
def draw(rng: np.random.Generator) -> list[Part]:
    cap_w, cap_h = rng.uniform(0.80, 0.98), rng.uniform(0.74, 0.92)
    rim_h = rng.uniform(0.12, 0.17)
    neck, foot = rng.uniform(0.20, 0.26), rng.uniform(0.32, 0.42)
    rim_y = -0.06
    dome = spline(
        (-cap_w, rim_y), (-cap_w * 0.8, rim_y - cap_h * 0.68), (0, rim_y - cap_h),
        (cap_w * 0.8, rim_y - cap_h * 0.68), (cap_w, rim_y),
    )  # fmt: skip
    rim = ellipse(0, rim_y, cap_w, rim_h, 0, math.pi)
    top = rim_y + rim_h
    stem = spline((-neck, top), (-neck * 0.95, 0.45), (-foot, 0.85), (-foot * 0.8, 0.97), (0, 1.0))
    stem = np.vstack([stem, stem[::-1] * np.array([-1.0, 1.0])])
    size = rng.uniform(0.11, 0.15)
    spots = [
        ellipse(x * cap_w, rim_y + y * cap_h, size * k, size * k * 0.85, count=28)
        for x, y, k in (
            (-0.5, -0.3, 0.9),
            (0.02, -0.62, 1.15),
            (0.5, -0.32, 0.95),
            (0.0, -0.12, 0.7),
        )
    ]
    return [
        part("cap", "a wide domed cap", "large half circle at the top", [np.vstack([dome, rim])]),
        part("spots", "round spots", "small ovals inside the cap", spots, "cap"),
        part("stem", "a thick stem", "tall rounded shape below the cap", [stem], "cap"),
        part("ring", "a frilly ring", "wavy line across the stem", [_ring(neck)], "stem"),
        part(
            "grass", "tufts of grass", "short pointed lines on both sides of the stem", _grass(foot)
        ),
    ]


def _ring(neck: float) -> Curve:
    t = np.linspace(-1, 1, 33)
    hang = 0.30 + 0.05 * (1 - t**2) + 0.03 * np.cos(t * 3 * math.pi)
    return np.stack([t * neck * 1.18, hang], axis=1)


def _grass(foot: float) -> list[Curve]:
    tuft = [
        (0, 1.0),
        (0.03, 0.76),
        (0.13, 0.95),
        (0.22, 0.68),
        (0.28, 0.95),
        (0.42, 0.8),
        (0.4, 1.0),
    ]
    return [polyline(*[(s * (foot + 0.08 + x), y) for x, y in tuft]) for s in (-1, 1)]
