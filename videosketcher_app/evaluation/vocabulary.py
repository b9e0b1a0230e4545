"""What the detector can be asked for: parts of objects, and shapes at places.

A label is "cat/head" or "star@top left", as compositions of the grammar carry them; a query is its
number. Objects come first, then every shape at each of the nine places.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.geometry import PLACES
from videosketcher_app.data.grammar.primitives import SHAPES
from videosketcher_app.data.grammar.program import Program, programs
from videosketcher_app.data.grammar.pseudo import EXTRA_SHAPES

BASIC_SHAPES = tuple(SHAPES)
ALL_SHAPES = BASIC_SHAPES + tuple(name for name in EXTRA_SHAPES if name not in SHAPES)
PLACE_NAMES = tuple(PLACES)
DRAWS_PER_PROGRAM = 100
_SIDES = re.compile(r"\b(left|right)\b")

# A drawing of the first word is also one of the second; the reverse is neither true nor false.
KIND_OF = {
    "wide rectangle": "rectangle",
    "tall rectangle": "rectangle",
    "wide oval": "oval",
    "tall oval": "oval",
    "vertical line": "straight line",
    "horizontal line": "straight line",
    "diagonal line": "straight line",
}


def related(one: str, other: str) -> bool:
    """True if a drawing of one shape word may pass for the other."""
    return KIND_OF.get(one, one) == KIND_OF.get(other, other)


def swap_sides(name: str) -> str:
    """The name of the same part in the mirrored drawing."""
    return _SIDES.sub(lambda m: "right" if m.group() == "left" else "left", name)


def part_names(program: Program) -> set[str]:
    """Every part name that a program was seen to use, mirrored ones included."""
    names: set[str] = set()
    for seed in range(DRAWS_PER_PROGRAM):
        names |= {part.name for part in program.draw(np.random.default_rng(seed))}
    return names | ({swap_sides(name) for name in names} if program.mirrors else set())


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The labels of one detector.

    Attributes:
        object_labels: "concept/part", sorted.
        concepts: program names that the classifier knows, sorted.
        shapes: shape words, each at every place.
    """

    object_labels: tuple[str, ...]
    concepts: tuple[str, ...]
    shapes: tuple[str, ...] = ALL_SHAPES

    @staticmethod
    def of_grammar() -> Vocabulary:
        """Everything that the grammar's programs draw."""
        labels = sorted(
            f"{name}/{part}" for name, program in programs().items() for part in part_names(program)
        )
        return Vocabulary(object_labels=tuple(labels), concepts=tuple(programs()))

    @staticmethod
    def of_primitives() -> Vocabulary:
        """Shapes and places only."""
        return Vocabulary(object_labels=(), concepts=())

    @staticmethod
    def from_json(text: str) -> Vocabulary:
        """Reads what `to_json` wrote."""
        return Vocabulary(**{key: tuple(value) for key, value in json.loads(text).items()})

    def to_json(self) -> str:
        """The vocabulary as text, for a weight file's metadata."""
        fields = ("object_labels", "concepts", "shapes")
        return json.dumps({name: list(getattr(self, name)) for name in fields})

    @property
    def num_queries(self) -> int:
        """Number of labels that can be asked for."""
        return len(self.object_labels) + len(self.shapes) * len(PLACE_NAMES)

    @cached_property
    def _index(self) -> dict[str, int]:
        shapes = [f"{shape}@{place}" for shape in self.shapes for place in PLACE_NAMES]
        return {label: i for i, label in enumerate([*self.object_labels, *shapes])}

    @cached_property
    def by_concept(self) -> dict[str, tuple[str, ...]]:
        """Object labels of every concept."""
        groups: dict[str, list[str]] = {name: [] for name in self.concepts}
        for label in self.object_labels:
            groups[label.split("/")[0]].append(label)
        return {name: tuple(labels) for name, labels in groups.items()}

    def __contains__(self, label: str) -> bool:
        return label in self._index

    def query(self, label: str) -> int:
        """The number of a label.

        Raises:
            InvalidRequest: the detector was not trained on this label.
        """
        if label not in self._index:
            raise InvalidRequest(
                f"The detector does not know the part {label!r}.",
                hint="Train it again: python -m videosketcher_app.training.detector",
            )
        return self._index[label]


def full_label(source: str, label: str) -> str:
    """The detector's label of a composition's part: "cat/head", or "star@left" as it is."""
    return label if "@" in label else f"{source}/{label}"
