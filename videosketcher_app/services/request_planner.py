"""From a request to its plan: written as one already, taken as it is, or made by a planner."""

from __future__ import annotations

from functools import cached_property

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import JOINT, DrawingPlan, PlanPart, is_plan, parse_plan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.planner import LibraryPlanner, PlannedDrawing


class RequestPlanner:
    """Plans requests.

    Args:
        default: the planner that "auto" means; "auto" itself means the library.
    """

    def __init__(self, *, default: str = "auto") -> None:
        self._default = default

    @cached_property
    def _library(self) -> LibraryPlanner:
        return LibraryPlanner()

    def plan(self, request: SketchRequest) -> PlannedDrawing:
        """The plan that this request is drawn by.

        Raises:
            InvalidRequest: it is written as a plan but is none, or its planner is not here.
        """
        if is_plan(request.prompt):
            return _written(parse_plan(request.prompt))
        if request.as_written:
            return _written(_one_part(request.prompt))
        self._require_library(request.planner)
        return self._library.plan(request.prompt)

    def _require_library(self, asked: str) -> None:
        planner = self._default if asked == "auto" else asked
        if planner not in ("auto", "library"):
            raise InvalidRequest(
                f"The planner {planner!r} is not part of this version.",
                hint='Use "library" or "auto", or write the whole plan yourself.',
            )


def _written(plan: DrawingPlan) -> PlannedDrawing:
    return PlannedDrawing(plan=plan, model_plan=plan, planner="as written", note="")


def _one_part(prompt: str) -> DrawingPlan:
    """A name for a prompt that follows no plan; the model reads the prompt itself."""
    concept = prompt.replace(JOINT, ", ")
    return DrawingPlan(concept=concept, parts=(PlanPart(name="drawing"),))
