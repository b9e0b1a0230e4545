"""An open umbrella with a hooked handle."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import TOP, ellipse, polyline, scallop, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "umbrella",
    title="an umbrella",
    category="household",
    titles=("an open umbrella", "a rain umbrella"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(0.9, 1.1), rng.uniform(0.62, 0.8)
    edge = rng.uniform(-0.1, 0.0)
    panels = int(rng.integers(3, 6))
    joints = np.linspace(-w, w, panels + 1)[1:-1]
    bump = 0.32 * w / panels
    hook = rng.uniform(0.14, 0.2)
    foot = rng.uniform(0.72, 0.8)
    start = edge - bump if panels % 2 else edge
    stick = polyline((0, start), (0, foot))
    handle = ellipse(-hook, foot, hook, hook, 0.0, 3.5)
    ribs = [ellipse(0, edge, x if abs(x) > 0.01 else 0.0, h, TOP, np.pi / 2) for x in joints]
    drops = [
        spline((x, y), (x - 0.05, y + 0.13), (x, y + 0.18), (x + 0.05, y + 0.13), (x, y))
        for x, y in ((-0.75, 0.25), (-0.5, 0.55), (0.4, 0.3), (0.7, 0.5))
    ]
    return [
        part(
            "canopy",
            "a wide dome canopy",
            "large half circle at the top",
            [ellipse(0, edge, w, h, np.pi, np.pi)],
        ),
        part(
            "scalloped edge",
            "a scalloped lower edge",
            "row of small arches under the half circle",
            [scallop((-w, edge), (w, edge), panels, bump)],
            after="canopy",
        ),
        part(
            "ribs",
            "curved ribs",
            "curved lines from the top to the lower edge",
            ribs,
            after="scalloped edge",
        ),
        part(
            "tip",
            "a short tip",
            "short line on top of the canopy",
            [polyline((0, edge - h), (0, edge - h - 0.16))],
            after="canopy",
        ),
        part("stick", "a long stick", "long straight line down from the canopy", [stick]),
        part(
            "handle",
            "a hooked handle",
            "hook at the lower end of the stick",
            [handle],
            after="stick",
        ),
        part("raindrops", "four raindrops", "small drops on both sides of the stick", drops),
    ]
