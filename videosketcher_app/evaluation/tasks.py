"""What a text model is asked to draw: five sets of plans with their truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.heldout import load
from videosketcher_app.evaluation.vocabulary import full_label

SETS = ("primitives", "concepts", "heldout_concepts", "recognition", "memory")
CONCEPTS_SEED = 5  # first number of the seeds of the plans; the detector's use 1 to 3
CANONICAL_SEED = 6
PLANS_PER_CONCEPT = 3
SEEDS_PER_CONCEPT = 8
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Task:
    """One drawing to be made and scored.

    Attributes:
        set_name: of SETS; "memory" uses the drawings of "recognition".
        name: program of the concept, or the plan's title for shapes.
        seed: for the model.
        draw: of the grammar, for a plan of "concepts".
        labels: the detector's labels of the plan's parts, in drawing order.
    """

    set_name: str
    name: str
    plan: DrawingPlan
    seed: int
    labels: tuple[str, ...]
    draw: tuple[int, ...] = ()


def tasks_of(set_name: str, *, seed: int = 0, limit: int | None = None) -> list[Task]:
    """The tasks of a set; with a limit, evenly spaced ones (whole concepts of "recognition")."""
    if set_name in {"recognition", "memory"}:
        return _recognition(seed, limit)
    if set_name == "concepts":
        known = [(name, draw) for name in programs() for draw in range(PLANS_PER_CONCEPT)]
        return [_free(name, draw, seed) for name, draw in spaced(known, limit)]
    held_out = load("heldout_primitives" if set_name == "primitives" else "heldout_concepts")
    return [
        Task(
            set_name=set_name,
            name=item.plan.concept,
            plan=item.plan,
            seed=seed + index,
            labels=item.labels,
        )
        for index, item in spaced(list(enumerate(held_out)), limit)
    ]


def canonical_plan(name: str) -> tuple[DrawingPlan, tuple[str, ...]]:
    """A concept's plan with all parts in the program's own order, and its labels."""
    drawing = compose(
        programs()[name],
        np.random.default_rng(CANONICAL_SEED),
        drop=False,
        shuffle=False,
        wording="described",
        layout=Layout(),
    )
    return drawing.plan, tuple(full_label(name, label) for label in drawing.labels)


def _free(name: str, draw: int, seed: int) -> Task:
    """Some of a concept's parts in a random sensible order and any wording."""
    numbers = (CONCEPTS_SEED, seed, draw)
    drawing = compose(programs()[name], np.random.default_rng(numbers))
    return Task(
        set_name="concepts",
        name=name,
        plan=drawing.plan,
        seed=seed + draw,
        labels=tuple(full_label(name, label) for label in drawing.labels),
        draw=numbers,
    )


def truth_of(task: Task) -> Composition:
    """The grammar's own drawing of a plan of "concepts"."""
    return compose(programs()[task.name], np.random.default_rng(task.draw))


def _recognition(seed: int, limit: int | None) -> list[Task]:
    names = list(programs())
    if limit is not None:
        names = spaced(names, -(-limit // SEEDS_PER_CONCEPT))
    tasks = []
    for name in names:
        plan, labels = canonical_plan(name)
        tasks += [
            Task(set_name="recognition", name=name, plan=plan, seed=seed + k, labels=labels)
            for k in range(SEEDS_PER_CONCEPT)
        ]
    return tasks[:limit]


def spaced(items: list[T], limit: int | None) -> list[T]:
    """Evenly spaced items, the first and the last among them; all of them without a limit."""
    if limit is None or limit >= len(items):
        return items
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).round().astype(int)]
