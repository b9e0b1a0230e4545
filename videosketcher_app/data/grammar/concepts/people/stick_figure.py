"""A stick figure in a lively pose."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, polyline
from videosketcher_app.data.grammar.program import Part, concept, part

# hands relative to the shoulder: both up, both down, waving, hands on hips
ARMS = (
    (((-0.34, -0.08), (-0.58, -0.42)), ((0.34, -0.08), (0.58, -0.42))),
    (((-0.3, 0.22), (-0.5, 0.56)), ((0.3, 0.22), (0.5, 0.56))),
    (((-0.32, 0.2), (-0.5, 0.54)), ((0.38, 0.0), (0.52, -0.42))),
    (((-0.42, 0.24), (-0.1, 0.48)), ((0.42, 0.24), (0.1, 0.48))),
)
# knees and feet relative to the hip: standing, walking, wide
LEGS = (
    (((-0.16, 0.36), (-0.22, 0.76), (-0.38, 0.76)), ((0.16, 0.36), (0.22, 0.76), (0.38, 0.76))),
    (((-0.26, 0.34), (-0.36, 0.72), (-0.52, 0.68)), ((0.22, 0.36), (0.46, 0.66), (0.34, 0.78))),
    (((-0.26, 0.34), (-0.46, 0.74), (-0.62, 0.74)), ((0.26, 0.34), (0.46, 0.74), (0.62, 0.74))),
)


@concept("stick_figure", title="a stick figure", category="people", titles=("a stick man",))
def draw(rng: np.random.Generator) -> list[Part]:
    r = rng.uniform(0.26, 0.34)
    torso = rng.uniform(0.6, 0.75)
    reach = rng.uniform(1.15, 1.45)
    eye = rng.uniform(0.035, 0.045)
    arms = ARMS[rng.integers(len(ARMS))]
    legs = LEGS[rng.integers(len(LEGS))]
    neck = -1.0 + 2 * r
    shoulder, hip = neck + 0.14, neck + torso
    head_y = -1.0 + r
    hands = [polyline((0, shoulder), *[(x * reach, shoulder + y) for x, y in arm]) for arm in arms]
    feet = [polyline((0, hip), *[(x * reach, hip + y) for x, y in leg]) for leg in legs]
    eyes = [ellipse(s * r * 0.36, head_y - 0.06, eye, eye * 1.3, count=18) for s in (-1, 1)]
    smile = ellipse(0, head_y + r * 0.14, r * 0.5, r * 0.42, 0.3, 2.54, count=20)
    return [
        part("head", "a round head", "circle at the top", [ellipse(0, head_y, r)]),
        part("eyes", "two dots for eyes", "two tiny ovals inside the head", eyes, after="head"),
        part("mouth", "a smiling mouth", "short arc below the eyes", [smile], after="head"),
        part(
            "body",
            "a thin body",
            "straight vertical line below the head",
            [polyline((0, neck), (0, hip))],
        ),
        part("arms", "two thin arms", "two bent lines from the upper body", hands, after="body"),
        part("legs", "two thin legs", "two bent lines at the bottom", feet, after="body"),
    ]
