"""What every planner takes and gives: a concept in words, a plan, and an honest note."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import Protocol

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import NOT_ON_A_LINE, DrawingPlan
from videosketcher_app.data.brushes.clause import with_clause

MAX_CONCEPT_CHARACTERS = 500
_CONCEPT_HINT = 'Write what to draw, for instance "a cat".'


@dataclass(frozen=True, kw_only=True)
class PlannedDrawing:
    """A plan and where it comes from.

    Attributes:
        plan: in the person's words, for the screen and for file names.
        model_plan: in the words that the model was trained on, with the brush clause if asked.
        planner: who made it ("library", "openai", ...).
        note: one honest sentence about what is not as asked; empty if nothing is.
        nearest: titles of known concepts that are near, nearest first.
        taught: the shipped model was trained to draw this very concept.
    """

    plan: DrawingPlan
    model_plan: DrawingPlan
    planner: str
    note: str = ""
    nearest: tuple[str, ...] = ()
    taught: bool = False


class Planner(Protocol):
    """Turns a concept into a plan."""

    def plan(self, concept: str, *, brush: bool = False) -> PlannedDrawing:
        """The plan of a concept; `brush` adds the brush clause to the model's words.

        Raises:
            InvalidRequest: the concept is empty, too long, or not a line of words.
        """
        ...


def with_brush_clause(plan: DrawingPlan) -> DrawingPlan:
    """The plan with the brush clause after its concept, once, whatever words asked for it."""
    return replace(plan, concept=with_clause(plan.concept))


def check_concept(concept: str) -> str:
    """The concept as one line with single spaces.

    Raises:
        InvalidRequest: it is empty, longer than 500 characters, holds control characters, or has
            neither letters nor digits.
    """
    if len(concept) > MAX_CONCEPT_CHARACTERS:
        raise InvalidRequest(
            f"The concept is {len(concept):,} characters long.",
            hint=f"Shorten it to {MAX_CONCEPT_CHARACTERS} characters, or write a whole plan.",
        )
    line = concept.strip()
    if not line:
        raise InvalidRequest("The concept is empty.", hint=_CONCEPT_HINT)
    bad = [c for c in line if unicodedata.category(c) in NOT_ON_A_LINE]
    if bad:
        raise InvalidRequest(
            f"A concept is one line of text. Received a control character: {bad[0]!r}",
            hint="Remove line breaks, tabs and other control characters.",
        )
    if not any(character.isalnum() for character in line):
        raise InvalidRequest(
            f"The concept has no words. Received: {line[:80]!r}", hint=_CONCEPT_HINT
        )
    return " ".join(line.split())
