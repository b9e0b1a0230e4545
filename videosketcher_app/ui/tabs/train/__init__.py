"""The Train tab (owner): a sketchbook that is drawn here, and the runs that learn its style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import TextPage
from videosketcher_app.ui.tabs.text.lora_slots import LoraSlots, put_in_slot
from videosketcher_app.ui.tabs.text.values import draws_with_brush
from videosketcher_app.ui.tabs.train.asking import connect_asking
from videosketcher_app.ui.tabs.train.book import connect_book
from videosketcher_app.ui.tabs.train.layout import TrainParts, lay_out
from videosketcher_app.ui.tabs.train.runs import connect_runs
from videosketcher_app.ui.texts import t


def build(context: PageContext, page: TextPage, brush_page: TextPage, bar: gr.Tabs) -> TrainParts:
    """Lays the tab out and connects what this role may do.

    Args:
        page, brush_page: the tabs in which a style is used, by the model that learned it.
        bar: the tabs, which then turn to it.
    """
    parts = lay_out(context)
    tabs = [_Use(page, t("shell.tab_text")), _Use(brush_page, t("shell.tab_brush"))]

    def use(name: str, model: str, values: Sequence[Any]) -> list[Any]:
        wanted = tabs[draws_with_brush(model)]
        middle = len(tabs[0].inputs)
        shares = dict(zip(tabs, (values[:middle], values[middle:]), strict=True))
        updates = [
            tab.chosen(context, name, model, share) if tab is wanted else tab.left_alone()
            for tab, share in shares.items()
        ]
        return [*updates[0], *updates[1], gr.Tabs(selected=wanted.name)]

    connect_book(context, parts.desk, parts.book)
    connect_asking(context, parts)
    connect_runs(
        context,
        parts,
        use=use,
        use_inputs=[*tabs[0].inputs, *tabs[1].inputs],
        use_outputs=[*tabs[0].outputs, *tabs[1].outputs, bar],
    )
    return parts


@dataclass(frozen=True, eq=False)
class _Use:
    """A tab with LoRA slots, in which a style is used."""

    page: TextPage
    name: str

    @property
    def _slots(self) -> LoraSlots:
        assert self.page.loras is not None, "both tabs have slots"
        return self.page.loras

    @property
    def inputs(self) -> list[Any]:
        return self._slots.inputs

    @property
    def outputs(self) -> list[Any]:
        return [*self._slots.put_outputs, self.page.model]

    def chosen(
        self, context: PageContext, name: str, model: str, values: Sequence[Any]
    ) -> list[Any]:
        """The LoRA in a slot, and the model that it is for where the tab offers it."""
        offered = [value for _, value in self.page.model.choices or ()]
        fitting = gr.update(value=model) if model in offered else gr.skip()
        return [*put_in_slot(context.services.loras, name, values), fitting]

    def left_alone(self) -> list[Any]:
        return [gr.skip()] * len(self.outputs)
