"""The head of a clown with a pointed hat and a ruff."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    FULL,
    TOP,
    both_sides,
    cloud,
    ellipse,
    polyline,
    scallop,
    spline,
)
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "clown", title="a clown", category="people", titles=("a funny clown", "the head of a clown")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.5, 0.58)
    hat = rng.uniform(0.5, 0.66)
    lean = rng.uniform(-0.15, 0.15)
    puff = rng.uniform(0.24, 0.3)
    nose = rng.uniform(0.12, 0.16)
    grin = rng.uniform(0.26, 0.32)
    bumps = int(rng.integers(5, 8))
    head = ellipse(0, 0, w, 0.62, TOP + 0.6, FULL - 1.2)
    hair = cloud(-w - puff * 0.72, -0.02, puff, puff * 1.25, 8)
    hair = np.roll(hair[:-1], -38, axis=0)[:70]  # without the piece behind the head
    brim = spline((-0.32, -0.48), (0, -0.58), (0.32, -0.48))
    tip = (lean, -0.56 - hat)
    cone = polyline((-0.32, -0.48), tip, (0.32, -0.48))
    ball = ellipse(tip[0], tip[1] - 0.07, 0.09, count=24)
    dots = [
        ellipse(lean * 0.3 - 0.06, -0.66, 0.05, count=18),
        ellipse(lean * 0.55 + 0.04, -0.56 - hat * 0.48, 0.05, count=18),
    ]
    eye = ellipse(-0.2, -0.18, 0.07, 0.1, count=24)
    brow = spline((-0.32, -0.34), (-0.2, -0.42), (-0.1, -0.36))
    lips = spline((-grin, 0.24), (-grin * 0.5, 0.3), (0, 0.32), (grin * 0.5, 0.3), (grin, 0.24))
    mouth = [
        lips,
        spline((-grin, 0.24), (-grin * 0.66, 0.42), (0, 0.5), (grin * 0.66, 0.42), (grin, 0.24)),
    ]
    ruff = [
        scallop((0.86, 0.78), (-0.86, 0.78), bumps, 0.14),
        spline((-0.86, 0.78), (-0.5, 0.62), (-0.3, 0.54)),
        spline((0.3, 0.54), (0.5, 0.62), (0.86, 0.78)),
    ]
    return [
        part("head", "an oval head", "large oval in the middle", [head]),
        part(
            "hair",
            "curly hair",
            "two bumpy clouds on both sides of the head",
            both_sides(hair),
            after="head",
        ),
        part(
            "hat",
            "a pointed hat",
            "tall triangle with a ball at the top",
            [cone, brim, ball],
            after="head",
        ),
        part(
            "hat dots",
            "dots on the hat",
            "two small circles inside the triangle",
            dots,
            after="hat",
        ),
        part(
            "eyes",
            "two tall eyes",
            "two upright ovals inside the head",
            both_sides(eye),
            after="head",
        ),
        part(
            "eyebrows",
            "two raised eyebrows",
            "short arcs above the eyes",
            both_sides(brow),
            after="eyes",
        ),
        part(
            "nose",
            "a big round nose",
            "circle in the middle of the head",
            [ellipse(0, 0.06, nose, count=30)],
            after="head",
        ),
        part("mouth", "a wide grin", "large crescent below the nose", mouth, after="head"),
        part("ruff", "a ruffled collar", "wide bumpy band at the bottom", ruff, after="head"),
    ]
