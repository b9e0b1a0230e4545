"""Asking for a run: its stage, what that takes on this machine, and the start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.text.values import draws_with_brush
from videosketcher_app.ui.tabs.train.layout import NO_LORA, TrainParts
from videosketcher_app.ui.tabs.train.news import IN_ORDER, QUIET, news_of
from videosketcher_app.ui.tabs.train.run_view import Look, News
from videosketcher_app.ui.tabs.train.stages import (
    DEFAULT_STAGE,
    PRESETS,
    Wish,
    cards_value,
    checked_request,
    cost_words,
)
from videosketcher_app.ui.texts import t


def connect_asking(context: PageContext, parts: TrainParts) -> None:
    """Connects what this role may do."""
    _connect_cards(context, parts)
    _connect_measure(context, parts)
    _connect_start(context, parts)


def _connect_cards(context: PageContext, parts: TrainParts) -> None:
    services = context.services

    @handler(Capability.TRAIN)
    def on_pick(event: gr.EventData) -> Any:
        stage = event._data.get("stage") if isinstance(event._data, dict) else None
        return stage if stage in PRESETS else DEFAULT_STAGE

    @handler(Capability.TRAIN)
    def on_cost(*values: Any) -> list[Any]:
        names = [entry.name for entry in services.loras.entries() if not entry.flaw]
        choices = [(t("train.from_base"), NO_LORA), *((name, name) for name in names)]
        return [cards_value(services, Wish.of(values)), gr.update(choices=choices)]

    @handler(Capability.TRAIN)
    def on_model(model: str) -> Any:
        return gr.update(visible=draws_with_brush(model))

    connect(
        context.role, parts.model.change, on_model, inputs=parts.model, outputs=parts.brush, **QUIET
    )
    connect(context.role, parts.cards.pick, on_pick, outputs=parts.stage, **QUIET)
    moments = (
        parts.cards.seen,
        parts.book.change,
        parts.model.change,
        parts.brush.change,
        parts.steps.change,
        parts.start_from.change,
        parts.num_ended.change,  # each run that has ended knows more
    )
    for moment in moments:
        connect(
            context.role,
            moment,
            on_cost,
            inputs=parts.wish_inputs,
            outputs=[parts.cards, parts.start_from],
            trigger_mode="always_last",
            concurrency_limit=1,
            concurrency_id="train-cost",
            **QUIET,
        )


def _connect_measure(context: PageContext, parts: TrainParts) -> None:
    services = context.services

    @handler(Capability.TRAIN)
    def on_measure(*values: Any) -> Iterator[list[Any]]:
        wish = Wish.of(values)
        yield [status_line(t("train.measuring")), gr.skip(), gr.update(interactive=False)]
        try:
            cost = services.training.measure(checked_request(services, wish))
        except AppError as error:
            yield [error_line(error), gr.skip(), gr.update(interactive=True)]
            return
        words = status_line(f"{cost_words(cost)}. {cost.note}")
        yield [words, cards_value(services, wish), gr.update(interactive=True)]

    connect(
        context.role,
        parts.measure.click,
        on_measure,
        inputs=parts.wish_inputs,
        outputs=[parts.status, parts.cards, parts.measure],
        show_progress="hidden",
        concurrency_limit=1,
        concurrency_id="train-measure",
    )


def _connect_start(context: PageContext, parts: TrainParts) -> None:
    services = context.services

    @handler(Capability.TRAIN)
    def on_start(look: Look, detached: bool, *values: Any) -> list[Any]:
        try:
            request = checked_request(services, Wish.of(values))
            run = services.training.start(request, detached=detached is True)
        except AppError as error:
            return [error_line(error), *news_of(services, look, News())]
        how = "started_detached" if run.detached else "started"
        words = status_line(t(f"train.{how}", name=run.name))
        return [words, *news_of(services, Look(run=run.id), News())]

    connect(
        context.role,
        parts.start.click,
        on_start,
        inputs=[parts.look, parts.detached, *parts.wish_inputs],
        outputs=[parts.status, *parts.news_outputs],
        **IN_ORDER,
    )
