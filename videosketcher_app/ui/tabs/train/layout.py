"""The components of the Train tab and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.data.brushes.library import load_brushes
from videosketcher_app.services.brushes.desk import DEFAULT_BRUSH
from videosketcher_app.ui.components.run_board import RunBoard
from videosketcher_app.ui.components.sketchbook_desk import SketchbookDesk
from videosketcher_app.ui.components.stage_cards import StageCards
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text.layout import note_html
from videosketcher_app.ui.tabs.text.values import draws_with_brush, model_choices
from videosketcher_app.ui.tabs.train.bring import build_bring
from videosketcher_app.ui.tabs.train.run_view import Look
from videosketcher_app.ui.tabs.train.stages import (
    DEFAULT_STAGE,
    MAX_NAME,
    MAX_TRIGGER,
    offered_stages,
)
from videosketcher_app.ui.texts import t

POLL_S = 1.5
MIN_COLUMN_PX = 460  # on upright screens one is below the other
NO_LORA = ""


@dataclass(frozen=True, kw_only=True)
class TrainParts:
    """The tab's components.

    Attributes:
        book: State of the name of the sketchbook that is open.
        stage: State of the stage that is chosen.
        look: State of Look.
        timer: asks for news while a run is alive and the board is in sight.
        num_ended: State of how many runs are not alive.
    """

    desk: SketchbookDesk
    book: gr.State
    cards: StageCards
    stage: gr.State
    name: gr.Textbox
    trigger: gr.Textbox
    model: gr.Dropdown
    brush: gr.Dropdown
    steps: gr.Textbox
    start_from: gr.Dropdown
    detached: gr.Checkbox
    measure: gr.Button
    start: gr.Button
    status: gr.HTML
    board: RunBoard
    look: gr.State
    timer: gr.Timer
    num_ended: gr.State

    @property
    def wish_inputs(self) -> list[Any]:
        """What a run is asked for with, in the order that `Wish.of` takes."""
        words = [self.name, self.trigger, self.model, self.brush, self.steps, self.start_from]
        return [self.stage, self.book, *words]

    @property
    def news_outputs(self) -> list[Any]:
        """What follows the runs."""
        return [self.board, self.look, self.timer, self.num_ended]


def lay_out(context: PageContext) -> TrainParts:
    """The sketchbook on the left, the runs on the right; below each other on upright screens.

    What brings files is whole in itself, so it is connected here as well.
    """
    with gr.Row(elem_id="train-desk", equal_height=False):
        with gr.Column(scale=6, min_width=MIN_COLUMN_PX, elem_id="train-book-side"):
            gr.HTML(_head("book_title", "book_intro"), apply_default_css=False)
            desk = SketchbookDesk(elem_id="train-book")
            book = gr.State("")
            build_bring(context, desk, book)
        with gr.Column(scale=5, min_width=MIN_COLUMN_PX, elem_id="train-run-side"):
            gr.HTML(_head("teach_title", "teach_intro"), apply_default_css=False)
            asked = _asked(context)
            board = RunBoard(elem_id="train-runs")
    return TrainParts(
        desk=desk,
        book=book,
        stage=gr.State(DEFAULT_STAGE),
        board=board,
        look=gr.State(Look()),
        timer=gr.Timer(POLL_S, active=False),
        num_ended=gr.State(0),
        **asked,
    )


def _head(title: str, intro: str) -> str:
    texts = {"title": t(f"train.{title}"), "intro": t(f"train.{intro}")}
    return '<div class="vs-intro"><h2>{title}</h2><p>{intro}</p></div>'.format(**texts)


def _asked(context: PageContext) -> dict[str, Any]:
    """Stage, names and settings of the next run."""
    cards = StageCards(
        [
            (stage, t(f"train.stage_{stage}"), t(f"train.about_{stage}"))
            for stage in offered_stages()
        ],
        elem_id="train-stages",
    )
    with gr.Row(elem_classes="tr-names"):
        name = gr.Textbox(
            label=t("train.run_name"),
            placeholder=t("train.run_name_hint"),
            max_length=MAX_NAME,
            min_width=140,
            elem_id="train-name",
        )
        trigger = gr.Textbox(
            label=t("train.trigger"),
            placeholder=t("train.trigger_hint"),
            max_length=MAX_TRIGGER,
            min_width=140,
            elem_id="train-trigger",
        )
    with gr.Accordion(t("train.settings"), open=False, elem_id="train-settings"):
        with gr.Row():
            model = gr.Dropdown(
                model_choices(context.model, with_brush=True),
                value=context.model,
                label=t("train.model"),
                min_width=140,
                elem_id="train-model",
            )
            brush = gr.Dropdown(
                [(name.replace("_", " "), name) for name in load_brushes()[0]],
                value=DEFAULT_BRUSH,
                label=t("train.brush"),
                info=t("train.brush_info"),
                visible=draws_with_brush(context.model),
                min_width=140,
                elem_id="train-brush",
            )
            steps = gr.Textbox(
                label=t("train.steps"),
                placeholder=t("train.steps_hint"),
                max_length=8,
                min_width=140,
                elem_id="train-steps",
            )
        start_from = gr.Dropdown(
            [(t("train.from_base"), NO_LORA)],
            value=NO_LORA,
            label=t("train.start_from"),
            info=t("train.start_from_info"),
            elem_id="train-from",
        )
    detached = gr.Checkbox(
        label=t("train.detached"), info=t("train.detached_info"), elem_id="train-detached"
    )
    with gr.Row(elem_classes="tr-starts"):
        measure = gr.Button(t("train.measure"), min_width=140, elem_id="train-measure")
        start = gr.Button(t("train.start"), variant="primary", min_width=140, elem_id="train-start")
    status = gr.HTML(note_html(t("train.goes_on")), elem_id="train-status", apply_default_css=False)
    return {
        "cards": cards,
        "name": name,
        "trigger": trigger,
        "model": model,
        "brush": brush,
        "steps": steps,
        "start_from": start_from,
        "detached": detached,
        "measure": measure,
        "start": start,
        "status": status,
    }
