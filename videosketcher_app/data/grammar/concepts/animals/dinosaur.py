"""A long-necked dinosaur with a spiky back, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _leg(x: float, top: float, foot: float, width: float) -> Curve:
    return spline(
        (x, top),
        (x + 0.03, foot - 0.16),
        (x - 0.03, foot),
        (x + width, foot),
        (x + width - 0.02, foot - 0.16),
        (x + width + 0.04, top),
    )


@concept("dinosaur", title="a dinosaur", category="animals", titles=("a long-necked dinosaur",))
def draw(rng: np.random.Generator) -> list[Part]:
    top = rng.uniform(-1.0, -0.82)
    lean = rng.uniform(-1.1, -0.95)
    hump = rng.uniform(-0.36, -0.22)
    tail = rng.uniform(1.5, 1.75)
    flick = rng.uniform(-0.4, 0.35)
    foot = rng.uniform(0.86, 0.98)
    spike = rng.uniform(0.13, 0.18)
    x, y = lean, top
    skull = [
        (x + 0.28, y + 0.16),
        (x + 0.12, y - 0.08),
        (x - 0.12, y - 0.06),
        (x - 0.36, y + 0.1),
        (x - 0.42, y + 0.22),
    ]
    jaw = [(x - 0.3, y + 0.32), (x - 0.08, y + 0.32), (x + 0.04, y + 0.34)]
    ridge = [
        (x + 0.28, y + 0.16),
        (x + 0.36, -0.4),
        (-0.42, -0.12),
        (0.05, hump),
        (0.5, hump + 0.22),
        (1.0, 0.3),
        (tail, flick),
    ]
    under = [(tail, flick), (1.1, 0.56), (0.72, 0.58)]
    throat = spline((x + 0.04, y + 0.34), (x + 0.08, -0.1), (-0.72, 0.3), (-0.46, 0.52))
    back = spline(*ridge)
    spikes = []
    for index in (30, 36, 42, 48, 54):
        root, tangent = back[index], back[index + 3] - back[index - 3]
        along = tangent / np.hypot(*tangent)
        out = np.array([along[1], -along[0]]) * spike
        half = along * spike * 0.5
        spikes.append(np.stack([root - half, root + out, root + half]))
    belly = spline((-0.14, 0.6), (0.14, 0.63), (0.38, 0.6))
    legs = [_leg(-0.46, 0.5, foot, 0.28), _leg(0.4, 0.56, foot, 0.3)]
    mouth = polyline((x - 0.38, y + 0.22), (x - 0.12, y + 0.2))
    return [
        part("head", "a small head", "small rounded shape at the top left", [spline(*skull, *jaw)]),
        part(
            "eye",
            "a round eye",
            "small circle inside the head",
            [ellipse(x - 0.06, y + 0.08, 0.045, count=20)],
            after="head",
        ),
        part("mouth", "a short mouth", "short line at the left of the head", [mouth], after="head"),
        part(
            "back", "a long neck, back and tail", "long curve from the head to the tail tip", [back]
        ),
        part(
            "belly",
            "a throat and a belly",
            "curved lines below the long back",
            [throat, belly, spline(*under)],
            after="back",
        ),
        part(
            "spikes",
            "spikes along the back",
            "row of triangles on top of the back",
            spikes,
            after="back",
        ),
        part("legs", "two thick legs", "two wide shapes at the bottom", legs, after="back"),
    ]
