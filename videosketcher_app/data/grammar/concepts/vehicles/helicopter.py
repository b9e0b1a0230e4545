"""A helicopter seen from the side, facing right."""

from __future__ import annotations

import math

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "helicopter",
    title="a helicopter",
    category="vehicles",
    titles=("a rescue helicopter", "a chopper"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    roof, belly = rng.uniform(-0.4, -0.32), rng.uniform(0.42, 0.5)
    nose = rng.uniform(0.9, 1.02)
    tail_x, tail_y = -rng.uniform(1.42, 1.56), rng.uniform(-0.3, -0.22)
    cabin = spline(
        (-0.5, -0.16), (-0.36, roof + 0.04), (0.05, roof), (0.5, roof + 0.1), (nose - 0.08, -0.02),
        (nose, 0.24), (nose - 0.26, belly - 0.03), (0.1, belly), (-0.36, belly - 0.12), (-0.5, 0.12),
    )  # fmt: skip
    cabin = np.vstack([cabin, cabin[:1]])
    boom = [
        polyline((-0.5, -0.16), (tail_x, tail_y)),
        polyline((-0.5, 0.12), (tail_x + 0.02, tail_y + 0.12)),
    ]
    fin = polyline(
        (tail_x + 0.28, tail_y + 0.12),
        (tail_x + 0.08, tail_y + 0.44),
        (tail_x - 0.08, tail_y + 0.44),
        (tail_x, tail_y),
    )
    window = _window(roof, nose)
    door = polyline(
        (0.22, -0.18), (-0.18, -0.18), (-0.18, belly - 0.12), (0.22, belly - 0.12), (0.22, -0.18)
    )
    span = rng.uniform(1.15, 1.3)
    hub_y = roof - rng.uniform(0.18, 0.22)
    rotor = [_blade(s * span, hub_y) for s in (-1, 1)]
    mast = polyline((-0.04, roof), (-0.04, hub_y), (0.08, hub_y), (0.08, roof))
    skid_y = belly + rng.uniform(0.2, 0.25)
    skids = _skids(belly, skid_y)
    spin = rng.uniform(0.3, 1.2)
    tail_rotor = [_tail_blade(tail_x, tail_y - 0.1, spin + k * math.pi / 2) for k in (0, 1)]
    return [
        part("cabin", "a rounded cabin", "large egg shape on the right", [cabin]),
        part("boom", "a long tail boom", "two long lines narrowing to the left", boom, "cabin"),
        part("fin", "a tail fin", "small slanted shape below the left end", [fin], "boom"),
        part("mast", "a rotor mast", "small rectangle on top of the cabin", [mast], "cabin"),
        part("rotor", "a wide main rotor", "two long thin blades at the top", rotor, "mast"),
        part("tail rotor", "a tail rotor", "small cross at the left end", tail_rotor, "boom"),
        part(
            "window",
            "a big front window",
            "curved triangle in the right of the cabin",
            [window],
            "cabin",
        ),
        part("door", "a sliding door", "rectangle in the middle of the cabin", [door], "cabin"),
        part("skids", "landing skids", "long line with two struts at the bottom", skids, "cabin"),
    ]


def _blade(dx: float, y: float) -> Curve:
    x0, x1 = 0.02 + 0.06 * np.sign(dx), 0.02 + dx
    return polyline((x0, y), (x1, y - 0.07), (x1, y + 0.01), (x0, y + 0.06))


def _tail_blade(x: float, y: float, angle: float) -> Curve:
    return ellipse(x, y, 0.21, 0.04, tilt=angle, count=28)


def _window(roof: float, nose: float) -> Curve:
    """The windscreen, rounded towards the nose."""
    return np.vstack(
        [
            spline((0.4, roof + 0.16), (0.62, -0.14), (nose - 0.14, 0.12)),
            polyline((nose - 0.14, 0.12), (0.4, 0.12), (0.4, roof + 0.16)),
        ]
    )


def _skids(belly: float, skid_y: float) -> list[Curve]:
    """Two struts and the runner that turns up in front."""
    return [
        polyline((-0.18, belly - 0.06), (-0.26, skid_y)),
        polyline((0.44, belly - 0.01), (0.5, skid_y)),
        spline((-0.6, skid_y), (0.0, skid_y), (0.7, skid_y), (0.88, skid_y - 0.08)),
    ]
