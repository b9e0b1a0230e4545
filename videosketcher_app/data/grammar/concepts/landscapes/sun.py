"""A smiling sun between clouds."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import TOP, both_sides, ellipse, polyline, spline
from videosketcher_app.data.grammar.motifs import bird, puffy_cloud, rays
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "sun", title="the sun", category="landscapes", titles=("a sun", "a smiling sun in the sky")
)
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.44, 0.52)
    count = int(rng.integers(9, 15))
    cy = rng.uniform(-0.05, 0.05)
    far = rng.uniform(1.5, 1.65)
    if rng.random() < 0.5:
        shine = rays(0, cy, r * 1.2, r * far, count)
        words = "short straight lines around the circle"
    else:
        half = np.pi / count * 0.72
        at = np.arange(count) * 2 * np.pi / count + TOP
        shine = [
            polyline(
                *[
                    (k * np.cos(a + d), cy + k * np.sin(a + d))
                    for k, d in ((r * 1.12, -half), (r * far, 0), (r * 1.12, half))
                ]
            )
            for a in at
        ]
        words = "pointed triangles around the circle"
    eye = ellipse(-r * 0.36, cy - r * 0.2, 0.05, 0.07)
    smile = spline(
        (-r * 0.5, cy + r * 0.2),
        (-r * 0.25, cy + r * 0.45),
        (r * 0.25, cy + r * 0.45),
        (r * 0.5, cy + r * 0.2),
    )
    x0, x1 = rng.uniform(1.2, 1.3), rng.uniform(1.2, 1.3)
    return [
        part("sun disc", "a round sun", "large circle in the middle", [ellipse(0, cy, r)]),
        part("sun rays", "bright rays", words, shine, after="sun disc"),
        part(
            "eyes",
            "two happy eyes",
            "two small ovals inside the circle",
            both_sides(eye),
            after="sun disc",
        ),
        part(
            "smile", "a wide smile", "wide curve low inside the circle", [smile], after="sun disc"
        ),
        part(
            "left cloud",
            "a cloud on the left",
            "puffy shape at the lower left",
            [puffy_cloud(-x0, rng.uniform(0.4, 0.6), rng.uniform(0.34, 0.42), 0.2)],
        ),
        part(
            "right cloud",
            "a cloud on the right",
            "puffy shape at the right",
            [puffy_cloud(x1, rng.uniform(-0.5, 0.3), rng.uniform(0.34, 0.42), 0.2)],
        ),
        part(
            "birds",
            "two flying birds",
            "two small curved marks at the upper left",
            [bird(-1.45, -0.6, 0.14), bird(-1.1, -0.75, 0.12)],
        ),
    ]
