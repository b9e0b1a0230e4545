"""A burning candle in a holder."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "candle",
    title="a candle",
    category="household",
    titles=("a burning candle", "a candle in a holder"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.24, 0.32)
    top, bottom = rng.uniform(-0.3, -0.15), 0.66
    flame_h, flame_w = rng.uniform(0.38, 0.48), rng.uniform(0.13, 0.17)
    tip = top - 0.16 - flame_h
    lean = rng.uniform(-0.06, 0.06)
    flame = spline(
        (lean, tip),
        (-flame_w * 0.7, tip + flame_h * 0.45),
        (-flame_w, tip + flame_h * 0.72),
        (0, tip + flame_h),
        (flame_w, tip + flame_h * 0.72),
        (flame_w * 0.7, tip + flame_h * 0.45),
        (lean, tip),
    )
    long, short = rng.uniform(0.4, 0.5), rng.uniform(0.18, 0.26)
    drips = spline(
        (-w, top + 0.26),
        (-w * 0.8, top + 0.36),
        (-w * 0.55, top + short),
        (-w * 0.25, top + short),
        (-w * 0.05, top + long),
        (w * 0.22, top + long),
        (w * 0.38, top + short),
        (w * 0.7, top + short + 0.06),
        (w, top + 0.22),
    )
    dish = ellipse(0, bottom, 0.72, 0.14, -0.98, np.pi + 1.96)
    bowl = spline(
        (-0.72, bottom + 0.02),
        (-0.6, bottom + 0.2),
        (-0.4, bottom + 0.3),
        (0.4, bottom + 0.3),
        (0.6, bottom + 0.2),
        (0.72, bottom + 0.02),
    )
    loop = [ellipse(0.86, bottom + 0.06, 0.2, 0.2, -2.3, 4.7)]
    glow = [
        polyline(*[(k * np.sin(t), tip + flame_h * 0.65 + k * -np.cos(t)) for k in (0.48, 0.66)])
        for t in (-1.3, -0.65, 0.65, 1.3)
    ]
    return [
        part(
            "candle stick",
            "a tall wax candle",
            "tall upright bar in the middle",
            [
                polyline((-w, bottom + 0.05), (-w, top)),
                polyline((w, top), (w, bottom + 0.05)),
                ellipse(0, top, w, 0.07),
            ],
        ),
        part(
            "wick",
            "a short wick",
            "short line on top of the candle",
            [polyline((0, top), (0, top - 0.16))],
            after="candle stick",
        ),
        part("flame", "a flickering flame", "drop shape above the candle", [flame]),
        part(
            "wax drips",
            "dripping wax",
            "wavy line below the top of the candle",
            [drips],
            after="candle stick",
        ),
        part("holder", "a wide dish", "shallow bowl under the candle", [dish, bowl]),
        part("ring", "a ring handle", "small loop on the right of the dish", loop, after="holder"),
        part("glow", "rays of light", "short lines around the flame", glow, after="flame"),
    ]
