"""A mouse with a round ear and a long tail, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("mouse", title="a mouse", category="animals", titles=("a little mouse",))
def draw(rng: np.random.Generator) -> list[Part]:
    hump = rng.uniform(0.36, 0.48)
    rump = rng.uniform(0.5, 0.66)
    ear = rng.uniform(0.24, 0.31)
    tail = rng.uniform(0.5, 0.75)
    lift = rng.uniform(0.3, 0.8)
    nose = rng.uniform(-1.3, -1.18)
    ear_x, ear_y = -0.42 - ear * 0.9, -0.1 - ear * 0.66
    back = [
        (ear_x + ear * 0.95, ear_y + ear * 0.3),
        (-0.2, -hump * 0.94),
        (0.1, -hump),
        (rump - 0.2, -hump * 0.7),
        (rump, 0.05),
        (rump - 0.04, 0.5),
    ]
    face = [(nose, 0.26), (nose + 0.24, 0.04), (ear_x - ear * 0.65, ear_y + ear * 0.76)]
    under = [(nose, 0.3), (nose + 0.2, 0.4), (-0.8, 0.48), (rump - 0.04, 0.5)]
    whip = [
        (rump, 0.34),
        (rump + tail * 0.35, 0.46),
        (rump + tail * 0.7, 0.2),
        (rump + tail, 0.4 - lift),
    ]
    whiskers = [polyline((nose + 0.16, 0.27), (nose + 0.46, y)) for y in (0.22, 0.36)]
    feet = [
        ellipse(x, 0.53, 0.15, 0.07, np.pi * 1.02, -np.pi * 1.04, count=24)
        for x in (-0.6, rump - 0.26)
    ]
    haunch = ellipse(rump - 0.34, 0.2, 0.26, 0.28, 2.6, 3.0, count=28)
    return [
        part(
            "head", "a pointed face", "slanting line from the ear to the left end", [spline(*face)]
        ),
        part(
            "ear",
            "a big round ear",
            "large circle above the face",
            [ellipse(ear_x, ear_y, ear)],
            after="head",
        ),
        part(
            "nose",
            "a round nose",
            "small circle at the left end",
            [ellipse(nose - 0.04, 0.28, 0.065, count=20)],
            after="head",
        ),
        part(
            "eye",
            "a bright eye",
            "small oval between ear and nose",
            [ellipse(-0.88, 0.06, 0.045, 0.055, count=20)],
            after="head",
        ),
        part("whiskers", "two whiskers", "two short lines behind the nose", whiskers, after="head"),
        part(
            "body",
            "a humped body",
            "high curved back with a flat belly",
            [spline(*back), spline(*under)],
        ),
        part(
            "haunch", "a round haunch", "arc inside the body on the right", [haunch], after="body"
        ),
        part("feet", "two small feet", "two flat half ovals at the bottom", feet, after="body"),
        part(
            "tail", "a long thin tail", "long wavy line on the right", [spline(*whip)], after="body"
        ),
    ]
