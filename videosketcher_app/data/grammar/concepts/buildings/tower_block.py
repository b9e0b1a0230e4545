"""A modern tower block seen from a corner, with rows of windows."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, rectangle
from videosketcher_app.data.grammar.program import Part, concept, part

GROUND, TOP_Y = 1.0, -0.72


@concept(
    "tower_block",
    title="a tower block",
    category="buildings",
    titles=("an apartment tower", "a skyscraper", "a high-rise"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    width, depth = rng.uniform(0.86, 1.0), rng.uniform(0.34, 0.46)
    rise = rng.uniform(0.12, 0.18)
    left = -(width + depth) / 2
    edge, right = left + width, left + width + depth
    front = rectangle(left, TOP_Y, edge, GROUND)
    side = polyline(
        (edge, TOP_Y), (right, TOP_Y + rise), (right, GROUND - rise * 0.4), (edge, GROUND)
    )
    floors = np.linspace(TOP_Y + 0.16, 0.2, 3)
    size = rng.uniform(0.1, 0.12)
    columns = left + width * np.array([0.2, 0.5, 0.8])
    windows = [rectangle(x - size, y, x + size, y + 2 * size) for y in floors for x in columns]
    bands = [
        polyline((edge + 0.07, y + 0.1), (right - 0.07, y + 0.1 + (0.5 - k * 0.22) * rise))
        for k, y in enumerate(floors)
    ]
    door_w, door_top = rng.uniform(0.15, 0.19), rng.uniform(0.66, 0.7)
    middle = left + width / 2
    door = _door(middle, door_w, door_top)
    tank_w, tank_h = rng.uniform(0.16, 0.22), rng.uniform(0.14, 0.18)
    tank = _tank(left, tank_w, tank_h)
    return [
        part("front", "a tall front wall", "large tall rectangle in the middle", [front]),
        part("side", "a narrow side wall", "narrow slanted shape on the right", [side], "front"),
        part("windows", "rows of windows", "rows of small squares on the front", windows, "front"),
        part(
            "balconies",
            "balconies on the side",
            "short slanted lines on the side wall",
            bands,
            "side",
        ),
        part("door", "a double door", "rectangle at the bottom of the front", door, "front"),
        part(
            "roof box", "a box on the roof", "small rectangle on top at the left", [tank], "front"
        ),
        part(
            "antenna",
            "a roof antenna",
            "thin vertical line on top at the right",
            _antenna(edge - 0.2),
            "front",
        ),
        part(
            "street",
            "a street with bushes",
            "bumpy lines on both sides of the building",
            [_bush(left - 0.04, -1), _bush(right + 0.04, 1)],
        ),
    ]


def _antenna(x: float) -> list[Curve]:
    mast = polyline((x, TOP_Y), (x, TOP_Y - 0.36))
    return [
        mast,
        polyline((x - 0.1, TOP_Y - 0.3), (x + 0.1, TOP_Y - 0.3)),
        polyline((x - 0.07, TOP_Y - 0.2), (x + 0.07, TOP_Y - 0.2)),
    ]


def _bush(x: float, side: int) -> Curve:
    """Two bumps of a bush that stand on the ground, the larger one next to the building."""
    big = ellipse(x + side * 0.16, GROUND, 0.16, 0.24, np.pi, np.pi, count=20)
    small = ellipse(x + side * 0.43, GROUND, 0.11, 0.15, np.pi, np.pi, count=20)
    if side < 0:
        return np.vstack([small, big])
    return np.vstack([big, small])


def _tank(left: float, tank_w: float, tank_h: float) -> Curve:
    """A box that stands on the roof."""
    return polyline(
        (left + 0.14, TOP_Y),
        (left + 0.14, TOP_Y - tank_h),
        (left + 0.14 + 2 * tank_w, TOP_Y - tank_h),
        (left + 0.14 + 2 * tank_w, TOP_Y),
    )


def _door(middle: float, door_w: float, door_top: float) -> list[Curve]:
    """The entrance with two leaves."""
    return [
        polyline(
            (middle - door_w, GROUND),
            (middle - door_w, door_top),
            (middle + door_w, door_top),
            (middle + door_w, GROUND),
        ),
        polyline((middle, door_top), (middle, GROUND)),
    ]
