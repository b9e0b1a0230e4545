"""A friendly face with short hair, seen from the front."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import both_sides, ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "face", title="a face", category="people", titles=("a human face", "a portrait of a person")
)
def draw(rng: np.random.Generator) -> list[Part]:
    w = rng.uniform(0.56, 0.66)
    chin = rng.uniform(0.66, 0.78)
    crest = rng.uniform(-1.04, -0.92)
    eye = rng.uniform(0.12, 0.15)
    smile = rng.uniform(0.04, 0.12)
    parting = rng.uniform(-0.2, 0.25)
    jaw = spline(
        (-w, -0.3),
        (-w * 0.97, 0.1),
        (-w * 0.66, chin - 0.2),
        (0, chin),
        (w * 0.66, chin - 0.2),
        (w * 0.97, 0.1),
        (w, -0.3),
    )
    ear = spline(
        (-w, -0.16), (-w - 0.13, -0.22), (-w - 0.17, -0.06), (-w - 0.1, 0.14), (-w * 0.97, 0.12)
    )
    tips = (w, -0.3)
    hair = spline(
        (-w, -0.3),
        (-w - 0.05, -0.62),
        (-w * 0.7, crest + 0.14),
        (0, crest),
        (w * 0.7, crest + 0.14),
        (w + 0.05, -0.62),
        tips,
    )
    fringe = spline(
        (-w, -0.3),
        (-w * 0.78, -0.52),
        (parting - 0.2, -0.6),
        (parting, -0.72),
        (parting + 0.16, -0.6),
        (w * 0.8, -0.5),
        tips,
    )
    lid = spline(
        (-0.28 - eye, -0.1),
        (-0.28, -0.1 - eye * 0.62),
        (-0.28 + eye, -0.1),
        (-0.28, -0.1 + eye * 0.55),
        (-0.28 - eye, -0.1),
    )
    iris = ellipse(-0.28, -0.105, eye * 0.38, count=20)
    brow = spline((-0.28 - eye * 1.2, -0.26), (-0.3, -0.34), (-0.28 + eye, -0.29))
    nose = spline((0.02, -0.12), (-0.06, 0.08), (-0.1, 0.18), (-0.02, 0.23), (0.07, 0.2))
    lips = [
        spline(
            (-0.22, 0.4),
            (-0.1, 0.39 + smile * 0.5),
            (0, 0.4 + smile * 0.6),
            (0.1, 0.39 + smile * 0.5),
            (0.22, 0.4),
        )
    ]
    lips.append(spline((-0.12, 0.47 + smile * 0.8), (0, 0.5 + smile), (0.12, 0.47 + smile * 0.8)))
    neck = spline(
        (-0.28, chin - 0.08), (-0.3, chin + 0.14), (-0.5, chin + 0.28), (-0.86, chin + 0.36)
    )
    return [
        part("face outline", "an oval face outline", "large U shape in the middle", [jaw]),
        part(
            "ears",
            "two ears",
            "small curves on both sides of the face",
            both_sides(ear),
            after="face outline",
        ),
        part(
            "eyes",
            "two almond eyes",
            "two pointed ovals with circles inside the face",
            [*both_sides(lid), *both_sides(iris)],
            after="face outline",
        ),
        part(
            "eyebrows", "two eyebrows", "short arcs above the eyes", both_sides(brow), after="eyes"
        ),
        part(
            "nose",
            "a small nose",
            "short hooked line in the middle of the face",
            [nose],
            after="face outline",
        ),
        part(
            "mouth", "a gentle smile", "two curved lines below the nose", lips, after="face outline"
        ),
        part(
            "hair",
            "short hair",
            "wide curved band over the top of the face",
            [hair, fringe],
            after="face outline",
        ),
        part(
            "neck", "a neck and shoulders", "curved lines spreading at the bottom", both_sides(neck)
        ),
    ]
