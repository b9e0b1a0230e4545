"""Object programs: small functions that draw one concept with free proportions.

A program takes a random generator and returns its parts. Each part carries its name, the words that
describe it, its curves in object units and the parts that a person would draw before it, so that
text and picture never disagree and every random order is a sensible one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from videosketcher_app.data.grammar.curves import Curve

CATEGORIES = (
    "animals",
    "people",
    "plants",
    "buildings",
    "vehicles",
    "household",
    "landscapes",
    "scenes",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One named part of an object.

    Attributes:
        name: lower case, as a person would say it ("left wing").
        phrase: the part as a noun phrase with its look ("two pointed ears").
        description: simple shape and position ("two triangles on top of the head").
        curves: pen paths in object units, in drawing order.
        after: names of the parts that must be drawn earlier if they are drawn at all.
    """

    name: str
    phrase: str
    description: str
    curves: tuple[Curve, ...]
    after: tuple[str, ...] = ()


def part(
    name: str,
    phrase: str,
    description: str,
    curves: Sequence[Curve],
    after: Sequence[str] = (),
) -> Part:
    """Builds a Part; a short spelling for program files."""
    assert curves, name
    return Part(
        name=name,
        phrase=phrase,
        description=description,
        curves=tuple(curves),
        after=(after,) if isinstance(after, str) else tuple(after),
    )


DrawFunction = Callable[[np.random.Generator], list[Part]]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A concept and the function that draws it.

    Attributes:
        name: unique key and file name ("cat").
        title: as it stands in a prompt ("a cat").
        category: one of CATEGORIES.
        draw: the program.
        titles: other titles that a prompt may use ("a kitten").
        mirrors: False if a mirrored drawing would be wrong (letters, clock hands).
    """

    name: str
    title: str
    category: str
    draw: DrawFunction
    titles: tuple[str, ...] = ()
    mirrors: bool = True


_REGISTRY: dict[str, Program] = {}


def concept(
    name: str,
    *,
    title: str,
    category: str,
    titles: Sequence[str] = (),
    mirrors: bool = True,
) -> Callable[[DrawFunction], DrawFunction]:
    """Registers the decorated function as the program of a concept."""
    assert category in CATEGORIES, category

    def register(draw: DrawFunction) -> DrawFunction:
        assert name not in _REGISTRY, f"{name} is registered twice"
        _REGISTRY[name] = Program(
            name=name,
            title=title,
            category=category,
            draw=draw,
            titles=tuple(titles),
            mirrors=mirrors,
        )
        return draw

    return register


@cache
def programs() -> dict[str, Program]:
    """All programs by name, in alphabetical order (imports every file below grammar/)."""
    for package_name in ("concepts", "scenes"):
        package = importlib.import_module(f"videosketcher_app.data.grammar.{package_name}")
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    return dict(sorted(_REGISTRY.items()))
