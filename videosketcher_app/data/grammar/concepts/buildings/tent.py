"""A ridge tent with open flaps, pegged to the grass."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, polyline, spline
from videosketcher_app.data.grammar.program import Part, concept, part

GROUND = 0.85


@concept("tent", title="a tent", category="buildings", titles=("a camping tent", "an open tent"))
def draw(rng: np.random.Generator) -> list[Part]:
    peak_x, peak = rng.uniform(-0.55, -0.42), rng.uniform(-0.72, -0.6)
    half = rng.uniform(0.66, 0.78)
    left, right = peak_x - half, peak_x + half
    back_x, back_y = peak_x + rng.uniform(1.15, 1.35), peak + rng.uniform(0.06, 0.14)
    foot = (back_x + half * 0.72, GROUND - rng.uniform(0.14, 0.2))
    sag = rng.uniform(0.05, 0.09)
    front = polyline((peak_x, peak), (left, GROUND), (right, GROUND), (peak_x, peak))
    ridge = spline(
        (peak_x, peak), ((peak_x + back_x) / 2, (peak + back_y) / 2 + sag), (back_x, back_y)
    )
    side = np.vstack([ridge, polyline((back_x, back_y), foot, (right, GROUND))])
    open_w = half * rng.uniform(0.3, 0.4)
    fold_y = rng.uniform(0.3, 0.42)
    flaps = [_flap(s, peak_x, peak, open_w, half, fold_y) for s in (-1, 1)]
    ropes = [
        polyline((peak_x, peak), (left - 0.38, GROUND + 0.02)),
        polyline((back_x, back_y), (foot[0] + 0.38, foot[1] + 0.02)),
    ]
    pegs = [_peg(left - 0.38, GROUND + 0.02, -1), _peg(foot[0] + 0.38, foot[1] + 0.02, 1)]
    pole = polyline(
        (peak_x, peak), (peak_x, peak - 0.2), (peak_x + 0.24, peak - 0.14), (peak_x, peak - 0.06)
    )
    grass = [
        _tuft(x, y) for x, y in ((left - 0.05, 1.0), (peak_x + 0.3, 1.02), (right + 0.65, 0.96))
    ]
    return [
        part("front", "a triangular front", "large triangle on the left", [front]),
        part("side", "a sloping side wall", "wide slanted shape on the right", [side], "front"),
        part("flaps", "two open flaps", "curved lines inside the triangle", flaps, "front"),
        part(
            "ropes",
            "two guy ropes",
            "straight slanted lines at both ends",
            ropes,
            ("front", "side"),
        ),
        part("pegs", "two pegs", "short lines at the ends of the ropes", pegs, "ropes"),
        part("flag", "a little flag", "small triangle on top of the front", [pole], "front"),
        part("grass", "tufts of grass", "small pointed marks at the bottom", grass),
    ]


def _flap(side: int, x: float, peak: float, opening: float, half: float, fold_y: float) -> Curve:
    """A flap tied back at `fold_y`: in from the peak, out to the tie, in again to the ground."""
    tie = x + side * half * (fold_y - peak) / (GROUND - peak) * 0.72
    top = spline((x, peak + 0.16), (x + side * 0.04, (peak + fold_y) / 2), (tie, fold_y))
    return np.vstack(
        [
            top,
            spline((tie, fold_y), (x + side * opening * 0.95, 0.62), (x + side * opening, GROUND)),
        ]
    )


def _peg(x: float, y: float, side: int) -> Curve:
    return polyline((x + side * 0.07, y - 0.1), (x - side * 0.04, y + 0.1))


def _tuft(x: float, y: float) -> Curve:
    return polyline(
        (x - 0.12, y - 0.04),
        (x - 0.06, y + 0.08),
        (x, y - 0.08),
        (x + 0.06, y + 0.08),
        (x + 0.12, y - 0.04),
    )
