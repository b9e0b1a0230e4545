"""A standing dog with a floppy ear, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("dog", title="a dog", category="animals", titles=("a puppy", "a standing dog"))
def draw(rng: np.random.Generator) -> list[Part]:
    rump = rng.uniform(0.66, 1.12)
    foot = rng.uniform(0.72, 1.06)
    muzzle = rng.uniform(0.36, 0.52)
    ear = rng.uniform(0.44, 0.6)
    wag = rng.uniform(0.24, 0.55)
    tip = -0.95 - muzzle
    skull = [(-0.38, -0.36), (-0.46, -0.7), (-0.7, -0.86), (-0.93, -0.68)]
    snout = [(tip + 0.2, -0.6), (tip, -0.47), (tip + 0.1, -0.3), (-0.95, -0.22), (-0.7, -0.12)]
    ear_drop = [(-0.75, -0.7), (-0.8, -0.7 + ear * 0.6), (-0.66, -0.7 + ear), (-0.55, -0.4)]
    front_leg = [(-0.7, 0.3), (-0.66, foot - 0.2), (-0.78, foot - 0.08), (-0.74, foot)]
    front_leg += [(-0.5, foot), (-0.46, foot - 0.2), (-0.42, 0.34)]
    thigh = [(rump, -0.02), (rump + 0.05, 0.25), (rump - 0.03, 0.52), (rump + 0.02, foot - 0.1)]
    paw = [(rump - 0.02, foot), (rump - 0.26, foot), (rump - 0.28, foot - 0.1)]
    knee = [(rump - 0.17, foot - 0.2), (rump - 0.28, 0.52), (rump - 0.45, 0.22)]
    back = spline(
        (-0.38, -0.36), (0, -0.26), (rump - 0.4, -0.32), (rump - 0.1, -0.22), (rump, -0.02)
    )
    chest = spline((-0.7, -0.12), (-0.78, 0.08), (-0.7, 0.3))
    belly = spline((-0.42, 0.34), (0, 0.34), (rump - 0.41, 0.28))
    tail = [(rump - 0.08, -0.2), (rump + wag * 0.7, -0.35), (rump + wag, -0.75)]
    tail += [(rump + wag * 0.5, -0.5), (rump - 0.2, -0.28)]
    return [
        part(
            "head",
            "a head with a long snout",
            "rounded shape with a snout at the top left",
            [spline(*skull, *snout)],
        ),
        part(
            "ear",
            "a floppy ear",
            "drop hanging down inside the head",
            [spline(*ear_drop, (-0.58, -0.68), (-0.75, -0.7))],
            after="head",
        ),
        part(
            "eye",
            "a dark eye",
            "small oval in front of the ear",
            [ellipse(-0.9, -0.52, 0.035, 0.045, count=20)],
            after="head",
        ),
        part(
            "nose",
            "a round nose",
            "small oval at the tip of the snout",
            [ellipse(tip + 0.06, -0.48, 0.08, 0.065, count=20)],
            after="head",
        ),
        part(
            "body",
            "a long body",
            "long curved lines for back, chest and belly",
            [back, chest, belly],
        ),
        part(
            "front leg",
            "a straight front leg",
            "tall narrow shape on the left below the body",
            [spline(*front_leg)],
        ),
        part(
            "hind leg",
            "a bent hind leg",
            "bent shape on the right below the body",
            [spline(*thigh, *paw, *knee)],
        ),
        part(
            "tail",
            "a raised tail",
            "pointed curve rising on the right",
            [spline(*tail)],
            after="body",
        ),
    ]
