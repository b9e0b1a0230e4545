"""Primitives: single shapes at named places, and their wordings.

They carry most of the plan language: every shape word, size word, place and relation that a plan
may use is learned from them, whatever the concept is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from videosketcher_app.core.geometry import PLACES, SIZES, place_center
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data.grammar import curves as c
from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.grammar.curves import Curve
from videosketcher_app.data.grammar.hand import Hand, draw_parts

ShapeFunction = Callable[[np.random.Generator], list[Curve]]

TITLES = (
    "shapes",
    "simple shapes",
    "geometric shapes",
    "marks on paper",
    "a page of shapes",
    "an abstract drawing",
    "some figures",
)
# Half height of a shape as a share of the height of one of the nine cells.
CELL_SIZES = {"small": (0.17, 0.23), "medium": (0.27, 0.34), "large": (0.38, 0.45)}


def _line(rng: np.random.Generator) -> list[Curve]:
    kind = rng.random()
    if kind < 0.55:
        turn = rng.normal(0, 0.08)
    elif kind < 0.8:
        turn = math.pi / 2 + rng.normal(0, 0.06)
    else:
        turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
    reach = 1.55 if kind < 0.55 else 1.0
    return [c.transform(c.polyline((-reach, 0), (reach, 0)), turn=turn)]


def _arrow(rng: np.random.Generator) -> list[Curve]:
    head = rng.uniform(0.38, 0.5)
    shaft = c.polyline((-1.35, 0), (1.35, 0))
    tip = c.polyline((1.35 - head * 1.1, -head), (1.35, 0), (1.35 - head * 1.1, head))
    turn = rng.normal(0, 0.12)
    return [c.transform(shaft, turn=turn), c.transform(tip, turn=turn)]


def _cross(rng: np.random.Generator) -> list[Curve]:
    turn = rng.choice([0.0, math.pi / 4]) + rng.normal(0, 0.04)
    lines = (c.polyline((-0.95, 0), (0.95, 0)), c.polyline((0, -0.95), (0, 0.95)))
    return [c.transform(line, turn=turn) for line in lines]


def _rectangle(rng: np.random.Generator) -> list[Curve]:
    if rng.random() < 0.75:
        half_w, half_h = rng.uniform(1.25, 1.6), rng.uniform(0.62, 0.78)
    else:
        half_w, half_h = rng.uniform(0.5, 0.6), 1.0
    return [c.rectangle(-half_w, -half_h, half_w, half_h)]


def _triangle(rng: np.random.Generator) -> list[Curve]:
    half_w = rng.uniform(0.85, 1.15)
    return [c.polygon((0, -0.95), (half_w, 0.85), (-half_w, 0.85))]


def _spiral(rng: np.random.Generator) -> list[Curve]:
    return [c.spiral(0, 0, 1.0, rng.uniform(2.0, 2.7), rng.uniform(0, c.FULL))]


def _zigzag(rng: np.random.Generator) -> list[Curve]:
    return [c.zigzag((-1.5, 0), (1.5, 0), rng.uniform(0.4, 0.55), int(rng.integers(4, 6)))]


def _wave(rng: np.random.Generator) -> list[Curve]:
    waves = float(rng.choice([2.0, 2.5, 3.0]))
    return [c.wave((-1.6, 0), (1.6, 0), rng.uniform(0.28, 0.4), waves)]


def _crescent(rng: np.random.Generator) -> list[Curve]:
    facing = 0.0 if rng.random() < 0.7 else math.pi
    return [c.crescent(0, 0, 1.0, rng.uniform(0.62, 0.8), facing + rng.normal(0, 0.15))]


def _square(rng: np.random.Generator) -> list[Curve]:
    half = rng.uniform(0.84, 0.92)
    return [c.rectangle(-half, -half, half, half)]


def _diamond(half_w: float) -> list[Curve]:
    return [c.polygon((0, -1), (half_w, 0), (0, 1), (-half_w, 0))]


SHAPES: dict[str, ShapeFunction] = {
    "circle": lambda rng: [c.ellipse(0, 0, 1, rng.uniform(0.94, 1.0))],
    "oval": lambda rng: [c.ellipse(0, 0, rng.uniform(1.4, 1.65), rng.uniform(0.72, 0.85))],
    "square": _square,
    "rectangle": _rectangle,
    "triangle": _triangle,
    "diamond": lambda rng: _diamond(rng.uniform(0.65, 0.85)),
    "star": lambda rng: [c.star(0, 0, 1.05, rng.uniform(0.38, 0.46))],
    "heart": lambda rng: [c.heart(0, 0, 1.0, 1.0)],
    "cross": _cross,
    "spiral": _spiral,
    "zigzag": _zigzag,
    "wave": _wave,
    "arrow": _arrow,
    "crescent": _crescent,
    "straight line": _line,
}


@dataclass(frozen=True, kw_only=True)
class PlacedShape:
    """What a part of primitives is: its shape, place and size word (None if the plan is silent)."""

    shape: str
    place: str
    size: str | None = None


def article(words: str) -> str:
    """The words with "a" or "an" before them."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def at_place(place: str, rng: np.random.Generator) -> str:
    """The place with a preposition: "on the left", "at the top right", "in the center"."""
    if place == "center":
        return "in the center"
    if place in {"left", "right"}:
        return f"on the {place}"
    return f"{'at' if rng.random() < 0.55 else 'in'} the {place}"


def word_shape(item: PlacedShape, rng: np.random.Generator) -> PlanPart:
    """One of the wordings of a placed shape."""
    sized = f"{item.size} {item.shape}" if item.size else item.shape
    where = at_place(item.place, rng)
    noun = item.shape.capitalize()
    kind = int(rng.choice(5, p=[0.24, 0.2, 0.22, 0.2, 0.14]))
    if kind == 0:
        return PlanPart(name=item.place.capitalize(), description=sized)
    if kind == 1:
        return PlanPart(name=f"Draw {article(sized)} {where}")
    if kind == 2:
        return PlanPart(name=noun, description=f"{article(sized)} {where}")
    if kind == 3:
        return PlanPart(name=f"{article(sized).capitalize()} {where}")
    size = f"{item.size}, " if item.size else ""
    return PlanPart(name=noun, description=f"{size}placed {where}")


def draw_shape(
    shape: str,
    center_px: tuple[float, float],
    half_height_px: float,
    rng: np.random.Generator,
) -> list[Curve]:
    """The curves of a shape in canvas pixels; wide shapes reach up to 1.7 x the half height."""
    return [
        c.transform(curve, scale=half_height_px, move=center_px) for curve in SHAPES[shape](rng)
    ]


def sample_shapes(rng: np.random.Generator, count: int) -> list[PlacedShape]:
    """`count` random shapes at different places."""
    places = rng.permutation(list(PLACES))[:count]
    names = list(SHAPES)
    return [
        PlacedShape(
            shape=names[rng.integers(len(names))],
            place=str(place),
            size=None if rng.random() < 0.35 else str(rng.choice(SIZES)),
        )
        for place in places
    ]


def compose_primitives(
    rng: np.random.Generator,
    items: list[PlacedShape] | None = None,
    *,
    hand: Hand | None = None,
    width_px: int = 432,
    height_px: int = 240,
    num_frames: int = 81,
) -> Composition:
    """Shapes at named places, drawn in the order of their plan.

    Args:
        items: what to draw; None for 2 to 8 random shapes at different places.
    """
    items = items if items is not None else sample_shapes(rng, int(rng.integers(2, 9)))
    curves = []
    for item in items:
        low, high = CELL_SIZES[item.size] if item.size else (0.24, 0.4)
        half = rng.uniform(low, high) * height_px / 3
        x, y = place_center(item.place, width_px, height_px)
        slack = 0.06 * height_px / 3
        center = (x + rng.uniform(-2, 2) * slack, y + rng.uniform(-1, 1) * slack)
        curves.append(draw_shape(item.shape, center, half, rng))
    sketch = draw_parts(
        curves,
        [item.shape for item in items],
        hand or Hand.sample(rng, num_frames),
        rng,
        width_px=width_px,
        height_px=height_px,
        num_frames=num_frames,
    )
    plan = DrawingPlan(
        concept=str(rng.choice(TITLES)), parts=tuple(word_shape(item, rng) for item in items)
    )
    labels = tuple(f"{item.shape}@{item.place}" for item in items)
    return Composition(sketch=sketch, plan=plan, source="primitives", labels=labels)
