"""A woolly sheep, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, cloud, ellipse, polyline, scallop, spline
from videosketcher_app.data.grammar.program import Part, concept, part

CURLS = ((-0.2, -0.4), (0.35, -0.35), (0.05, 0.1), (0.6, 0.2))


def _leg(x: float, top: float, foot: float) -> Curve:
    return polyline((x, top), (x + 0.01, foot), (x + 0.14, foot), (x + 0.15, top))


def _cut(outline: Curve, cx: float, cy: float, rx: float, ry: float) -> Curve:
    """The closed outline without its one piece behind an ellipse."""
    ring = outline[:-1]
    hidden = ((ring[:, 0] - cx) / rx) ** 2 + ((ring[:, 1] - cy) / ry) ** 2 < 1
    last = int(np.flatnonzero(hidden & ~np.roll(hidden, -1))[0])
    return np.roll(ring, -last - 1, axis=0)[: int((~hidden).sum())]


@concept("sheep", title="a sheep", category="animals", titles=("a woolly sheep", "a lamb"))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.76, 0.92)
    h = rng.uniform(0.46, 0.56)
    bumps = int(rng.integers(10, 14))
    foot = h + rng.uniform(0.34, 0.46)
    nod = rng.uniform(-0.16, 0.1)
    x, y = -w - 0.2, -0.2 + nod
    wool = _cut(cloud(0, 0, w, h, bumps), x + 0.1, y + 0.06, 0.38, 0.34)
    face = [
        (x + 0.2, y - 0.16),
        (x + 0.02, y - 0.22),
        (x - 0.2, y + 0.02),
        (x - 0.27, y + 0.26),
        (x - 0.14, y + 0.36),
        (x + 0.06, y + 0.26),
        (x + 0.22, y + 0.1),
    ]
    ear = [
        (x + 0.22, y - 0.02),
        (x + 0.34, y - 0.04),
        (x + 0.46, y + 0.1),
        (x + 0.36, y + 0.16),
        (x + 0.22, y - 0.02),
    ]
    tuft = scallop((x - 0.08, y - 0.16), (x + 0.28, y - 0.16), 3, 0.09)
    mouth = spline((x - 0.24, y + 0.24), (x - 0.16, y + 0.26), (x - 0.1, y + 0.2))
    low = h * 0.98
    legs = [
        _leg(-w * 0.62, low, foot),
        _leg(-w * 0.32, low + 0.06, foot - 0.05),
        _leg(w * 0.22, low + 0.06, foot - 0.05),
        _leg(w * 0.48, low, foot),
    ]
    tail = ellipse(w * 1.12 + 0.08, -0.02, 0.13, 0.1, -2.4, 4.6, count=24)
    curls = [ellipse(cx * w, cy * h, 0.1, 0.09, np.pi, np.pi, count=14) for cx, cy in CURLS]
    return [
        part("wool", "a woolly body", "large cloud shape in the middle", [wool]),
        part("head", "a smooth head", "long oval at the left end", [spline(*face)]),
        part("tuft", "a tuft of wool", "row of bumps on top of the head", [tuft], after="head"),
        part(
            "ear",
            "a drooping ear",
            "small leaf on the right of the head",
            [spline(*ear)],
            after="head",
        ),
        part(
            "eye",
            "a round eye",
            "small circle inside the head",
            [ellipse(x - 0.04, y + 0.02, 0.045, count=20)],
            after="head",
        ),
        part(
            "mouth",
            "a small mouth",
            "short curved line at the tip of the head",
            [mouth],
            after="head",
        ),
        part(
            "legs", "four thin legs", "four short narrow shapes below the body", legs, after="wool"
        ),
        part("tail", "a short tail", "small round curve at the right end", [tail], after="wool"),
        part("curls", "curls in the wool", "four short arcs inside the body", curls, after="wool"),
    ]
