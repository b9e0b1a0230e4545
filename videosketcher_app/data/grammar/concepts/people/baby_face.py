"""The round face of a baby with a pacifier."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "baby_face",
    title="the face of a baby",
    category="people",
    titles=("a baby", "a baby with a pacifier"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.86, 0.98)
    cheek = rng.uniform(0.3, 0.4)
    eye = rng.uniform(0.11, 0.15)
    apart = rng.uniform(0.34, 0.42)
    curl = rng.uniform(0.14, 0.2)
    shield = rng.uniform(0.26, 0.32)
    head = [(-w * 0.58, -0.7), (-w * 0.9, -0.26), (-w, cheek), (-w * 0.7, 0.76)]
    other = [(-x, y) for x, y in reversed(head)]
    ear = spline(
        (-w * 0.93, -0.06), (-w - 0.14, -0.14), (-w - 0.2, 0.08), (-w - 0.1, 0.28), (-w, 0.24)
    )
    lock = [
        (0.02, -0.86),
        (-0.06, -0.98 - curl * 0.4),
        (0.06, -0.98 - curl),
        (0.2, -0.96 - curl * 0.4),
        (0.14, -0.84),
    ]
    lock += [(0.04, -0.84 - curl * 0.1), (0.08, -0.98)]
    tuft = spline(
        (-0.02, -0.86), (-0.18, -0.98), (-0.24, -1.0 - curl * 0.5), (-0.16, -1.04 - curl * 0.7)
    )
    eyes = both_sides(ellipse(-apart, 0.02, eye, eye * 1.15, count=28))
    shine = [ellipse(s * apart + 0.03, -0.02, eye * 0.4, count=16) for s in (-1, 1)]
    brow = spline((-apart - 0.12, -0.28), (-apart, -0.33), (-apart + 0.1, -0.3))
    nose = ellipse(0, 0.2, 0.08, 0.06, 0.1, 2.94, count=14)
    y = 0.54
    plate = spline(
        (-shield, y - 0.04),
        (-shield * 0.6, y - 0.15),
        (0, y - 0.11),
        (shield * 0.6, y - 0.15),
        (shield, y - 0.04),
        (shield * 0.7, y + 0.12),
        (0, y + 0.13),
        (-shield * 0.7, y + 0.12),
        closed=True,
    )
    knob = ellipse(0, y + 0.01, 0.075, count=22)
    handle = ellipse(0, y + 0.16, 0.13, 0.14, -0.25, np.pi + 0.5, count=22)
    blush = ellipse(-w * 0.68, 0.34, 0.1, 0.07, count=22)
    return [
        part(
            "head",
            "a round head with full cheeks",
            "very large circle in the middle",
            [spline((0, -0.86), *head, (0, 0.92), *other, closed=True)],
        ),
        part(
            "ears",
            "two small ears",
            "small curves on both sides of the head",
            both_sides(ear),
            after="head",
        ),
        part(
            "curl",
            "a curl of hair",
            "small curled lines on top of the head",
            [spline(*lock), tuft],
            after="head",
        ),
        part(
            "eyes",
            "two big eyes",
            "two circles with small circles inside",
            [*eyes, *shine],
            after="head",
        ),
        part(
            "eyebrows",
            "two short eyebrows",
            "short arcs above the eyes",
            both_sides(brow),
            after="eyes",
        ),
        part("nose", "a button nose", "tiny arc in the middle of the head", [nose], after="head"),
        part(
            "cheeks",
            "two rosy cheeks",
            "small ovals on both sides of the face",
            both_sides(blush),
            after="head",
        ),
        part(
            "pacifier",
            "a pacifier",
            "rounded shape with a ring below the nose",
            [plate, knob, handle],
            after="head",
        ),
    ]
