"""A packed car on a road to the mountains."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    ellipse,
    polygon,
    polyline,
    rectangle,
    rounded_rectangle,
    spline,
    transform,
)
from videosketcher_app.data.grammar.motifs import pine
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "road_trip",
    title="a road trip",
    category="scenes",
    titles=("a car on a long road", "a drive to the mountains"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    far = -0.12
    cx, w = -0.05, rng.uniform(0.4, 0.46)
    road = [polyline((-1.25, 1.0), (-0.3, far)), polyline((1.25, 1.0), (0.28, far))]
    p1, p2, p3 = rng.uniform(-0.6, -0.48), rng.uniform(-0.78, -0.66), rng.uniform(-0.58, -0.46)
    peaks = polyline(
        (-1.55, far), (-1.05, p1), (-0.72, -0.3), (-0.15, p2), (0.4, -0.26), (0.8, p3), (1.3, far)
    )
    ground = [polyline((-1.75, far), (-0.3, far)), polyline((0.28, far), (1.75, far))]
    y0, y1 = 0.5, 0.82
    body = rounded_rectangle(cx - w, y0, cx + w, y1, 0.1)
    cabin = polyline(
        (cx - w * 0.82, y0), (cx - w * 0.62, 0.24), (cx + w * 0.62, 0.24), (cx + w * 0.82, y0)
    )
    lights = [ellipse(cx + s * w * 0.7, 0.63, 0.06) for s in (-1, 1)]
    plate = rectangle(cx - 0.12, 0.64, cx + 0.12, 0.75)
    tires = [
        polyline(
            (cx + s * w * 0.85, y1),
            (cx + s * w * 0.85, y1 + 0.13),
            (cx + s * w * 0.5, y1 + 0.13),
            (cx + s * w * 0.5, y1),
        )
        for s in (-1, 1)
    ]
    case_h = rng.uniform(0.15, 0.2)
    bags = [
        rounded_rectangle(cx - w * 0.55, 0.24 - case_h, cx + w * 0.55, 0.24, 0.04),
        spline(
            (cx - 0.08, 0.24 - case_h),
            (cx - 0.05, 0.16 - case_h),
            (cx + 0.05, 0.16 - case_h),
            (cx + 0.08, 0.24 - case_h),
        ),
    ]
    sx = rng.uniform(1.2, 1.35)
    sign = [
        polyline((sx, 0.12), (sx, 0.62)),
        polygon(
            (sx - 0.22, -0.06),
            (sx + 0.16, -0.06),
            (sx + 0.3, 0.03),
            (sx + 0.16, 0.12),
            (sx - 0.22, 0.12),
        ),
    ]
    sign = [transform(c, move=(0.0, 0.12)) for c in sign]
    trees = [
        c
        for x, h in ((-1.5, 0.62), (-1.08, 0.48))
        for c in pine(x, 0.52 if x < -1.2 else 0.36, h * 0.9, 0.17)
    ]
    return [
        part("road", "a long road", "two lines that run together toward the middle", road),
        part("mountains", "three mountains", "three pointed peaks across the top", [peaks]),
        part("horizon", "a horizon", "long straight line below the peaks", ground),
        part("car", "a car from behind", "rounded box with a window on the road", [body, cabin]),
        part(
            "car details",
            "rear lights and a plate",
            "two circles and a small rectangle on the car",
            [*lights, plate],
            after="car",
        ),
        part("tires", "two tires", "two short blocks under the car", tires, after="car"),
        part(
            "suitcase",
            "a suitcase on the roof",
            "small rounded rectangle on top of the car",
            bags,
            after="car",
        ),
        part("signpost", "a signpost", "arrow board on a pole on the right", sign),
        part("pine trees", "two pine trees", "two pointed trees on the left", trees),
    ]
