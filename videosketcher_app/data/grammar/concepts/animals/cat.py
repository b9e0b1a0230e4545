"""A sitting cat seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, polygon, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("cat", title="a cat", category="animals", titles=("a kitten", "a sitting cat"))
def draw(rng: np.random.Generator) -> list[Part]:
    head_r = rng.uniform(0.40, 0.48)
    head_y = rng.uniform(-0.35, -0.25)
    squash = rng.uniform(0.85, 0.98)
    ear_h = rng.uniform(0.26, 0.38)
    eye_r = rng.uniform(0.05, 0.08)
    whisker = rng.uniform(0.3, 0.42)
    body_w, body_h = rng.uniform(0.36, 0.46), rng.uniform(0.46, 0.54)
    chin = head_y + head_r * squash
    body_y = chin + body_h * 0.86
    ear = polyline(
        (-head_r * 0.86, head_y - head_r * 0.42),
        (-head_r * 0.78, head_y - head_r * 0.72 - ear_h),
        (-head_r * 0.24, head_y - head_r * 0.84),
    )
    tail = spline(
        (body_w * 0.86, body_y + body_h * 0.45),
        (body_w + 0.28, body_y + body_h * 0.35),
        (body_w + 0.34, body_y - 0.15),
        (body_w + rng.uniform(0.1, 0.22), body_y - 0.42),
    )
    whiskers = [
        polyline(
            (s * 0.14, head_y + 0.14 + k * 0.04), (s * (0.14 + whisker), head_y + 0.12 + k * 0.1)
        )
        for s in (-1, 1)
        for k in (-1, 0, 1)
    ]
    nose_y = head_y + 0.08
    return [
        part(
            "head",
            "a round head",
            "large circle at the top",
            [ellipse(0, head_y, head_r, head_r * squash)],
        ),
        part(
            "ears",
            "two pointed ears",
            "two triangles on top of the head",
            both_sides(ear),
            after="head",
        ),
        part(
            "eyes",
            "two small eyes",
            "two small ovals inside the head",
            both_sides(ellipse(-head_r * 0.42, head_y - 0.08, eye_r, eye_r * 1.35, count=24)),
            after="head",
        ),
        part(
            "nose",
            "a tiny nose",
            "tiny triangle in the middle of the head",
            [polygon((-0.06, nose_y), (0.06, nose_y), (0, nose_y + 0.07))],
            after="head",
        ),
        part(
            "whiskers",
            "long whiskers",
            "straight lines on both sides of the nose",
            whiskers,
            after="nose",
        ),
        part(
            "body",
            "an oval body",
            "large oval below the head",
            [ellipse(0, body_y, body_w, body_h, -1.15, 5.45)],
        ),
        part(
            "tail",
            "a curvy tail",
            "long curved line on the right of the body",
            [tail],
            after="body",
        ),
    ]
