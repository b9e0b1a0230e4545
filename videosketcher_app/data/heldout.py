"""Held-out plans: loaded for measuring, rejected by everything that makes training drawings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from videosketcher_app.core.plan import DrawingPlan, parse_plan

SETS = ("heldout_primitives", "heldout_concepts")


@dataclass(frozen=True, kw_only=True)
class HeldOutPlan:
    """A plan and its truth.

    Attributes:
        plan: as a model reads it.
        labels: "shape@place" of every part, in drawing order.
        sizes: size word of every part, None where the plan is silent.
    """

    plan: DrawingPlan
    labels: tuple[str, ...]
    sizes: tuple[str | None, ...]


@cache
def load(name: str) -> tuple[HeldOutPlan, ...]:
    """The plans of one of SETS, in file order."""
    assert name in SETS, name
    path = Path(__file__).with_name("heldout_plans") / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return tuple(
        HeldOutPlan(
            plan=parse_plan(row["prompt"]),
            labels=tuple(f"{part['shape']}@{part['place']}" for part in row["parts"]),
            sizes=tuple(part.get("size") for part in row["parts"]),
        )
        for row in rows
    )


@cache
def signatures() -> frozenset[tuple[str, ...]]:
    """The ordered labels of every held-out plan."""
    return frozenset(item.labels for name in SETS for item in load(name))


@cache
def titles() -> frozenset[str]:
    """The concepts that stay outside every training drawing ("an anchor")."""
    return frozenset(item.plan.concept for item in load("heldout_concepts"))


def is_held_out(labels: Sequence[str]) -> bool:
    """True if a drawing with these ordered "shape@place" labels is a held-out plan."""
    return tuple(labels) in signatures()
