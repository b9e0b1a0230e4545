"""A fish with large fins, seen from the side."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import ellipse, spline
from videosketcher_app.data.grammar.program import Part, concept, part


@concept("fish", title="a fish", category="animals", titles=("a swimming fish", "a goldfish"))
def draw(rng: np.random.Generator) -> list[Part]:
    h = rng.uniform(0.42, 0.74)
    fin = rng.uniform(0.26, 0.42)
    fork = rng.uniform(0.42, 0.62)
    tail = rng.uniform(0.5, 0.75)
    eye = rng.uniform(0.08, 0.11)
    back = [(-1.1, 0.02), (-0.8, -h * 0.68), (-0.25, -h), (0.35, -h * 0.66), (0.85, -0.11)]
    belly = [(-1.1, 0.02), (-0.8, h * 0.7), (-0.25, h), (0.35, h * 0.66), (0.85, 0.11)]
    lobe = [(0.85, -0.11), (0.85 + tail * 0.5, -fork * 0.7), (0.85 + tail, -fork)]
    lower = [(0.85 + tail, fork), (0.85 + tail * 0.5, fork * 0.7), (0.85, 0.11)]
    notch = spline(lobe[-1], (0.85 + tail * 0.72, 0.0), lower[0])
    crest = [(-0.62, -h * 0.84), (-0.3, -h - fin * 0.75), (0.3, -h - fin)]
    top_fin = [spline(*crest), spline(crest[-1], (0.24, -h * 1.05), (0.42, -h * 0.58))]
    keel = [(-0.2, h), (0.0, h + fin * 0.6), (0.36, h + fin * 0.8)]
    low_fin = [spline(*keel), spline(keel[-1], (0.26, h * 0.98), (0.38, h * 0.62))]
    side_fin = [(-0.38, 0.08), (-0.15, 0.0), (0.08, 0.12), (0.0, 0.3), (-0.2, 0.28), (-0.38, 0.14)]
    scales = [
        ellipse(x, y, 0.1, 0.13, -1.4, 2.8, count=16)
        for x, y in ((0.12, -0.2), (0.4, -0.12), (0.4, 0.14))
    ]
    bubbles = [ellipse(-1.36, -0.3, 0.09, count=20), ellipse(-1.28, -0.62, 0.06, count=18)]
    return [
        part(
            "body",
            "a long oval body",
            "large pointed oval in the middle",
            [spline(*back), spline(*belly)],
        ),
        part(
            "tail",
            "a forked tail",
            "forked fan at the right end",
            [spline(*lobe), notch, spline(*lower)],
            after="body",
        ),
        part("top fin", "a tall top fin", "pointed sail on top of the body", top_fin, after="body"),
        part(
            "bottom fin",
            "a small bottom fin",
            "small pointed curve under the body",
            low_fin,
            after="body",
        ),
        part(
            "gill",
            "a curved gill",
            "arc behind the eye",
            [ellipse(-0.76, 0.02, 0.2, h * 0.6, -1.2, 2.4, count=24)],
            after="body",
        ),
        part(
            "side fin",
            "a side fin",
            "small rounded leaf in the middle of the body",
            [spline(*side_fin)],
            after="body",
        ),
        part(
            "eye",
            "a round eye",
            "small circle at the left end of the body",
            [ellipse(-0.82, -0.12, eye, count=24)],
            after="body",
        ),
        part("scales", "a few scales", "three short arcs on the body", scales, after="body"),
        part("bubbles", "two bubbles", "two small circles on the left", bubbles),
    ]
