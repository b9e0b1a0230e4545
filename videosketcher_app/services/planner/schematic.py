"""A plan of simple shapes for a concept that nobody knows: honest, and the same every time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.services.planner.words import CONNECTORS, normalize

SHAPES = ("circle", "oval", "square", "rectangle", "triangle", "diamond")
DETAILS = ("circle", "triangle", "square", "star", "wave", "zigzag", "crescent", "diamond")
# Where further things of a concept go, and where details of a single thing go.
_OTHER_PLACES = (
    "on the right",
    "on the left",
    "at the top center",
    "at the bottom center",
    "at the top right",
)
_DETAIL_PLACES = (
    ("Middle", "inside it"),
    ("Top", "at the top center"),
    ("Left side", "on the left"),
    ("Right side", "on the right"),
    ("Base", "at the bottom center"),
)
NUM_PARTS = 5
MAX_NAME_CHARACTERS = 40


def schematic_plan(
    concept: str, known_shape: Callable[[str], str | None] = lambda _: None
) -> DrawingPlan:
    """Simple shapes for every thing that the concept names, the first one large in the center.

    The same words always give the same plan. A concept of one thing gets details around it.

    Args:
        concept: a line of words.
        known_shape: the shape that stands for a thing, if one is known.
    """
    things = _things(concept)
    shapes = [known_shape(thing) or _pick(thing, SHAPES) for thing in things]
    parts = [_part(things[0], f"large {shapes[0]} in the center")]
    for thing, shape, place in zip(things[1:], shapes[1:], _OTHER_PLACES, strict=False):
        parts.append(_part(thing, f"{shape} {place}"))
    details = [
        _part(name, f"small {_pick(f'{things[0]} {name}', DETAILS)} {place}")
        for name, place in _DETAIL_PLACES
        if name.casefold() not in things and not _taken(parts, place)
    ]
    parts += details[: max(1, NUM_PARTS - len(parts))]
    return DrawingPlan(concept=concept, parts=tuple(parts))


def _things(concept: str) -> list[str]:
    """The things that the concept names: what stands before each connecting word."""
    groups: list[list[str]] = [[]]
    for word in normalize(concept).split():
        if word in CONNECTORS:
            groups.append([])
        else:
            groups[-1].append(word)
    names = [normalize(" ".join(group)) for group in groups if group]
    names = list(dict.fromkeys(name[:MAX_NAME_CHARACTERS].strip() for name in names))
    return names[: len(_OTHER_PLACES) + 1] or ["main shape"]


def _part(name: str, description: str) -> PlanPart:
    return PlanPart(name=name[:1].upper() + name[1:], description=description)


def _taken(parts: list[PlanPart], place: str) -> bool:
    return any(part.description.endswith(place) for part in parts)


def _pick(word: str, choices: tuple[str, ...]) -> str:
    # Not hash(): it changes from one start of Python to the next.
    digest = hashlib.sha256(re.sub(r"\s+", " ", word).encode()).digest()
    return choices[digest[0] % len(choices)]
