"""A house beside a tree."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polygon, polyline, rectangle, spline
from videosketcher_app.data.grammar.motifs import leafy_tree, sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "house_and_tree",
    title="a house and a tree",
    category="scenes",
    titles=("a house next to a tree", "a little house with a garden"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    x0, w = rng.uniform(-1.25, -1.1), rng.uniform(1.05, 1.25)
    wall, roof, base = rng.uniform(-0.15, -0.05), rng.uniform(-0.8, -0.65), 0.75
    x1, over = x0 + w, 0.15
    mid = (x0 + x1) / 2
    door_w, door_h = 0.15, rng.uniform(0.48, 0.55)
    door_x = x0 + w * 0.3
    win = x0 + w * 0.72
    chim = mid + w * 0.24

    def slope(x: float) -> float:
        return roof + (wall - roof) * (x - mid) / (w / 2 + over)

    chimney = polyline(
        (chim, slope(chim)),
        (chim, roof - 0.02),
        (chim + 0.18, roof - 0.02),
        (chim + 0.18, slope(chim + 0.18)),
    )
    tree_x = rng.uniform(0.8, 0.95)
    crown = rng.uniform(0.36, 0.43)
    walk = [
        spline((door_x - 0.1, base), (door_x - 0.12, 0.85), (door_x + 0.1, 0.98)),
        spline((door_x + 0.12, base), (door_x + 0.16, 0.85), (door_x + 0.42, 0.98)),
    ]
    return [
        part(
            "house walls",
            "square house walls",
            "large square on the left",
            [polyline((x0, wall), (x0, base), (x1, base), (x1, wall))],
        ),
        part(
            "roof",
            "a pointed roof",
            "wide triangle on top of the walls",
            [polygon((x0 - over, wall), (mid, roof), (x1 + over, wall))],
        ),
        part(
            "chimney",
            "a chimney",
            "small block on the right side of the roof",
            [chimney],
            after="roof",
        ),
        part(
            "door",
            "a front door",
            "upright rectangle at the bottom of the walls",
            [
                polyline(
                    (door_x - door_w, base),
                    (door_x - door_w, base - door_h),
                    (door_x + door_w, base - door_h),
                    (door_x + door_w, base),
                ),
                ellipse(door_x + 0.07, base - 0.24, 0.03),
            ],
            after="house walls",
        ),
        part(
            "window",
            "a cross window",
            "small square with a cross on the walls",
            [
                rectangle(win - 0.16, 0.14, win + 0.16, 0.46),
                polyline((win, 0.14), (win, 0.46)),
                polyline((win - 0.16, 0.3), (win + 0.16, 0.3)),
            ],
            after="house walls",
        ),
        part(
            "tree",
            "a leafy tree",
            "bumpy round crown on a trunk on the right",
            leafy_tree(tree_x, base, rng.uniform(1.02, 1.2), crown),
        ),
        part(
            "sun",
            "a shining sun",
            "circle with short rays at the upper right",
            sun_disc(1.5, -0.72, 0.15, 8),
        ),
        part(
            "ground",
            "the ground with a path",
            "long line at the bottom with a bent path",
            [polyline((-1.75, base), (x0, base)), polyline((x1, base), (1.75, base)), *walk],
        ),
    ]
