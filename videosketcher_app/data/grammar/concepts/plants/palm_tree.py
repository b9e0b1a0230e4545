"""A leaning palm tree on a small sandy mound."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, Point, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part

CROWN: Point = (0.12, -0.48)


@concept("palm_tree", title="a palm tree", category="plants", titles=("a coconut palm", "a palm"))
def draw(rng: np.random.Generator) -> list[Part]:
    foot = rng.uniform(-0.42, -0.2)
    width = rng.uniform(0.07, 0.09)
    bow = rng.uniform(0.04, 0.12)
    reach = rng.uniform(0.86, 1.02)
    droop = rng.uniform(0.30, 0.42)
    middle = spline(CROWN, (CROWN[0] * 0.2 + foot * 0.2 + bow, 0.1), (foot, 0.88))
    widths = np.linspace(width, width * 1.7, len(middle))[:, None] * np.array([1.0, 0.0])
    left, right = middle - widths, middle + widths
    rings = [
        spline(tuple(left[i]), tuple(middle[i] + (0, 0.05)), tuple(right[i]))
        for i in np.linspace(5, len(middle) - 5, 4).astype(int)
    ]
    mound_w = rng.uniform(0.7, 0.9)
    mound = spline((foot - mound_w, 1), (foot - 0.3, 0.89), (foot + 0.3, 0.89), (foot + mound_w, 1))
    nuts = [
        ellipse(CROWN[0] + x, CROWN[1] + y, 0.085, count=24)
        for x, y in ((-0.12, 0.13), (0.1, 0.17))
    ]
    fronds = {
        s: [_frond(s * reach, droop), _frond(s * reach * 0.72, -rng.uniform(0.22, 0.3))]
        for s in (-1, 1)
    }
    return [
        part(
            "trunk", "a curved leaning trunk", "two long curved lines in the middle", [left, right]
        ),
        part(
            "left fronds", "feathery fronds on the left", "jagged arcs at the top left", fronds[-1]
        ),
        part(
            "right fronds",
            "feathery fronds on the right",
            "jagged arcs at the top right",
            fronds[1],
        ),
        part(
            "coconuts", "two coconuts", "two small circles at the top of the trunk", nuts, "trunk"
        ),
        part("rings", "rings on the trunk", "short curved lines across the trunk", rings, "trunk"),
        part("mound", "a sandy mound", "wide low arc at the bottom", [mound]),
    ]


def _frond(dx: float, dy: float, teeth: int = 5) -> Curve:
    """A frond whose tip is at (dx, dy) from the crown: a smooth back and a toothed lower edge."""
    x, y = CROWN
    lift = -0.22 - 0.1 * max(0.0, -dy)
    tip = (x + dx, y + dy)
    back = spline(
        CROWN,
        (x + 0.3 * dx, y + lift + 0.25 * dy),
        (x + 0.72 * dx, y + lift * 0.8 + 0.55 * dy),
        tip,
    )
    belly = spline(
        tip, (x + 0.62 * dx, y + 0.42 * dy + lift * 0.3), (x + 0.3 * dx, y + lift * 0.45), CROWN
    )
    t = np.linspace(0, 1, teeth * 2 + 1)
    at = np.stack(
        [np.interp(t, np.linspace(0, 1, len(belly)), belly[:, k]) for k in (0, 1)], axis=1
    )
    hang = np.where(np.arange(len(t)) % 2 == 1, 0.1, 0.0) * np.sin(np.pi * t) ** 0.5
    return np.vstack([back, at + np.stack([0 * hang, hang], axis=1)])
