"""An old key with a fancy ring."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    cloud,
    ellipse,
    heart,
    polyline,
    rounded_rectangle,
    transform,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("key", title="a key", category="household", titles=("an old key", "a door key"))
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.36, 0.46)
    thick = rng.uniform(0.07, 0.1)
    end = rng.uniform(1.0, 1.15)
    turn = rng.uniform(0.28, 0.6) * (1 if rng.random() < 0.5 else -1)
    shape = int(rng.integers(3))
    cx = -0.85
    if shape == 0:
        bow = ellipse(cx, 0, r * 1.1, r, 0.0)
        hole = ellipse(cx, 0, r * 0.62, r * 0.55)
    elif shape == 1:
        bow = transform(heart(0, 0, r, r), turn=np.pi / 2 + np.pi, move=(cx, 0))
        hole = ellipse(cx - r * 0.02, 0, r * 0.32)
    else:
        bow = cloud(cx, 0, r, r, 5, 0.0)
        hole = ellipse(cx, 0, r * 0.5)
    start = cx + r * (1.1, 0.95, 1.1)[shape]
    neck = [rounded_rectangle(start, -thick - 0.1, start + 0.14, thick + 0.1, 0.04)]
    shaft = polyline((start + 0.14, -thick), (end, -thick), (end, thick), (start + 0.14, thick))
    tooth, deep = 0.13, rng.uniform(0.26, 0.36)
    x = end - 0.06
    teeth = polyline(
        (x, thick),
        (x, thick + deep),
        (x - tooth, thick + deep),
        (x - tooth, thick + 0.12),
        (x - tooth * 1.8, thick + 0.12),
        (x - tooth * 1.8, thick + deep * 0.8),
        (x - tooth * 2.8, thick + deep * 0.8),
        (x - tooth * 2.8, thick),
    )

    def turned(*curves: np.ndarray) -> list[np.ndarray]:
        return [transform(curve, turn=turn) for curve in curves]

    return [
        part("handle", "a big rounded handle", "large rounded shape on the left", turned(bow)),
        part(
            "hole",
            "a hole in the handle",
            "smaller round shape inside the handle",
            turned(hole),
            after="handle",
        ),
        part(
            "collar",
            "a thick collar",
            "small block next to the handle",
            turned(*neck),
            after="handle",
        ),
        part(
            "shaft", "a long shaft", "long narrow bar from the collar to the right", turned(shaft)
        ),
        part(
            "teeth",
            "two square teeth",
            "square notched piece under the right end",
            turned(teeth),
            after="shaft",
        ),
    ]
