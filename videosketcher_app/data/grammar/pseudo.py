"""Pseudo-concepts: random assemblies of shapes under arbitrary titles and part names.

Their titles say nothing about the picture, so the model must read shape, size, place and relation
from the description. That is what lets it draw concepts that nobody taught it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from videosketcher_app.core.geometry import PLACES, place_center, place_of
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data.grammar import curves as c
from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.grammar.curves import Curve
from videosketcher_app.data.grammar.hand import Hand, draw_parts
from videosketcher_app.data.grammar.primitives import (
    SHAPES,
    ShapeFunction,
    article,
    at_place,
    draw_shape,
)

SIZE_SHARES = {None: (0.09, 0.19), "small": (0.05, 0.08), "medium": (0.11, 0.16)}
SIZE_SHARES |= {"large": (0.2, 0.3), "tiny": (0.03, 0.045)}
RELATIONS = ("above", "below", "on top of", "under", "inside", "next to", "to the left of")
RELATIONS += ("to the right of", "attached to", "around")

# Words that plans use beside the fifteen shapes; each draws what it says.
EXTRA_SHAPES: dict[str, ShapeFunction] = {
    "half circle": lambda rng: [c.ellipse(0, 0.45, 1.1, 0.95, math.pi, math.pi)],
    "curved line": lambda rng: [c.spline((-1.3, 0.25), (0, -0.4), (1.3, 0.25))],
    "vertical line": lambda rng: [c.polyline((0, -1.2), (0, 1.2))],
    "horizontal line": lambda rng: [c.polyline((-1.5, 0), (1.5, 0))],
    "diagonal line": lambda rng: [c.polyline((-0.8, 0.9), (0.8, -0.9))],
    "cloud shape": lambda rng: [c.cloud(0, 0, 1.3, 0.7, int(rng.integers(6, 9)))],
    "trapezoid": lambda rng: [c.polygon((-0.7, -0.7), (0.7, -0.7), (1.15, 0.7), (-1.15, 0.7))],
    "tall rectangle": lambda rng: [c.rectangle(-0.5, -1.1, 0.5, 1.1)],
    "wide rectangle": lambda rng: [c.rectangle(-1.7, -0.6, 1.7, 0.6)],
    "tall oval": lambda rng: [c.ellipse(0, 0, 0.6, 1.1)],
    "wide oval": lambda rng: [c.ellipse(0, 0, 1.7, 0.7)],
    "two circles": lambda rng: [c.ellipse(-0.9, 0, 0.5), c.ellipse(0.9, 0, 0.5)],
    "two straight lines": lambda rng: [c.polyline((x, -0.9), (x, 0.9)) for x in (-0.6, 0.6)],
    "three circles": lambda rng: [c.ellipse(x, 0, 0.4) for x in (-1.2, 0, 1.2)],
    "short straight lines": lambda rng: [
        c.polyline((x, -0.5), (x + 0.15, 0.5)) for x in (-1.2, -0.4, 0.4, 1.2)
    ],
}


@dataclass(frozen=True, kw_only=True)
class PseudoPart:
    """One shape of an assembly: where it stands and how the plan says it.

    Attributes:
        place: named place of its center, True for parts placed by relation too.
        relation: ("above", index of the other part), or None if placed by `place`.
    """

    name: str
    shape: str
    size: str | None
    center: tuple[float, float]
    half_px: float
    place: str
    relation: tuple[str, int] | None = None


@cache
def _words() -> dict[str, list[str]]:
    path = Path(__file__).with_name("words.yaml")
    return {key: text.split() for key, text in yaml.safe_load(path.read_text("utf-8")).items()}


def draw_any(shape: str, center: tuple[float, float], half_px: float, rng: np.random.Generator):
    """The curves of one of SHAPES or EXTRA_SHAPES in canvas pixels."""
    if shape in SHAPES:
        return draw_shape(shape, center, half_px, rng)
    return [c.transform(k, scale=half_px, move=center) for k in EXTRA_SHAPES[shape](rng)]


def compose_pseudo(
    rng: np.random.Generator,
    *,
    hand: Hand | None = None,
    width_px: int = 432,
    height_px: int = 240,
    num_frames: int = 81,
) -> Composition:
    """A random assembly of 2 to 7 shapes and its plan."""
    parts: list[PseudoPart] = []
    curves: list[list[Curve]] = []
    names = _part_names(rng, int(rng.integers(2, 8)))
    for name in names:
        item = _place(name, parts, rng, width_px, height_px)
        parts.append(item)
        curves.append(draw_any(item.shape, item.center, item.half_px, rng))
    sketch = draw_parts(
        curves,
        names,
        hand or Hand.sample(rng, num_frames),
        rng,
        width_px=width_px,
        height_px=height_px,
        num_frames=num_frames,
    )
    related = any(item.relation for item in parts)
    # The last wording names no part, so nothing could refer to one.
    style = int(rng.choice(2 if related else 3, p=[0.7, 0.3] if related else [0.6, 0.25, 0.15]))
    plan = DrawingPlan(
        concept=_title(rng), parts=tuple(_word(item, parts, rng, style) for item in parts)
    )
    labels = tuple(f"{item.shape}@{item.place}" for item in parts)
    return Composition(sketch=sketch, plan=plan, source="pseudo", labels=labels)


def _place(
    name: str,
    parts: list[PseudoPart],
    rng: np.random.Generator,
    width_px: int,
    height_px: int,
) -> PseudoPart:
    extra = rng.random() < 0.25
    shape = str(rng.choice(list(EXTRA_SHAPES if extra else SHAPES)))
    sizes: list[str | None] = [None, "small", "medium", "large", "tiny"]
    size = sizes[rng.choice(5, p=[0.55, 0.14, 0.11, 0.15, 0.05])]
    half = float(rng.uniform(*SIZE_SHARES[size])) * height_px
    if parts and rng.random() < 0.3:
        other = int(rng.integers(len(parts)))
        relation = str(rng.choice(RELATIONS))
        center, half = _related(relation, parts[other], half, size)
        link = (relation, other)
    else:
        place = str(
            rng.choice(list(PLACES), p=[0.08, 0.15, 0.08, 0.12, 0.2, 0.12, 0.07, 0.11, 0.07])
        )
        x, y = place_center(place, width_px, height_px)
        center = (x + rng.uniform(-0.06, 0.06) * width_px, y + rng.uniform(-0.06, 0.06) * height_px)
        link = None
    margin = 6.0
    reach_x = min(half * 1.7, width_px / 2 - margin)
    half = min(half, height_px / 2 - margin)
    x = float(np.clip(center[0], margin + reach_x, width_px - margin - reach_x))
    y = float(np.clip(center[1], margin + half, height_px - margin - half))
    if abs(x - center[0]) + abs(y - center[1]) > 0.05 * height_px:
        link = None  # the canvas pushed it out of its relation
    return PseudoPart(
        name=name,
        shape=shape,
        size=size,
        center=(x, y),
        half_px=half,
        place=place_of(x, y, width_px, height_px),
        relation=link,
    )


def _related(
    relation: str, other: PseudoPart, half: float, size: str | None
) -> tuple[tuple[float, float], float]:
    """Center and half height of a part that stands in a relation to another."""
    x, y = other.center
    if relation == "inside":
        return (x, y), min(half, 0.5 * other.half_px)
    if relation == "around":
        return (x, y), max(half, 1.6 * other.half_px)
    gap = half + other.half_px
    aside = 1.35 * gap
    offsets = {
        "above": (0.0, -1.15 * gap),
        "on top of": (0.0, -gap),
        "below": (0.0, 1.15 * gap),
        "under": (0.0, gap),
        "next to": (aside, 0.0),
        "to the right of": (aside, 0.0),
        "to the left of": (-aside, 0.0),
        "attached to": (0.8 * aside, 0.0),
    }
    dx, dy = offsets[relation]
    return (x + dx, y + dy), half


def _word(
    item: PseudoPart, parts: list[PseudoPart], rng: np.random.Generator, style: int
) -> PlanPart:
    sized = f"{item.size} {item.shape}" if item.size else item.shape
    plural = item.shape.split()[0] in {"two", "three", "short"}
    if item.relation:
        relation, other = item.relation
        where = f"{relation} the {parts[other].name}"
    else:
        where = at_place(item.place, rng)
    name = item.name.capitalize()
    bare = f"{sized} {where}"
    full = bare if plural else f"{article(sized)} {where}"
    if style == 0:
        return PlanPart(name=name, description=full)
    if style == 1:
        return PlanPart(name=name, description=bare)
    return PlanPart(name=full[0].upper() + full[1:])


def _part_names(rng: np.random.Generator, count: int) -> list[str]:
    words, names = _words(), []
    while len(names) < count:
        name = str(rng.choice(words["parts"]))
        if rng.random() < 0.3:
            name = f"{rng.choice(words['adjectives'])} {name}"
        if rng.random() < 0.06:
            name = _made_up(rng)
        if name not in names:
            names.append(name)
    return names


def _title(rng: np.random.Generator) -> str:
    words = _words()
    title = str(rng.choice(words["titles"])) if rng.random() < 0.8 else _made_up(rng)
    if rng.random() < 0.25:
        title = f"{rng.choice(words['adjectives'])} {title}"
    if rng.random() < 0.15:
        title = f"{title} with {rng.choice(words['parts'])}s"
    return article(title)


def _made_up(rng: np.random.Generator) -> str:
    """A pronounceable word that means nothing."""
    syllables = int(rng.integers(2, 4))
    onset, vowel = list("bcdfghklmnprstvwz"), list("aeiou")
    return "".join(str(rng.choice(onset)) + str(rng.choice(vowel)) for _ in range(syllables))
