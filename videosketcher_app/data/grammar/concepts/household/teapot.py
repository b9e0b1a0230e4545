"""A round teapot with a spout."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import cloud, ellipse, polyline, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("teapot", title="a teapot", category="household", titles=("a tea pot", "a pot of tea"))
def draw(rng: np.random.Generator) -> list[Part]:
    w, h = rng.uniform(0.62, 0.75), rng.uniform(0.5, 0.58)
    cy = 0.2
    neck = w * rng.uniform(0.5, 0.6)
    top = cy - h * 0.84
    rise = rng.uniform(0.2, 0.28)
    tip = rng.uniform(0.36, 0.5)
    body = spline(
        (-neck, top),
        (-w * 0.88, cy - h * 0.42),
        (-w, cy + 0.08),
        (-w * 0.78, cy + h * 0.72),
        (-w * 0.45, cy + h),
        (w * 0.45, cy + h),
        (w * 0.78, cy + h * 0.72),
        (w, cy + 0.08),
        (w * 0.88, cy - h * 0.42),
        (neck, top),
    )
    spout = np.vstack(
        [
            spline(
                (-w * 0.93, cy + 0.28),
                (-w - 0.24, cy + 0.12),
                (-w - 0.32, cy - 0.2),
                (-w - tip, cy - 0.42),
            ),
            spline((-w - tip + 0.18, cy - 0.47), (-w - 0.14, cy - 0.22), (-w * 0.96, cy - 0.1)),
        ]
    )
    outer = spline(
        (w * 0.84, cy - 0.28),
        (w + 0.26, cy - 0.42),
        (w + 0.42, cy - 0.12),
        (w + 0.26, cy + 0.2),
        (w * 0.93, cy + 0.28),
    )
    inner = spline(
        (w * 0.96, cy - 0.16),
        (w + 0.2, cy - 0.26),
        (w + 0.29, cy - 0.1),
        (w + 0.18, cy + 0.1),
        (w, cy + 0.14),
    )
    lid = ellipse(0, top, neck, rise, np.pi, np.pi)
    steam = [
        wave((-w - tip - 0.03 + k, cy - 0.58), (-w - tip - 0.13 + k, cy - 0.98), 0.05, 1.0)
        for k in (0, 0.2)
    ]
    return [
        part("pot body", "a round pot body", "large round belly in the middle", [body]),
        part(
            "lid",
            "a domed lid",
            "flat dome on top of the pot",
            [polyline((-neck, top), (neck, top)), lid],
        ),
        part(
            "knob",
            "a small knob",
            "small circle on top of the lid",
            [ellipse(0, top - rise - 0.08, 0.08)],
            after="lid",
        ),
        part(
            "spout", "a curved spout", "bent pipe on the left of the pot", [spout], after="pot body"
        ),
        part(
            "handle",
            "a big handle",
            "thick loop on the right of the pot",
            [outer, inner],
            after="pot body",
        ),
        part(
            "foot",
            "a narrow foot",
            "flat band under the pot",
            [
                polyline(
                    (-w * 0.45, cy + h),
                    (-w * 0.52, cy + h + 0.1),
                    (w * 0.52, cy + h + 0.1),
                    (w * 0.45, cy + h),
                )
            ],
            after="pot body",
        ),
        part(
            "flower",
            "a painted flower",
            "small flower in the middle of the pot",
            [ellipse(0, cy + 0.06, 0.06), cloud(0, cy + 0.06, 0.17, 0.17, 6)],
            after="pot body",
        ),
        part("steam", "rising steam", "two wavy lines above the spout", steam),
    ]
