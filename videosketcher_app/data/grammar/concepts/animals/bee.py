"""A striped bee in flight, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _wing(x: float, y: float, length: float, lean: float) -> Curve:
    """A drop-shaped wing from its root, leaning to the right by `lean` radians from upright."""
    shape = [
        (0.0, 0.0),
        (-0.3, 0.5),
        (-0.22, 0.92),
        (0.06, 1.0),
        (0.28, 0.72),
        (0.2, 0.3),
        (0.0, 0.0),
    ]
    c, s = np.cos(lean), np.sin(lean)
    return spline(*[(x + length * (u * c + v * s), y + length * (u * s - v * c)) for u, v in shape])


@concept("bee", title="a bee", category="animals", titles=("a honey bee", "a flying bee"))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.78, 0.92)
    h = rng.uniform(0.42, 0.6)
    head = rng.uniform(0.32, 0.37)
    wing = rng.uniform(0.72, 0.9)
    lean = rng.uniform(0.15, 0.7)
    y = 0.4
    hx, hy = -w - head * 0.62, y - 0.06
    body = ellipse(0, y, w, h, np.pi + 0.35, 2 * np.pi - 0.7)
    stripes = []
    for share in (-0.4, 0.0, 0.4, 0.72):
        half = h * np.sqrt(1 - share**2)
        stripes.append(spline((share * w, y - half), (share * w + 0.12, y), (share * w, y + half)))
    sting = polyline(
        (w * 0.985, y - 0.08), (w + rng.uniform(0.16, 0.26), y + 0.02), (w * 0.985, y + 0.1)
    )
    feelers = []
    for shift, sway in ((-0.1, 0.22), (0.1, 0.1)):
        root = (hx + shift, hy - head * 0.95)
        tip = (root[0] - sway, root[1] - 0.34)
        feelers += [
            spline(root, (root[0] - 0.03, root[1] - 0.2), tip),
            ellipse(tip[0] - 0.05, tip[1] - 0.04, 0.06, count=18),
        ]
    smile = ellipse(hx - head * 0.3, hy + head * 0.25, 0.13, 0.1, 0.3, 2.3, count=16)
    top = y - h
    return [
        part("body", "a plump body", "large oval in the middle", [body]),
        part(
            "stripes", "stripes on the body", "curved lines across the body", stripes, after="body"
        ),
        part(
            "head", "a round head", "circle at the left end", [ellipse(hx, hy, head)], after="body"
        ),
        part(
            "eye",
            "a round eye",
            "small oval inside the head",
            [ellipse(hx - head * 0.3, hy - 0.08, 0.06, 0.08, count=22)],
            after="head",
        ),
        part("mouth", "a smiling mouth", "short arc below the eye", [smile], after="head"),
        part(
            "antennae",
            "two antennae",
            "two short lines with balls on top of the head",
            feelers,
            after="head",
        ),
        part(
            "wings",
            "two rounded wings",
            "two large drops above the body",
            [
                _wing(-0.16, top + 0.01, wing, lean - 0.55),
                _wing(0.12, top + 0.01, wing * 0.85, lean + 0.45),
            ],
            after="body",
        ),
        part(
            "stinger", "a pointed stinger", "small triangle at the right end", [sting], after="body"
        ),
    ]
