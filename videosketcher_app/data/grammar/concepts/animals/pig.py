"""A round pig with a curly tail, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


def _leg(x: float, top: float, foot: float) -> Curve:
    return polyline(
        (x, top), (x + 0.02, foot), (x + 0.1, foot - 0.05), (x + 0.18, foot), (x + 0.22, top)
    )


@concept("pig", title="a pig", category="animals", titles=("a fat pig", "a piglet"))
def draw(rng: np.random.Generator) -> list[Part]:
    rump = rng.uniform(0.95, 1.12)
    fat = rng.uniform(0.5, 0.74)
    foot = fat + rng.uniform(0.22, 0.42)
    snout = rng.uniform(-1.28, -1.16)
    ear = rng.uniform(0.2, 0.32)
    curl = rng.uniform(0.1, 0.14)
    back = [
        (-0.5, -0.53),
        (-0.1, -fat),
        (0.45, -fat * 0.98),
        (rump - 0.14, -fat * 0.55),
        (rump, 0.05),
        (rump - 0.12, fat * 0.78),
    ]
    face = spline((-0.87, -0.36), (-1.0, -0.2), (snout + 0.02, -0.16))
    jaw = spline((snout + 0.04, 0.2), (-1.0, 0.26), (-0.78, 0.36), (-0.62, fat * 0.86))
    belly = [
        spline((-0.4, fat * 0.92), (-0.3, fat * 0.95), (-0.18, fat)),
        spline((0.04, fat), (rump - 0.64, fat * 0.96)),
    ]
    belly.append(spline((rump - 0.42, fat * 0.88), (rump - 0.34, fat * 0.8)))
    tip = (-0.86 - ear * 0.4, -0.44 - ear * 0.7)
    flop = [
        spline((-0.5, -0.53), (-0.64, -0.56 - ear * 0.5), tip),
        spline(tip, (-0.86, -0.36), (-0.62, -0.26)),
    ]
    legs = [
        _leg(-0.62, fat * 0.86, foot),
        _leg(-0.18, fat, foot - 0.05),
        _leg(rump - 0.64, fat * 0.94, foot - 0.05),
        _leg(rump - 0.34, fat * 0.78, foot),
    ]
    x, y = rump, -0.1
    tail = [
        (x - 0.01, y),
        (x + curl, y - 0.02),
        (x + curl * 2, y - curl),
        (x + curl * 1.3, y - curl * 1.9),
    ]
    tail += [(x + curl * 0.6, y - curl), (x + curl * 1.6, y + 0.02), (x + curl * 3, y - curl * 1.3)]
    nostrils = [ellipse(snout - d, 0.02, 0.025, 0.05, count=16) for d in (0.04, -0.05)]
    return [
        part(
            "body",
            "a fat round body",
            "wide round curves across the middle",
            [spline(*back), *belly],
        ),
        part(
            "head",
            "a head running into the body",
            "curves for forehead and jaw on the left",
            [face, jaw],
        ),
        part(
            "snout",
            "a flat snout",
            "upright oval at the left end",
            [ellipse(snout, 0.02, 0.12, 0.19, count=32)],
            after="head",
        ),
        part(
            "nostrils", "two nostrils", "two tiny ovals inside the snout", nostrils, after="snout"
        ),
        part("ear", "a floppy ear", "pointed flap on top of the head", flop, after="head"),
        part(
            "eye",
            "a small eye",
            "small circle between ear and snout",
            [ellipse(-0.92, -0.1, 0.045, count=20)],
            after="head",
        ),
        part("legs", "four short legs", "four short shapes along the bottom", legs),
        part("tail", "a curly tail", "small loop at the right end", [spline(*tail)], after="body"),
    ]
