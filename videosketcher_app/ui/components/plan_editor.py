"""PlanEditor: a drawing plan as a list, as boxes on a sheet and as one line, all in step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import DASH, JOINT, MAX_PARTS, PREFIX, DrawingPlan, PlanPart
from videosketcher_app.core.sheet import sheet_table
from videosketcher_app.core.wording import word_table
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.components.outlines import outline_paths
from videosketcher_app.ui.texts import t

SCRIPTS = ("pointer", "wording", "plan_store", "plan_list", "plan_sheet", "plan_editor")

# No ${...} that could change: an update of what the template names would rebuild the page's part.
_TEMPLATE = """
<div class="plan-editor" role="group" aria-label="{editor_label}">
  <header class="pe-bar">
    <strong class="pe-concept"></strong><span class="pe-planner"></span>
    <button type="button" data-do="undo" aria-label="{undo}" title="{undo}">↶</button>
    <button type="button" data-do="redo" aria-label="{redo}" title="{redo}">↷</button>
  </header>
  <p class="pe-note"></p>
  <p class="pe-empty">{blank}</p>
  <div class="pe-views">
    <section class="pe-left">
      <ol class="pe-list" aria-label="{list_label}"></ol>
      <button type="button" class="pe-add" data-do="add">+ {add}</button>
    </section>
    <section class="pe-right">
      <div class="pe-sheet" role="group" aria-label="{sheet_label}"><div class="pe-cell" hidden></div></div>
      <div class="pe-shapes" role="toolbar" aria-label="{shapes_label}"></div>
      <p class="pe-hint"></p>
    </section>
  </div>
  <details class="pe-line">
    <summary>{line}</summary>
    <textarea rows="3" spellcheck="false" aria-label="{line_label}"></textarea>
    <p class="pe-line-fault" role="alert" hidden>{line_fault}</p>
  </details>
  <div class="pe-status" role="status" aria-live="polite"></div>
</div>
"""


def plan_script() -> str:
    """The editor's script with the tables of words, outlines and texts that it reads."""
    return script(
        *SCRIPTS,
        TEXT=section("plan"),
        WORDS=word_table() | sheet_table(),
        OUTLINES=outline_paths(),
        FORM={"prefix": PREFIX, "joint": JOINT, "dash": DASH, "maxParts": MAX_PARTS},
    )


class PlanEditor(gr.HTML):
    """An editable plan.

    Its value is {"concept", "parts": [{"name", "description"}], "note", "planner"}; None is an
    empty editor. The event `change` comes 150 ms after the last edit, with the new value.
    """

    def __init__(self, value: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(
            value=value,
            html_template=_TEMPLATE.format(**html_texts("plan")),
            css_template=style("plan_editor"),
            js_on_load=plan_script(),
            apply_default_css=False,
            **options,
        )

    @staticmethod
    def value_of(plan: DrawingPlan, *, note: str = "", planner: str = "") -> dict[str, Any]:
        """The value that shows a plan.

        Args:
            note: one honest sentence about what is not as asked.
            planner: who made it, as it shall be shown.
        """
        parts = [{"name": part.name, "description": part.description} for part in plan.parts]
        return {"concept": plan.concept, "parts": parts, "note": note, "planner": planner}

    @staticmethod
    def read(value: Any) -> DrawingPlan:
        """The plan that the editor holds; parts without a name or words are left out.

        Raises:
            InvalidRequest: it holds no plan, or one that breaks a rule of `DrawingPlan`.
        """
        match value:
            case {"concept": str(concept), "parts": [*items]}:
                parts = [_part_texts(item) for item in items]
            case _:
                raise _unreadable()
        return DrawingPlan(
            concept=concept,
            parts=tuple(
                PlanPart(name=n, description=d) for n, d in parts if n.strip() or d.strip()
            ),
        )


def _part_texts(item: Any) -> tuple[str, str]:
    match item:
        case {"name": str(name), "description": str(description)}:
            return name, description
        case {"name": str(name), **others} if "description" not in others:
            return name, ""
    raise _unreadable()


def _unreadable() -> InvalidRequest:
    return InvalidRequest(t("plan.bad_value"), hint=t("plan.bad_value_hint"))
