"""A sailboat with two sails on the waves."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, polyline, spline, wave
from videosketcher_app.data.grammar.program import Part, concept, part

DECK = 0.5


@concept("sailboat", title="a sailboat", category="vehicles", titles=("a sailing boat", "a yacht"))
def draw(rng: np.random.Generator) -> list[Part]:
    mast_x, mast_top = rng.uniform(-0.1, 0.04), rng.uniform(-1.0, -0.88)
    bow, stern = rng.uniform(0.98, 1.1), -rng.uniform(0.8, 0.92)
    keel = DECK + rng.uniform(0.28, 0.34)
    foot = DECK - rng.uniform(0.16, 0.2)
    main_x, jib_x = -rng.uniform(0.68, 0.8), bow - rng.uniform(0.16, 0.24)
    hull = _hull(stern, bow, keel)
    top = mast_top + 0.1
    luff = mast_x - 0.06
    main = _mainsail(luff, top, mast_x, main_x, foot)
    jib = _jib(top, mast_x, jib_x, foot)
    seam_y = rng.uniform(-0.24, -0.12)
    seam_x = float(np.interp(seam_y, [top, -0.3, foot], [luff, mast_x - 0.42, main_x]))
    seam = polyline((luff, seam_y), (seam_x + 0.04, seam_y + 0.03))
    pennant = polyline(
        (mast_x, mast_top),
        (mast_x - 0.3, mast_top - 0.06),
        (mast_x, mast_top - 0.14),
        (mast_x, mast_top),
    )
    stripe = spline((stern * 0.93, DECK + 0.13), (0, DECK + 0.16), (bow * 0.86, DECK + 0.08))
    waves = [
        wave((x0, y), (x1, y), 0.04, n)
        for x0, x1, y, n in ((-1.35, 1.45, keel + 0.1, 5), (-0.8, 0.9, keel + 0.26, 3))
    ]
    return [
        part("hull", "a curved hull", "wide bowl shape at the bottom", [hull]),
        part(
            "mast",
            "a tall mast",
            "long vertical line in the middle",
            [polyline((mast_x, DECK + 0.03), (mast_x, mast_top))],
        ),
        part("mainsail", "a big mainsail", "large triangle left of the mast", [main], "mast"),
        part("jib", "a smaller front sail", "triangle right of the mast", [jib], "mast"),
        part(
            "seam",
            "a seam in the mainsail",
            "horizontal line across the mainsail",
            [seam],
            "mainsail",
        ),
        part("pennant", "a small pennant", "tiny triangle on top of the mast", [pennant], "mast"),
        part("stripe", "a stripe on the hull", "long line across the hull", [stripe], "hull"),
        part("waves", "rolling waves", "wavy lines at the bottom", waves),
    ]


def _hull(stern: float, bow: float, keel: float) -> Curve:
    """The hull with a slightly hollow deck line."""
    return np.vstack(
        [
            spline((stern, DECK), (0, DECK + 0.05), (bow, DECK - 0.08)),
            spline((bow, DECK - 0.08), (bow * 0.72, keel - 0.06), (bow * 0.35, keel)),
            spline(
                (bow * 0.35, keel), (stern * 0.4, keel), (stern * 0.84, keel - 0.05), (stern, DECK)
            ),
        ]
    )


def _mainsail(luff: float, top: float, mast_x: float, main_x: float, foot: float) -> Curve:
    """The sail behind the mast."""
    return np.vstack(
        [
            spline((luff, foot), (luff, top)),
            spline((luff, top), (mast_x - 0.42, -0.3), (main_x, foot)),
            spline((main_x, foot), (mast_x - 0.4, foot + 0.05), (luff, foot)),
        ]
    )


def _jib(top: float, mast_x: float, jib_x: float, foot: float) -> Curve:
    """The sail before the mast."""
    return np.vstack(
        [
            spline((mast_x + 0.08, top + 0.12), (mast_x + 0.5, -0.16), (jib_x, foot)),
            spline((jib_x, foot), (mast_x + 0.44, foot + 0.04), (mast_x + 0.1, foot - 0.04)),
            spline((mast_x + 0.1, foot - 0.04), (mast_x + 0.16, -0.3), (mast_x + 0.08, top + 0.12)),
        ]
    )
