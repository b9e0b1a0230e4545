"""Cases of the calibration: drawings with truth, whole and with a part removed or moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.primitives import PlacedShape, compose_primitives
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.grammar.pseudo import compose_pseudo
from videosketcher_app.data.heldout import HeldOutPlan, load
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.evaluation import altered
from videosketcher_app.evaluation.renders import (
    distance_to_place,
    part_box,
    render,
    with_part_moved,
    without_part,
)
from videosketcher_app.evaluation.samples import OUTSIDE
from videosketcher_app.evaluation.vocabulary import full_label

SOURCES = ("objects", "primitives", "pseudo", "heldout_primitives", "heldout_concepts")
KINDS = ("true", "removed", "moved")
WHOLE = "whole"  # like "true", with every part of the program


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A drawing, its plan and whether each part is truly there.

    Attributes:
        source, kind: of SOURCES and KINDS (or WHOLE).
        concept: program name, None for shapes.
        ink_HW, times_HW: as the detector's grid sees them.
        labels: the plan's parts in drawing order.
        there: for every label, whether it is where it belongs.
    """

    source: str
    kind: str
    concept: str | None
    ink_HW: NDArray[np.float32]
    times_HW: NDArray[np.float32]
    labels: tuple[str, ...]
    there: tuple[bool, ...]


def make_case(source: str, kind: str, concepts: Sequence[str], seed: list[int]) -> Case | None:
    """The case of a seed; None if no far position was found for the part to move."""
    rng = np.random.default_rng(seed)
    drawing, concept = _drawing(source, concepts, seed[-1], whole=kind != "true", rng=rng)
    labels = tuple(full_label(drawing.source, label) for label in drawing.labels)
    there = [True] * len(labels)
    sketch: Sketch | None = drawing.sketch
    if kind not in {"true", WHOLE}:
        part = _unique_part(labels, rng)
        there[part] = False
        if kind == "removed":
            sketch = without_part(drawing.sketch, part)
        elif concept:
            sketch = altered.moved_far(drawing, part, rng)
        else:
            sketch = _moved_shape(drawing.sketch, part, labels, rng)
    if sketch is None or not sketch.strokes:
        return None
    picture = render(sketch, len(labels))
    visible = [t and not np.isnan(c[0]) for t, c in zip(there, picture.centers_P2, strict=True)]
    return Case(
        source=source,
        kind=kind,
        concept=concept,
        ink_HW=picture.ink_HW,
        times_HW=picture.times_HW,
        labels=labels,
        there=tuple(visible),
    )


def _drawing(
    source: str,
    concepts: Sequence[str],
    index: int,
    *,
    whole: bool,
    rng: np.random.Generator,
) -> tuple[Composition, str | None]:
    if source == "objects":
        name = concepts[index % len(concepts)]
        program = programs()[name]
        layout = Layout(mirrored=program.mirrors and bool(rng.random() < 0.5)) if whole else None
        return compose(program, rng, drop=not whole, layout=layout, wording="name"), name
    if source == "primitives":
        return compose_primitives(rng), None
    if source == "pseudo":
        return _spread(rng), None
    plans = load(source)
    return compose_primitives(rng, items_of(plans[index % len(plans)])), None


def items_of(plan: HeldOutPlan) -> list[PlacedShape]:
    """The truth of a held-out plan as the grammar draws it."""
    pairs = zip(plan.labels, plan.sizes, strict=True)
    return [PlacedShape(shape=x.split("@")[0], place=x.split("@")[1], size=s) for x, s in pairs]


def _spread(rng: np.random.Generator) -> Composition:
    """A pseudo-concept in which no two parts share shape and place (they would be one label)."""
    while True:
        drawing = compose_pseudo(rng)
        if len(set(drawing.labels)) == len(drawing.labels):
            return drawing


def _unique_part(labels: Sequence[str], rng: np.random.Generator) -> int:
    """A part whose label stands once in the plan."""
    once = [i for i, label in enumerate(labels) if list(labels).count(label) == 1]
    return once[rng.integers(len(once))] if once else int(rng.integers(len(labels)))


def _moved_shape(
    sketch: Sketch, part: int, labels: Sequence[str], rng: np.random.Generator
) -> Sketch | None:
    """One shape moved out of its place, to where no other part of the plan is expected."""
    low, high = part_box(sketch, part)
    half, middle = (high - low) / 2, (low + high) / 2
    canvas = np.array([sketch.width_px, sketch.height_px], np.float32)
    if (half + 4 >= canvas - half - 4).any():
        return None
    place = labels[part].split("@")[1]
    for _ in range(20):
        target = rng.uniform(half + 4, canvas - half - 4)
        if distance_to_place(target / canvas, place) > OUTSIDE + 0.04:
            return with_part_moved(sketch, part, target - middle)
    return None
