"""A wooden chair seen from the front and a little from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import polygon, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "chair", title="a chair", category="household", titles=("a wooden chair", "a kitchen chair")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, depth, lean = rng.uniform(1.0, 1.2), rng.uniform(0.26, 0.36), rng.uniform(0.22, 0.34)
    front, leg = rng.uniform(0.14, 0.24), rng.uniform(0.09, 0.12)
    x0, x1 = -w / 2 - 0.1, w / 2 - 0.1
    back = front - depth
    b0, b1 = x0 + lean, x1 + lean
    top, arch = rng.uniform(-0.95, -0.8), rng.uniform(0.0, 0.14)
    slats = int(rng.integers(2, 4))
    frame = np.vstack(
        [
            polyline((b0, back), (b0, top)),
            spline((b0, top), ((b0 + b1) / 2, top - arch), (b1, top)),
            polyline((b1, top), (b1, back)),
        ]
    )
    rail = top + 0.24
    upright = [polyline((x, rail), (x, back)) for x in np.linspace(b0, b1, slats + 2)[1:-1]]

    def leg_at(x: float, y0: float, y1: float) -> np.ndarray:
        return polyline((x, y0), (x, y1), (x + leg, y1), (x + leg, y0))

    side = (x1 - leg * 0.4 + b1) / 2
    legs = [leg_at(x0 + 0.02, front + 0.1, 1.0), leg_at(x1 - leg - 0.02, front + 0.1, 1.0)]
    seat = polygon((x0, front), (x1, front), (b1, back), (b0, back))
    edge = polyline((x0, front), (x0, front + 0.1), (x1, front + 0.1), (b1, back + 0.1), (b1, back))
    slant = front - (side + leg - x1) / lean * depth + 0.1
    return [
        part("seat", "a flat seat", "slanted rectangle in the middle", [seat]),
        part(
            "seat edge",
            "a thick seat edge",
            "narrow band along the front of the seat",
            [edge],
            after="seat",
        ),
        part("backrest", "a tall backrest", "tall upright frame behind the seat", [frame]),
        part(
            "slats",
            "upright slats",
            "vertical lines under a bar inside the backrest",
            [polyline((b0, rail), (b1, rail)), *upright],
            after="backrest",
        ),
        part(
            "front legs",
            "two front legs",
            "two long narrow legs below the front of the seat",
            legs,
            after="seat edge",
        ),
        part(
            "back legs",
            "two back legs",
            "two shorter legs behind the front legs",
            [leg_at(x0 + lean, front + 0.1, 0.8), leg_at(side, slant, 0.8)],
            after="seat edge",
        ),
    ]
