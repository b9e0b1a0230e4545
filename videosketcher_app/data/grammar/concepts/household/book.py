"""An open book."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, mirror, polyline
from videosketcher_app.data.grammar.motifs import sun_disc
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("book", title="a book", category="household", titles=("an open book", "a reading book"))
def draw(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(0.95, 1.1), rng.uniform(0.52, 0.62)
    lift, dip = rng.uniform(0.12, 0.2), rng.uniform(0.1, 0.16)

    def edge(x: float, y: float) -> float:
        """Height of a line across a page, x from the fold to the outer edge in [0, 1]."""
        return y + dip * (1 - x) ** 3 - lift * np.sin(np.pi * x) * 0.7

    def across(y: float, a: float, b: float) -> np.ndarray:
        return np.array([(w * x, edge(x, y)) for x in np.linspace(a, b, 20)])

    page = np.vstack([across(-h, 0, 1), across(h, 1, 0)])
    rows = int(rng.integers(3, 5))
    lines = [
        across(y, 0.2, 0.82 if i < rows - 1 else 0.55)
        for i, y in enumerate(np.linspace(-h * 0.5, h * 0.6, rows))
    ]
    ring = rng.uniform(0.14, 0.19)
    cx, cy = -w * 0.5, edge(0.5, 0.0)
    picture = sun_disc(cx, cy, ring, 6, 1.9)
    cover = polyline((0, h + dip + 0.1), (w + 0.1, h + 0.1), (w + 0.1, -h + 0.08), (w, -h + 0.08))
    ribbon = polyline(
        (0.08, h + dip + 0.1), (0.1, 0.98), (0.16, 0.9), (0.23, 0.97), (0.2, h + dip + 0.07)
    )
    return [
        part(
            "left page", "the left page", "large page with curved edges on the left", [mirror(page)]
        ),
        part("right page", "the right page", "large page with curved edges on the right", [page]),
        part(
            "fold",
            "the fold in the middle",
            "vertical line between the two pages",
            [polyline((0, -h + dip), (0, h + dip))],
        ),
        part(
            "cover",
            "a cover behind the pages",
            "thin frame around the outside of the pages",
            both_sides(cover),
            after=("left page", "right page"),
        ),
        part("text", "lines of text", "curved lines on the right page", lines, after="right page"),
        part(
            "picture",
            "a picture of a sun",
            "small circle with rays on the left page",
            picture,
            after="left page",
        ),
        part(
            "bookmark",
            "a ribbon bookmark",
            "short ribbon hanging below the middle",
            [ribbon],
            after="cover",
        ),
    ]
