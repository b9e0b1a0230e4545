"""A suspension bridge over water."""

from __future__ import annotations

import numpy as np

from videosketcher_app.data.grammar.curves import Curve, polyline, rectangle, wave
from videosketcher_app.data.grammar.program import Part, concept, part

END_X = 1.75


@concept(
    "bridge",
    title="a bridge",
    category="buildings",
    titles=("a suspension bridge", "a cable bridge"),
)
def draw(rng: np.random.Generator) -> list[Part]:
    tower_x = rng.uniform(0.85, 1.0)
    tower_w = rng.uniform(0.08, 0.11)
    top, foot = rng.uniform(-0.88, -0.72), 0.74
    deck, thick = rng.uniform(0.18, 0.28), rng.uniform(0.08, 0.11)
    sag = deck - rng.uniform(0.1, 0.16)
    count = int(rng.integers(4, 6))
    inner = tower_x - tower_w
    cable = _hang(inner, top, sag)
    side = [_side_cable(s, tower_x + tower_w, top, deck) for s in (-1, 1)]
    hangers = _hangers(cable, inner, deck, count)
    outer = [_hanger(curve, deck) for curve in side]
    towers = {s: _tower(s * tower_x, tower_w, top, deck, thick, foot) for s in (-1, 1)}
    water = [
        wave((-x, y), (x, y), 0.035, w, p)
        for x, y, w, p in ((1.6, 0.78, 6, 0.0), (1.1, 0.95, 4, 1.5))
    ]
    return [
        part(
            "deck",
            "a long straight deck",
            "long thin rectangle across the middle",
            [rectangle(-END_X, deck, END_X, deck + thick)],
        ),
        part(
            "left tower",
            "a tall tower on the left",
            "tall narrow rectangle at the left",
            towers[-1],
        ),
        part(
            "right tower",
            "a tall tower on the right",
            "tall narrow rectangle at the right",
            towers[1],
        ),
        part(
            "main cable",
            "a hanging main cable",
            "long sagging curve between the towers",
            [cable],
            ("left tower", "right tower"),
        ),
        part(
            "side cables",
            "two side cables",
            "curves from the towers down to both ends",
            side,
            ("left tower", "right tower", "deck"),
        ),
        part(
            "hangers",
            "straight hangers",
            "vertical lines from cables to deck",
            hangers + outer,
            ("main cable", "side cables", "deck"),
        ),
        part("water", "rippling water", "long wavy lines at the bottom", water),
    ]


def _hang(half: float, top: float, sag: float) -> Curve:
    t = np.linspace(-1, 1, 41)
    return np.stack([half * t, sag + (top - sag) * t**2], axis=1)


def _side_cable(side: int, start: float, top: float, deck: float) -> Curve:
    t = np.linspace(0, 1, 24)
    return np.stack(
        [side * (start + (END_X - start) * t), deck + (top - deck) * (1 - t) ** 1.6], axis=1
    )


def _hanger(curve: Curve, deck: float) -> Curve:
    x, y = curve[9]
    return polyline((float(x), float(y)), (float(x), deck))


def _tower(
    x: float, half: float, top: float, deck: float, thick: float, foot: float
) -> list[Curve]:
    """A tower behind whose foot the deck passes: its upper part and its pier."""
    upper = polyline(
        (x - half, deck), (x - half, top - 0.06), (x + half, top - 0.06), (x + half, deck)
    )
    pier = polyline(
        (x - half, deck + thick),
        (x - half * 1.3, foot),
        (x + half * 1.3, foot),
        (x + half, deck + thick),
    )
    return [upper, pier]


def _hangers(cable: Curve, inner: float, deck: float, count: int) -> list[Curve]:
    """Vertical lines from the main cable to the deck."""
    return [
        polyline((x, float(np.interp(x, cable[:, 0], cable[:, 1]))), (x, deck))
        for x in np.linspace(-inner, inner, count + 2)[1:-1]
    ]
