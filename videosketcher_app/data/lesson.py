"""The lesson: a finished sketch as steps that a person can draw along.

Step i shows what is already there and its own part; `data.lesson_pdf` prints the steps.
"""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.data.strokes import Sketch, Stroke


@dataclass(frozen=True, kw_only=True, eq=False)
class LessonStep:
    """One box of the lesson.

    Attributes:
        number: from 1, without gaps.
        text: the plan's own words for the part; empty if the plan does not name it.
        plain_text: the same in the model's words, for printers that lack the letters of `text`.
        earlier: strokes that are already there.
        new: strokes of this step; never empty.
    """

    number: int
    text: str
    plain_text: str
    earlier: tuple[Stroke, ...]
    new: tuple[Stroke, ...]


def lesson_steps(
    sketch: Sketch, plan: DrawingPlan | None = None, model_plan: DrawingPlan | None = None
) -> tuple[LessonStep, ...]:
    """One step for every part that has strokes, in drawing order.

    Args:
        plan: names the parts, by their index in the sketch; None leaves the texts empty.
        model_plan: the same parts in the model's words.
    """
    first: dict[int, float] = {}
    for stroke in sketch.strokes:
        first[stroke.part] = min(first.get(stroke.part, stroke.start), stroke.start)
    order = sorted(first, key=lambda part: (first[part], part))
    place = {part: index for index, part in enumerate(order)}
    return tuple(
        LessonStep(
            number=index + 1,
            text=_text(plan, part),
            plain_text=_text(model_plan, part),
            earlier=tuple(s for s in sketch.strokes if place[s.part] < index),
            new=tuple(s for s in sketch.strokes if s.part == part),
        )
        for index, part in enumerate(order)
    )


def _text(plan: DrawingPlan | None, part: int) -> str:
    parts: tuple[PlanPart, ...] = plan.parts if plan else ()
    return parts[part].text if part < len(parts) else ""
