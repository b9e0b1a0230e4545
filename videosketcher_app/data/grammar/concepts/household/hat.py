"""A hat with a wide brim, a band and a decoration."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import TOP, cloud, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("hat", title="a hat", category="household", titles=("a sun hat", "a hat with a wide brim"))
def draw(rng: np.random.Generator) -> list[Part]:
    brim_w, brim_h = rng.uniform(0.95, 1.1), rng.uniform(0.2, 0.27)
    w, top = rng.uniform(0.5, 0.6), rng.uniform(-0.65, -0.5)
    y = 0.3
    dent = rng.uniform(-0.1, 0.16)
    narrow = rng.uniform(0.72, 0.92)
    crown = spline(
        (-w, y - 0.02),
        (-w * 0.97, y - 0.25),
        (-w * narrow, top + 0.22),
        (-w * 0.5, top),
        (0, top + dent),
        (w * 0.5, top),
        (w * narrow, top + 0.22),
        (w * 0.97, y - 0.25),
        (w, y - 0.02),
    )
    turn = np.arcsin(min(1.0, (w / brim_w)))
    brim = ellipse(0, y + 0.04, brim_w, brim_h, TOP + turn, 2 * np.pi - 2 * turn)
    lower = spline((-w, y), (-w * 0.5, y + 0.1), (0, y + 0.13), (w * 0.5, y + 0.1), (w, y))
    band = spline(
        (-w * 0.98, y - 0.22),
        (-w * 0.5, y - 0.12),
        (0, y - 0.09),
        (w * 0.5, y - 0.12),
        (w * 0.98, y - 0.22),
    )
    fx, fy = w * 0.6, y - 0.12
    if rng.random() < 0.5:
        petals = int(rng.integers(5, 7))
        extra = [cloud(fx, fy, 0.17, 0.17, petals), ellipse(fx, fy, 0.065)]
        words = ("flower", "a flower on the band", "small flower on the right side of the band")
    else:
        quill = spline((fx, fy + 0.06), (fx + 0.26, fy - 0.2), (fx + 0.34, fy - 0.66))
        vane = spline(
            (fx, fy + 0.06),
            (fx + 0.38, fy - 0.04),
            (fx + 0.52, fy - 0.36),
            (fx + 0.34, fy - 0.68),
            (fx + 0.14, fy - 0.4),
            (fx, fy + 0.06),
        )
        extra = [vane, quill]
        words = ("feather", "a long feather", "long leaf shape on the right side of the band")
    return [
        part("crown", "a tall crown", "tall rounded dome at the top", [crown]),
        part(
            "crown edge",
            "the lower edge of the crown",
            "curved line at the bottom of the dome",
            [lower],
            after="crown",
        ),
        part("brim", "a wide brim", "wide flat oval around the bottom", [brim]),
        part("band", "a hat band", "curved line across the dome", [band], after="crown"),
        part(*words, extra, after="band"),
    ]
