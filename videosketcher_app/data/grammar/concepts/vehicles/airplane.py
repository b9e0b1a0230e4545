"""An airliner seen from the side, climbing to the right."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, Point, ellipse, polyline, spline, transform
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "airplane",
    title="an airplane",
    category="vehicles",
    titles=("an aeroplane", "a passenger plane"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    half = rng.uniform(0.21, 0.25)
    climb = -rng.uniform(0.12, 0.3)
    fin_h = rng.uniform(0.5, 0.62)
    sweep, reach = rng.uniform(0.5, 0.66), rng.uniform(0.62, 0.74)
    body = _body(half)
    end_x, end_y = 0.12 - sweep, half + reach
    wing = polyline((0.42, half), (end_x, end_y), (end_x - 0.22, end_y), (-0.24, half))
    far = polyline(
        (0.36, -half), (-0.02, -half - reach * 0.5), (-0.2, -half - reach * 0.5), (-0.02, -half)
    )
    fin = polyline(
        (-0.98, -half), (-1.4, -half - fin_h), (-1.66, -half - fin_h), (-1.48, -half * 0.75)
    )
    tail = polyline(
        (-1.1, half * 0.4), (-1.44, half * 1.6), (-1.6, half * 1.6), (-1.36, -half * 0.35)
    )
    count = int(rng.integers(4, 6))
    panes = [ellipse(x, -half * 0.32, 0.055, count=20) for x in np.linspace(-0.7, 0.62, count)]
    cockpit = spline((0.96, -half * 0.95), (1.0, -half * 0.3), (1.4, -half * 0.24))
    engine = _engine((0.42, half), (end_x, end_y))

    def up(*curves: Curve) -> list[Curve]:
        return [transform(curve, turn=climb) for curve in curves]

    return [
        part("body", "a long body", "long rounded tube across the middle", up(body)),
        part("near wing", "a swept wing", "large slanted shape below the middle", up(wing), "body"),
        part("far wing", "a far wing", "small slanted shape above the body", up(far), "body"),
        part("tail fin", "a tall tail fin", "slanted shape at the top left", up(fin), "body"),
        part(
            "tail wing",
            "a small tail wing",
            "small slanted shape at the left end",
            up(tail),
            "body",
        ),
        part(
            "windows", "a row of windows", "row of tiny circles along the body", up(*panes), "body"
        ),
        part("cockpit", "a cockpit window", "curved line near the right end", up(cockpit), "body"),
        part(
            "engine",
            "an engine",
            "small rounded shape in front of the near wing",
            up(engine),
            "near wing",
        ),
    ]


def _engine(root: Point, tip: Point) -> Curve:
    """A round-nosed engine in front of the leading edge that runs from root to tip."""
    (x0, y0), (x1, y1) = [
        (root[0] + k * (tip[0] - root[0]), root[1] + k * (tip[1] - root[1])) for k in (0.4, 0.62)
    ]
    return spline(
        (x0, y0), (x0 + 0.14, y0 + 0.02), (x0 + 0.17, (y0 + y1) / 2), (x0 + 0.12, y1), (x1, y1)
    )


def _body(half: float) -> Curve:
    """The fuselage; `half` is its half height."""
    return np.vstack(
        [
            spline(
                (-1.5, -half * 0.75),
                (-0.9, -half),
                (0.6, -half),
                (1.1, -half * 0.9),
                (1.42, -half * 0.2),
                (1.46, half * 0.3),
            ),
            spline(
                (1.46, half * 0.3),
                (1.2, half * 0.92),
                (0.6, half),
                (-0.5, half),
                (-1.1, half * 0.4),
                (-1.5, -half * 0.75),
            ),
        ]
    )
