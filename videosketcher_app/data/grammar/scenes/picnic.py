"""A picnic under a tree."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polygon, polyline, spline
from videosketcher_app.data.grammar.motifs import leafy_tree, sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "picnic",
    title="a picnic",
    category="scenes",
    titles=("a picnic in the park", "a picnic under a tree"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    y = 0.5
    left, right = rng.uniform(-1.05, -0.95), rng.uniform(1.3, 1.45)
    cloth = polygon(
        (left, y + 0.42), (left + 0.4, y - 0.08), (right - 0.25, y - 0.08), (right, y + 0.42)
    )
    rows = [polyline((left + 0.2, y + 0.17), (right - 0.12, y + 0.17))]
    columns = [
        polyline((a, y - 0.08), (a + d, y + 0.42))
        for a, d in ((left + 0.85, -0.17), (left + 1.35, 0.0), (left + 1.8, 0.12))
    ]
    bx, bw = rng.uniform(-0.2, -0.05), 0.33
    basket = [
        polygon((bx - bw, -0.12), (bx + bw, -0.12), (bx + bw * 0.82, 0.3), (bx - bw * 0.82, 0.3)),
        polyline((bx - bw * 0.92, 0.05), (bx + bw * 0.92, 0.05)),
    ]
    grip = [
        ellipse(bx, -0.12, bw * 0.85, 0.34, np.pi, np.pi),
        ellipse(bx, -0.12, bw * 0.6, 0.24, np.pi, np.pi),
    ]
    ax = rng.uniform(0.42, 0.5)
    apple = [
        spline(
            (ax, 0.2),
            (ax + 0.12, 0.15),
            (ax + 0.17, 0.28),
            (ax + 0.07, 0.42),
            (ax - 0.07, 0.42),
            (ax - 0.17, 0.28),
            (ax - 0.12, 0.15),
            (ax, 0.2),
        ),
        spline((ax, 0.2), (ax + 0.03, 0.1), (ax + 0.09, 0.05)),
    ]
    jx = rng.uniform(0.85, 0.95)
    bottle = spline(
        (jx - 0.06, -0.32),
        (jx - 0.06, -0.12),
        (jx - 0.14, 0.02),
        (jx - 0.14, 0.3),
        (jx + 0.14, 0.3),
        (jx + 0.14, 0.02),
        (jx + 0.06, -0.12),
        (jx + 0.06, -0.32),
        closed=True,
    )
    tree = leafy_tree(-1.3, y, rng.uniform(1.3, 1.45), rng.uniform(0.38, 0.43))
    return [
        part("blanket", "a picnic blanket", "wide slanted rectangle at the bottom", [cloth]),
        part(
            "squares",
            "a pattern of squares",
            "crossing lines inside the blanket",
            [*rows, *columns],
            after="blanket",
        ),
        part("basket", "a picnic basket", "box with a line across on the blanket", basket),
        part(
            "basket handle",
            "a tall handle",
            "double arch on top of the basket",
            grip,
            after="basket",
        ),
        part("apple", "an apple", "small round fruit right of the basket", apple),
        part("bottle", "a bottle of juice", "tall narrow bottle on the right", [bottle]),
        part("tree", "a leafy tree", "bumpy round crown on a trunk on the left", tree),
        part(
            "sun",
            "a shining sun",
            "circle with short rays at the upper right",
            sun_disc(1.4, -0.66, 0.17, 9),
        ),
    ]
