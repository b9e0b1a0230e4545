"""A photo camera with a strap."""

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


@concept(
    "camera", title="a camera", category="household", titles=("a photo camera", "an old camera")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(0.82, 0.98), rng.uniform(0.46, 0.54)
    cy = 0.3
    top = cy - h
    r = h * rng.uniform(0.66, 0.74)
    lx = rng.uniform(0.0, 0.1)
    hump_w, hump_h = rng.uniform(0.26, 0.34), rng.uniform(0.18, 0.24)
    hump = polyline(
        (lx - hump_w, top),
        (lx - hump_w * 0.7, top - hump_h),
        (lx + hump_w * 0.7, top - hump_h),
        (lx + hump_w, top),
    )
    button = rounded_rectangle(-w + 0.14, top - 0.1, -w + 0.36, top, 0.04)
    peak = rng.uniform(-0.95, -0.82)
    strap = spline(
        (-w, top + 0.16),
        (-w - 0.16, top - 0.1),
        (-w * 0.7, peak + 0.05),
        (0, peak),
        (w * 0.7, peak + 0.05),
        (w + 0.16, top - 0.1),
        (w, top + 0.16),
    )
    stripe = top + 0.22
    reach = np.sqrt(max(r**2 - (cy + 0.04 - stripe) ** 2, 0.0)) + 0.01
    lines = [
        polyline((-w, stripe), (lx - reach, stripe)),
        polyline((lx + reach, stripe), (w, stripe)),
    ]
    shine = ellipse(lx, cy + 0.04, r * 0.36, r * 0.36, np.pi, np.pi / 2)
    return [
        part(
            "body",
            "a wide camera body",
            "large rounded rectangle in the middle",
            [rounded_rectangle(-w, top, w, cy + h, 0.1)],
        ),
        part(
            "lens",
            "a round lens",
            "large circle inside the body",
            [ellipse(lx, cy + 0.04, r)],
            after="body",
        ),
        part(
            "inner lens",
            "an inner lens with shine",
            "smaller circle with a curve inside the lens",
            [ellipse(lx, cy + 0.04, r * 0.62), shine],
            after="lens",
        ),
        part(
            "viewfinder",
            "a viewfinder hump",
            "small trapezoid on top of the body",
            [hump],
            after="body",
        ),
        part(
            "shutter button",
            "a shutter button",
            "small flat block on top at the left",
            [button],
            after="body",
        ),
        part(
            "stripe",
            "a stripe across the body",
            "horizontal line on both sides of the lens",
            lines,
            after="lens",
        ),
        part(
            "flash",
            "a small flash",
            "small rectangle in the upper right of the body",
            [rectangle(w - 0.3, top + 0.06, w - 0.1, top + 0.16)],
            after="body",
        ),
        part("strap", "a neck strap", "long arch above the camera", [strap], after="body"),
    ]
