"""What a brush model is asked to draw: shelf and unseen brushes times plans, with their true painting.

Legend: T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.data.brushes.clause import with_clause
from videosketcher_app.data.brushes.condition import ConditionFrame, frame_of_brush
from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.data.brushes.model import Brush
from videosketcher_app.data.brushes.painting import frames
from videosketcher_app.data.brushes.variety import unseen_brushes
from videosketcher_app.data.grammar.compose import Composition, Layout, compose
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.engines.brush_source import UnderstoodBrush
from videosketcher_app.evaluation.tasks import CANONICAL_SEED, Task, canonical_plan

PLANS = ("cat", "house", "sailboat", "flower", "car")
SHELF_PER_MEDIUM = 2
SHELF, UNSEEN = "shelf", "unseen"


@dataclass(frozen=True, kw_only=True)
class BrushCase:
    """One drawing to be made and measured.

    Attributes:
        group: SHELF or UNSEEN.
        name: of the brush.
        task: the plan as the text model reads it.
    """

    group: str
    name: str
    brush: Brush
    task: Task

    @property
    def plan(self) -> DrawingPlan:
        """The plan with the brush clause."""
        return replace(self.task.plan, concept=with_clause(self.task.plan.concept))

    @property
    def condition(self) -> ConditionFrame:
        """The brush as it is shown."""
        return _condition(self.brush)

    @property
    def understood(self) -> UnderstoodBrush:
        """The brush as engines need it."""
        return UnderstoodBrush(condition=self.condition, brush=self.brush)

    def true_clip(self) -> NDArray[np.uint8]:
        """The grammar's own drawing of the plan, painted by the engine: (T, H, W, 3), no box."""
        return frames(_composition(self.task.name).sketch, self.brush, seed=self.task.seed)


def brush_cases(
    *, plans: Sequence[str] = PLANS, limit: int | None = None, seed: int = 0
) -> list[BrushCase]:
    """All brushes times all plans; with a limit, so many brushes, evenly spaced."""
    brushes = _brushes()
    if limit is not None and limit < len(brushes):
        at = np.linspace(0, len(brushes) - 1, limit).round().astype(int)
        brushes = [brushes[i] for i in at]
    return [
        BrushCase(group=group, name=name, brush=brush, task=_task(plan, seed + index))
        for index, (group, name, brush) in enumerate(brushes)
        for plan in plans
    ]


def _brushes() -> list[tuple[str, str, Brush]]:
    shelf: dict[str, list[tuple[str, Brush]]] = {}
    for entry in load_brushes()[0].values():
        shelf.setdefault(entry.medium, []).append((entry.name, entry.brush))
    chosen = [pair for group in shelf.values() for pair in group[:SHELF_PER_MEDIUM]]
    unseen = [(f"{brush.kind} {i}", brush) for i, brush in enumerate(unseen_brushes())]
    return [(SHELF, *pair) for pair in chosen] + [(UNSEEN, *pair) for pair in unseen]


def _task(concept: str, seed: int) -> Task:
    plan, labels = canonical_plan(concept)
    return Task(set_name="recognition", name=concept, plan=plan, seed=seed, labels=labels)


@cache
def _composition(concept: str) -> Composition:
    """The drawing of `canonical_plan`."""
    return compose(
        programs()[concept],
        np.random.default_rng(CANONICAL_SEED),
        drop=False,
        shuffle=False,
        wording="described",
        layout=Layout(),
    )


@cache
def _condition(brush: Brush) -> ConditionFrame:
    return frame_of_brush(brush)
