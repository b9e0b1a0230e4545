"""BrushPage: the Text tab's components with a brush, and the request that its fields make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from videosketcher_app.core.requests import BrushSpec, SketchRequest
from videosketcher_app.services.brushes.desk import DEFAULT_BRUSH, Person
from videosketcher_app.ui.components.brush_card import BrushCard
from videosketcher_app.ui.components.brush_pad import BrushPad
from videosketcher_app.ui.components.brush_picture import BrushPicture
from videosketcher_app.ui.components.brush_shelf import BrushShelf
from videosketcher_app.ui.components.brush_strokes import BrushStrokes
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.tabs.text.page import TextPage, request_of

IDS = "brush-"


@dataclass(frozen=True, kw_only=True)
class BrushPage(TextPage):
    """The tab's components.

    Attributes:
        pad: the owner's sketch pad with its button, or a guest's sheet.
        by_hand: who paints, in words.
    """

    WITHOUT_PLACE: ClassVar = tuple(name for name in TextPage.WITHOUT_PLACE if name != "brush")

    shelf: BrushShelf
    pad: gr.Sketchpad | BrushPad
    use_pad: gr.Button | None
    picture: BrushPicture
    strokes: BrushStrokes
    card: BrushCard
    told: gr.HTML
    keep_as: gr.Textbox
    keep: gr.Button
    show_box: gr.Checkbox
    own_ink: gr.Checkbox
    by_hand: gr.HTML
    reink: gr.Button

    @property
    def settings_inputs(self) -> list[Component]:
        """Those of the Text tab, the brush, and how the drawing shows it."""
        return [*super().settings_inputs, self.card.choice, self.show_box, self.own_ink]

    def request_of(self, values: Sequence[Any]) -> SketchRequest:
        """The request that the values of `settings_inputs` ask for.

        Raises:
            InvalidRequest: a value is not possible.
        """
        *plain, choice, show_box, own_ink = values
        spec = BrushSpec(name=DEFAULT_BRUSH) if choice is None else choice.spec
        return with_brush(request_of(plain), spec, **looks_of(show_box, own_ink))


def looks_of(show_box: Any, own_ink: Any) -> dict[str, Any]:
    """The fields of a BrushSpec that the two checkboxes ask for."""
    return {"show_box": show_box is True, "finish": "model" if own_ink is True else None}


def with_brush(request: SketchRequest, spec: BrushSpec, **looks: Any) -> SketchRequest:
    """The same request, drawn with a brush.

    Args:
        looks: fields of the BrushSpec that stand over its own.
    """
    return request.replaced(brush={**spec.model_dump(mode="json"), **looks})


def person_of(context: PageContext, request: gr.Request) -> Person:
    """Whose brushes a handler is about."""
    return Person(role=context.role, session=session_of(request))
