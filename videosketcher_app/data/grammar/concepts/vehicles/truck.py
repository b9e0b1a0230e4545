"""A delivery truck seen from the side, driving to the right."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    ellipse,
    polyline,
    rectangle,
    rounded_rectangle,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part

SILL = 0.46


@concept("truck", title="a truck", category="vehicles", titles=("a delivery truck", "a lorry"))
def draw(rng: np.random.Generator) -> list[Part]:
    box_top = rng.uniform(-0.82, -0.68)
    box_left, box_right = -1.4, rng.uniform(0.32, 0.44)
    cab_top = rng.uniform(-0.5, -0.4)
    nose = rng.uniform(1.26, 1.4)
    hood = rng.uniform(0.02, 0.08)
    wheel = rng.uniform(0.22, 0.26)
    wheels_x = (-1.02, -1.02 + 2 * wheel + 0.06, rng.uniform(0.86, 0.92))
    axle = SILL + 0.1
    shield = rng.uniform(0.72, 0.8)
    cab_left = box_right + 0.08
    cab = spline((shield, cab_top), (shield + 0.16, -0.2), (shield + 0.24, hood))
    front = spline(
        (shield + 0.24, hood), (nose - 0.1, hood + 0.04), (nose, hood + 0.16), (nose, SILL)
    )
    roof = polyline((cab_left, SILL), (cab_left, cab_top), (shield, cab_top))
    gap = wheel + 0.04
    floor = [
        polyline((cab_left, SILL), (wheels_x[2] - gap, SILL)),
        polyline((wheels_x[2] + gap, SILL), (nose, SILL)),
    ]
    glass = polyline(
        (cab_left + 0.13, hood - 0.02), (cab_left + 0.13, cab_top + 0.12), (shield - 0.03, cab_top + 0.12),
        (shield + 0.12, hood - 0.02), (cab_left + 0.13, hood - 0.02),
    )  # fmt: skip
    handle = polyline((cab_left + 0.12, hood + 0.12), (cab_left + 0.27, hood + 0.12))
    wheels = [ellipse(x, axle, wheel, count=36) for x in wheels_x]
    hubs = [ellipse(x, axle, wheel * 0.4, count=24) for x in wheels_x]
    panel = rounded_rectangle(box_left + 0.2, box_top + 0.2, box_right - 0.2, SILL - 0.36, 0.1)
    lamp = ellipse(nose - 0.1, hood + 0.24, 0.055, 0.075, count=20)
    return [
        part(
            "box",
            "a big cargo box",
            "large rectangle on the left",
            [rectangle(box_left, box_top, box_right, SILL - 0.14)],
        ),
        part(
            "cab",
            "a driver's cab",
            "rounded shape on the right",
            [np.vstack([roof, cab, front]), *floor],
            "box",
        ),
        part("window", "a cab window", "slanted shape in the upper cab", [glass], "cab"),
        part("handle", "a door handle", "short line below the window", [handle], "cab"),
        part("wheels", "three wheels", "three circles at the bottom", wheels),
        part("hubs", "three hub caps", "small circles inside the wheels", hubs, "wheels"),
        part("headlight", "a headlight", "small oval at the right end", [lamp], "cab"),
        part("panel", "a panel on the box", "rounded rectangle inside the box", [panel], "box"),
    ]
