"""From the fields and the editor to the plan that is drawn.

The plan in the editor counts while the concept is the one that it was made for; another concept is
planned anew. "As written" reads neither.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.ui.components.plan_editor import PlanEditor
from videosketcher_app.ui.tabs.text.page import Draft
from videosketcher_app.ui.texts import t

Plan = Callable[[SketchRequest], PlannedDrawing]
POLL_S = 0.05


def plan_of(request: SketchRequest, value: Any, draft: Draft | None, plan: Plan) -> PlannedDrawing:
    """The plan to draw.

    Args:
        value: of the plan editor.
        draft: where the editor's plan comes from.
        plan: makes a new one; may take as long as a language model does.

    Raises:
        InvalidRequest: the concept or the plan in the editor is not possible.
        Forbidden: the planner is not for this role.
    """
    if request.as_written:
        return plan(request)
    if draft is not None and draft.prompt == request.prompt and _has_parts(value):
        return edited(draft.planned, PlanEditor.read(value))
    if draft is None and _has_parts(value):  # written by hand on the blank sheet
        concept = value.get("concept") or request.prompt
        own = PlanEditor.read({**value, "concept": concept})
        return PlannedDrawing(plan=own, model_plan=own, planner=t("text.planner_hand"))
    return plan(request)


def answered(ask: Callable[[], PlannedDrawing], token: CancelToken) -> PlannedDrawing:
    """What a planner answers. Who stops does not wait for a language model, whose answer is lost.

    Raises:
        Cancelled: somebody stopped it.
        AppError: why there is no plan.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    try:
        answer = pool.submit(ask)
        while not answer.done():
            token.raise_if_cancelled()
            wait([answer], timeout=POLL_S)
        token.raise_if_cancelled()
        return answer.result()
    finally:
        pool.shutdown(wait=False)


def edited(planned: PlannedDrawing, plan: DrawingPlan) -> PlannedDrawing:
    """The plan as somebody changed it; parts that are as they were keep their model words."""
    if plan == planned.plan:
        return planned
    known = dict(zip(planned.plan.parts, planned.model_plan.parts, strict=False))
    same_concept = plan.concept == planned.plan.concept
    model_plan = DrawingPlan(
        concept=planned.model_plan.concept if same_concept else plan.concept,
        parts=tuple(known.get(part, part) for part in plan.parts),
    )
    return replace(planned, plan=plan, model_plan=model_plan, note=t("text.edited"), taught=False)


def editor_value(planned: PlannedDrawing) -> dict[str, Any]:
    """What the editor shows of a plan: also who spoke."""
    return PlanEditor.value_of(planned.plan, note=planned.note, planner=_spoken(planned.planner))


def _spoken(planner: str) -> str:
    names = {"library": t("text.spoke_library"), "openai": t("text.spoke_openai")}
    names |= {"qwen": t("text.spoke_qwen"), "schematic": t("text.spoke_schematic")}
    names["as written"] = t("text.planner_hand")
    return names.get(planner, planner)


def _has_parts(value: Any) -> bool:
    parts = value.get("parts") if isinstance(value, dict) else None
    return bool(parts)
