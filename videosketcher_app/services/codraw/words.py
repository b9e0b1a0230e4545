"""Words of a session: what the person wants drawn, and what the model reads of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.plan import DrawingPlan, PlanPart, parse_plan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.request_planner import RequestPlanner

# The model always reads a plan; without a concept it reads one that promises nothing.
ANYTHING = DrawingPlan(concept="a sketch", parts=(PlanPart(name="drawing"),))


@dataclass(frozen=True, kw_only=True)
class Words:
    """What is to be drawn.

    Attributes:
        concept: as the person wrote it; "" is anything.
        planned: None for anything.
    """

    concept: str = ""
    planned: PlannedDrawing | None = None

    @property
    def plan(self) -> DrawingPlan:
        """In the person's words."""
        return self.planned.plan if self.planned else ANYTHING

    @property
    def model_plan(self) -> DrawingPlan:
        """In the model's words."""
        return self.planned.model_plan if self.planned else ANYTHING

    @property
    def text(self) -> str:
        """What the text encoder reads."""
        return str(self.model_plan)

    def to_mapping(self) -> dict[str, Any]:
        """As JSON values; `read` takes them again."""
        if self.planned is None:
            return {"concept": self.concept, "planned": None}
        planned = self.planned
        return {
            "concept": self.concept,
            "planned": {
                "plan": str(planned.plan),
                "model_plan": str(planned.model_plan),
                "planner": planned.planner,
                "note": planned.note,
            },
        }

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Words:
        """The words of `to_mapping`.

        Raises:
            InvalidRequest: a plan in it is none.
        """
        concept, planned = str(values["concept"]), values["planned"]
        if planned is None:
            return cls(concept=concept)
        return cls(
            concept=concept,
            planned=PlannedDrawing(
                plan=parse_plan(planned["plan"]),
                model_plan=parse_plan(planned["model_plan"]),
                planner=str(planned["planner"]),
                note=str(planned["note"]),
            ),
        )

    def shown(self) -> dict[str, Any]:
        """The plan as a page needs it."""
        return {
            "concept": self.plan.concept if self.planned else "",
            "text": str(self.plan) if self.planned else "",
            "parts": [
                {"name": part.name, "description": part.description} for part in self.plan.parts
            ]
            if self.planned
            else [],
            "planner": self.planned.planner if self.planned else "",
            "note": self.planned.note if self.planned else "",
        }


def planned_words(text: str, planner: RequestPlanner, *, who: str, role: Role) -> Words:
    """The words of a concept or of a whole plan; "" is anything.

    Args:
        who: name of the planner.

    Raises:
        InvalidRequest: it is no concept, or written as a plan but none.
        Forbidden: a guest asks for a planner that is the owner's.
    """
    if not text.strip():
        return Words()
    request = SketchRequest.from_mapping({"prompt": text, "planner": who})
    return Words(concept=request.prompt, planned=planner.plan(request, role=role))
