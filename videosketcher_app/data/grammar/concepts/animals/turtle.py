"""A turtle with a patterned shell, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _leg(x: float, top: float, foot: float, step: float) -> Curve:
    left = [(x, top), (x - step * 0.5 - 0.04, foot - 0.12), (x - step - 0.06, foot)]
    return spline(*left, (x + 0.24 - step, foot), (x + 0.3, foot - 0.16), (x + 0.36, top))


@concept("turtle", title="a turtle", category="animals", titles=("a tortoise", "a walking turtle"))
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.9, 1.05)
    h = rng.uniform(0.88, 1.02)
    rim = 0.3
    neck = rng.uniform(0.05, 0.4)
    foot = rng.uniform(0.84, 0.96)
    step = rng.uniform(0.0, 0.14)
    dome = ellipse(0, rim, w, h, np.pi, np.pi)
    edge = spline(
        (-w, rim),
        (-w - 0.05, rim + 0.12),
        (-w * 0.8, rim + 0.17),
        (w * 0.8, rim + 0.17),
        (w + 0.05, rim + 0.12),
        (w, rim),
    )
    y, a, b = rim - h * 0.5, w * 0.25, w * 0.42
    plate = polyline(
        (-a, y - h * 0.22),
        (a, y - h * 0.22),
        (b, y + 0.02),
        (a, rim - 0.14),
        (-a, rim - 0.14),
        (-b, y + 0.02),
        (-a, y - h * 0.22),
    )
    seams = [polyline((s * a, y - h * 0.22), (s * w * 0.36, rim - h * 0.93)) for s in (-1, 1)]
    seams += [polyline((s * b, y + 0.02), (s * w * 0.88, y + 0.02)) for s in (-1, 1)]
    hx, hy = -w - 0.42, -0.02 - neck
    head = [
        (-w - 0.02, rim + 0.14),
        (-w - 0.28, rim + 0.08),
        (hx - 0.1, hy + 0.22),
        (hx - 0.24, hy + 0.04),
    ]
    skull = [
        (hx - 0.12, hy - 0.18),
        (hx + 0.12, hy - 0.17),
        (hx + 0.22, hy + 0.06),
        (-w - 0.06, rim - 0.06),
    ]
    return [
        part("shell", "a domed shell", "large half circle in the middle", [dome]),
        part("rim", "a shell rim", "long flat band below the shell", [edge], after="shell"),
        part(
            "pattern",
            "a shell pattern",
            "hexagon with lines inside the shell",
            [plate, *seams],
            after="shell",
        ),
        part(
            "head",
            "a head on a short neck",
            "rounded shape reaching out on the left",
            [spline(*head, *skull)],
        ),
        part(
            "eye",
            "a small eye",
            "small circle inside the head",
            [ellipse(hx - 0.06, hy - 0.03, 0.045, count=20)],
            after="head",
        ),
        part(
            "legs",
            "two stubby legs",
            "two short wide shapes below the shell",
            [
                _leg(-w * 0.75, rim + 0.17, foot, step),
                _leg(w * 0.75 - 0.36, rim + 0.17, foot, -step),
            ],
        ),
        part(
            "tail",
            "a tiny pointed tail",
            "small triangle at the right end",
            [
                spline(
                    (w + 0.04, rim + 0.02),
                    (w + 0.18, rim + 0.12),
                    (w + 0.28, rim + 0.24),
                    (w - 0.04, rim + 0.17),
                )
            ],
            after="rim",
        ),
    ]
