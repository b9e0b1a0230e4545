"""A backpack seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    both_sides,
    heart,
    polyline,
    rounded_rectangle,
    spline,
    star,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "backpack", title="a backpack", category="household", titles=("a school bag", "a rucksack")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, top = rng.uniform(0.56, 0.66), -0.68
    low = 0.92
    flap = rng.uniform(-0.08, 0.04)
    pocket_w = w * rng.uniform(0.66, 0.76)
    py = flap + 0.22
    body = spline(
        (-w * 0.94, low - 0.14),
        (-w, 0.3),
        (-w * 0.98, -0.2),
        (-w * 0.82, top + 0.14),
        (-w * 0.45, top),
        (w * 0.45, top),
        (w * 0.82, top + 0.14),
        (w * 0.98, -0.2),
        (w, 0.3),
        (w * 0.94, low - 0.14),
        (w * 0.7, low),
        (-w * 0.7, low),
        closed=True,
    )
    handle = [
        spline((-0.2, top), (-0.17, top - 0.22), (0.17, top - 0.22), (0.2, top)),
        spline((-0.1, top), (-0.08, top - 0.11), (0.08, top - 0.11), (0.1, top)),
    ]
    zipper = spline(
        (-w * 0.99, flap),
        (-w * 0.5, flap + 0.09),
        (0, flap + 0.11),
        (w * 0.5, flap + 0.09),
        (w * 0.99, flap),
    )
    pocket = rounded_rectangle(-pocket_w, py, pocket_w, low - 0.12, 0.1)
    seam = [
        polyline((-pocket_w, py + 0.17), (pocket_w, py + 0.17)),
        polyline((0, py + 0.17), (0, py + 0.3)),
    ]
    side = spline((w, 0.3), (w + 0.2, 0.34), (w + 0.22, 0.55), (w + 0.18, 0.78), (w * 0.97, 0.8))
    strap = spline(
        (w * 0.9, top + 0.26), (w + 0.22, top + 0.36), (w + 0.27, -0.02), (w + 0.16, 0.3)
    )
    y = (top + flap) / 2 + 0.04
    size = rng.uniform(0.15, 0.19)
    badge = star(0, y, size) if rng.random() < 0.5 else heart(0, y, size, size)
    return [
        part("bag", "a tall rounded bag", "tall rounded block in the middle", [body]),
        part(
            "top handle", "a top handle", "small double arch on top of the bag", handle, after="bag"
        ),
        part(
            "zipper",
            "a curved zipper",
            "curved line across the middle of the bag",
            [zipper],
            after="bag",
        ),
        part(
            "front pocket",
            "a front pocket",
            "rounded rectangle in the lower half of the bag",
            [pocket],
            after="bag",
        ),
        part(
            "pocket seam",
            "a pocket zipper with a tab",
            "straight line with a short tab inside the pocket",
            seam,
            after="front pocket",
        ),
        part(
            "side pockets",
            "two side pockets",
            "small bulges on both lower sides",
            both_sides(side),
            after="bag",
        ),
        part(
            "straps",
            "two shoulder straps",
            "curved lines on both upper sides",
            both_sides(strap),
            after=("bag", "side pockets"),
        ),
        part("badge", "a badge", "small shape in the upper half of the bag", [badge], after="bag"),
    ]
