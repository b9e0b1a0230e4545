"""Open scissors, pointing up or lying aslant."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import (
    Curve,
    ellipse,
    mirror,
    polyline,
    spline,
    transform,
)
from videosketcher_app.data.grammar.motifs import path
from videosketcher_app.data.grammar.program import Part, concept, part


@concept(
    "scissors",
    title="scissors",
    category="household",
    titles=("a pair of scissors", "open scissors"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    spread = rng.uniform(0.3, 0.44)
    blade = rng.uniform(1.0, 1.2)
    wide = rng.uniform(0.15, 0.19)
    rx, ry = rng.uniform(0.25, 0.3), rng.uniform(0.32, 0.38)
    turn = rng.uniform(-0.3, 0.3) + (np.pi / 2 if rng.random() < 0.6 else 0.0)
    edge = spline((-0.05, 0.1), (-wide * 0.8, -0.3), (-wide * 0.75, -blade * 0.6), (0.02, -blade))
    shape = path(edge, polyline((0.07, -blade * 0.5), (0.06, 0.1)))
    shank = [
        spline((-0.05, 0.1), (-0.08, 0.24), (-0.12, 0.36)),
        spline((0.06, 0.1), (0.07, 0.22), (0.05, 0.34)),
    ]
    ring = [ellipse(-0.1, 0.32 + ry, rx, ry), ellipse(-0.1, 0.32 + ry, rx - 0.1, ry - 0.1)]

    def half(curves: list[Curve], flip: bool) -> list[Curve]:
        swung = [transform(c, turn=spread) for c in curves]
        if flip:
            swung = [mirror(c) for c in swung]
        return [transform(c, turn=turn) for c in swung]

    names = ("first", "second")
    blades = [
        part(
            f"{name} blade",
            f"the {name} pointed blade",
            f"{name} long pointed shape of a crossing pair",
            half([shape], flip),
        )
        for name, flip in zip(names, (False, True), strict=True)
    ]
    grips = [
        part(
            f"{name} handle",
            f"the {name} ring handle",
            f"oval ring at the lower end of the {name} blade",
            half([*shank, *ring], flip),
            after=f"{name} blade",
        )
        for name, flip in zip(names, (False, True), strict=True)
    ]
    screw = part(
        "screw",
        "a small screw",
        "tiny circle where the blades cross",
        [transform(ellipse(0, 0.03, 0.045), turn=turn)],
        after=("first blade", "second blade"),
    )
    return [*blades, *grips, screw]
