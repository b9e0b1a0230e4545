"""Where order is lost: the pairs of parts of concepts, sorted by what may have made them hard.

Every row is a group of pairs of seen parts: how many, how many in order, and which share of all
wrong pairs lies there. Groups overlap, so the shares of different factors do not add up; within
one factor they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from videosketcher_app.data.grammar.compose import Composition
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.evaluation.renders import render
from videosketcher_app.evaluation.scores import Score
from videosketcher_app.evaluation.tasks import canonical_plan, truth_of
from videosketcher_app.evaluation.vocabulary import swap_sides

SMALL_INK, MIDDLE_INK = 80, 160  # pixels of the detector's grid
SHORT_FRAMES = 6.0
MANY_PARTS = 8
CANONICAL, UNUSUAL = "as usual", "against the usual order"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two seen parts of one drawing, the earlier one of the plan first.

    Attributes:
        right: 1 in order, 0 in the wrong one, 0.5 at the same time.
        steps: how many places of the plan lie between them, 1 for neighbors.
        ink: of the smaller part in a true drawing of the plan, pixels of the grid.
        frames: of the part that a true drawing draws faster.
        usual: CANONICAL or UNUSUAL, by the concept's own order; "" if it has only one of them.
    """

    right: float
    steps: int
    ink: int
    frames: float
    parts: int
    size: str
    wording: str
    usual: str
    category: str


FACTORS: dict[str, Callable[[Pair], str]] = {
    "smaller part": lambda pair: _ink_group(pair.ink),
    "faster part": lambda p: "short" if p.frames < SHORT_FRAMES else "long",
    "distance in the plan": lambda pair: str(min(pair.steps, 3)) + "+" * (pair.steps >= 3),
    "parts of the plan": lambda p: f"{MANY_PARTS} and more" if p.parts >= MANY_PARTS else "fewer",
    "size word": lambda pair: pair.size or "none",
    "wording": lambda pair: pair.wording,
    "order": lambda pair: pair.usual or "unknown",
    "category": lambda pair: pair.category,
}


def causes(scores: Sequence[Score]) -> list[dict[str, object]]:
    """One row a factor and group, of drawings of the set "concepts"."""
    pairs = [pair for score in scores for pair in pairs_of(score)]
    lost = sum(1 - pair.right for pair in pairs)
    rows: list[dict[str, object]] = []
    for factor, group_of in FACTORS.items():
        for group in sorted({group_of(pair) for pair in pairs}):
            right = [pair.right for pair in pairs if group_of(pair) == group]
            rows.append(
                {
                    "factor": factor,
                    "group": group,
                    "pairs": len(right),
                    "order": round(float(np.mean(right)), 4),
                    "share_of_wrong": round((len(right) - sum(right)) / max(lost, 1e-9), 4),
                }
            )
    return rows


def pairs_of(score: Score) -> list[Pair]:
    """All pairs of seen parts of a drawing."""
    task, truth = score.task, truth_of(score.task)
    ink, frames = _sizes(truth)
    program = programs()[task.name]
    rank = {label: i for i, label in enumerate(canonical_plan(task.name)[1])}
    ranks = [rank.get(label, rank.get(swap_sides(label))) for label in task.labels]
    seen = [(i, part.frame) for i, part in enumerate(score.reading.parts) if part.frame is not None]
    return [
        Pair(
            right=float(at_a < at_b) + 0.5 * (at_a == at_b),
            steps=b - a,
            ink=min(ink[a], ink[b]),
            frames=min(frames[a], frames[b]),
            parts=len(task.labels),
            size="small" if " small " in f" {task.plan.concept} " else "",
            wording="described" if all(p.description for p in task.plan.parts) else "loose",
            usual=_usual(ranks[a], ranks[b]),
            category=program.category,
        )
        for (a, at_a), (b, at_b) in combinations(seen, 2)
    ]


def _sizes(truth: Composition) -> tuple[list[int], list[float]]:
    """Ink in pixels of the grid and time in frames of every part."""
    count = len(truth.labels)
    owners_HW = render(truth.sketch, count).owners_HW
    ink = [int((owners_HW >> part & 1).sum()) for part in range(count)]
    frames = []
    for part in range(count):
        mine = [stroke for stroke in truth.sketch.strokes if stroke.part == part]
        frames.append(max(s.end for s in mine) - min(s.start for s in mine))
    return ink, frames


def _usual(one: int | None, other: int | None) -> str:
    if one is None or other is None:
        return ""
    return CANONICAL if one < other else UNUSUAL


def _ink_group(ink: int) -> str:
    if ink < SMALL_INK:
        return f"under {SMALL_INK} px"
    return f"under {MIDDLE_INK} px" if ink < MIDDLE_INK else f"from {MIDDLE_INK} px"
