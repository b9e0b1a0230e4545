"""The runs' wires: what starts one, what becomes of it, and news for as long as anybody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.container import Services
from videosketcher_app.ui.components.sample_strip import plan_words
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.train.book_view import not_understood
from videosketcher_app.ui.tabs.train.layout import NO_LORA, TrainParts
from videosketcher_app.ui.tabs.train.run_view import (
    RESULT,
    Look,
    News,
    board_value,
    is_going,
    opened_run,
    pair_html,
)
from videosketcher_app.ui.tabs.train.stages import (
    DEFAULT_STAGE,
    PRESETS,
    Wish,
    cards_value,
    checked_request,
)
from videosketcher_app.ui.texts import t

MAX_ID = 200
QUIET: dict[str, Any] = {"show_progress": "hidden"}
# News and presses are answered one after another, so that no older answer comes last.
IN_ORDER: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "train-runs"}
# (services, id of a run) -> what the person reads.
Act = Callable[[Services, str], str]


def connect_runs(
    context: PageContext,
    parts: TrainParts,
    *,
    use: Callable[..., list[Any]],
    use_inputs: Sequence[Any],
    use_outputs: Sequence[Any],
) -> None:
    """Connects what this role may do.

    Args:
        use: (name of a LoRA, values of `use_inputs`) -> updates of `use_outputs`, which choose it
            in the Text tab.
    """
    _connect_cards(context, parts)
    _connect_start(context, parts)
    _connect_looks(context, parts)
    _connect_acts(context, parts)
    _connect_compare(context, parts)
    _connect_use(context, parts, use, use_inputs, use_outputs)


def news_of(services: Services, look: Look, news: News) -> list[Any]:
    """New values of `TrainParts.news_outputs`; the board only if it changed."""
    runs = services.training.runs()
    run = opened_run(runs, look)
    has_news = news != News() or runs != look.sent
    return [
        board_value(runs, run, news) if has_news else gr.skip(),
        Look(run=run.id if run else "", sent=runs),
        gr.Timer(active=any(is_going(each) for each in runs)),
        sum(not is_going(each) for each in runs),
    ]


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

    connect(context.role, parts.cards.pick, on_pick, outputs=parts.stage, **QUIET)
    moments = (
        parts.cards.seen,
        parts.book.change,
        parts.model.change,
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


def _connect_start(context: PageContext, parts: TrainParts) -> None:
    services = context.services

    @handler(Capability.TRAIN)
    def on_start(look: Look, *values: Any) -> list[Any]:
        try:
            run = services.training.start(checked_request(services, Wish.of(values)))
        except AppError as error:
            return [error_line(error), *news_of(services, look, News())]
        words = status_line(t("train.started", name=run.name))
        return [words, *news_of(services, Look(run=run.id), News())]

    connect(
        context.role,
        parts.start.click,
        on_start,
        inputs=[parts.look, *parts.wish_inputs],
        outputs=[parts.status, *parts.news_outputs],
        **IN_ORDER,
    )


def _connect_looks(context: PageContext, parts: TrainParts) -> None:
    """What only looks."""
    services = context.services

    @handler(Capability.TRAIN)
    def on_seen(look: Look) -> list[Any]:
        return news_of(services, Look(run=look.run), News())  # whatever the page has lost is sent

    @handler(Capability.TRAIN)
    def on_tick(look: Look) -> list[Any]:
        return news_of(services, look, News())

    @handler(Capability.TRAIN)
    def on_hidden() -> gr.Timer:
        return gr.Timer(active=False)

    @handler(Capability.TRAIN)
    def on_pick(look: Look, event: gr.EventData) -> list[Any]:
        try:
            return news_of(services, Look(run=run_of(event._data)), News())
        except AppError as error:
            return news_of(services, look, _told(error))

    wiring = {"inputs": parts.look, "outputs": parts.news_outputs, **IN_ORDER}
    connect(context.role, parts.board.seen, on_seen, **wiring)
    connect(context.role, parts.timer.tick, on_tick, **wiring)
    connect(context.role, parts.board.pick, on_pick, **wiring)
    connect(context.role, parts.board.hidden, on_hidden, outputs=parts.timer, **IN_ORDER)


def _connect_acts(context: PageContext, parts: TrainParts) -> None:
    """What changes a run."""
    acts: list[tuple[Any, Act]] = [
        (parts.board.pause, _pause),
        (parts.board.go_on, _go_on),
        (parts.board.stop, _stop),
        (parts.board.remove, _remove),
    ]
    for listen, act in acts:
        connect(
            context.role,
            listen,
            _acting(context.services, act),
            inputs=parts.look,
            outputs=parts.news_outputs,
            **IN_ORDER,
        )


def _acting(services: Services, act: Act) -> Callable[[Look, gr.EventData], list[Any]]:
    @handler(Capability.TRAIN)
    def on_act(look: Look, event: gr.EventData) -> list[Any]:
        try:
            news = News(words=act(services, run_of(event._data)))
        except AppError as error:
            news = _told(error)
        return news_of(services, look, news)

    return on_act


def _pause(services: Services, run: str) -> str:
    services.training.pause(run)
    return t("train.pausing")


def _go_on(services: Services, run: str) -> str:
    services.training.go_on(run)
    return t("train.going_on")


def _stop(services: Services, run: str) -> str:
    services.training.stop(run)
    return t("train.stopping")


def _remove(services: Services, run: str) -> str:
    name = services.training.view(run).name
    services.training.remove(run)
    return t("train.removed_run", name=name)


def _connect_compare(context: PageContext, parts: TrainParts) -> None:
    services = context.services

    @handler(Capability.TRAIN)
    def on_compare(look: Look, event: gr.EventData) -> list[Any]:
        try:
            data = event._data
            run = services.training.view(run_of(data))
            left, right, sample = (_whole(data, name) for name in ("left", "right", "sample"))
            found = services.training.compare(run.id, left, right, sample)
            sides = [
                (step, item.png, item.mp4) for step, item in zip((left, right), found, strict=True)
            ]
            news = News(pair=pair_html(sides, plan_words(found[0].prompt)))
        except AppError as error:
            news = _told(error)
        return news_of(services, look, news)

    connect(
        context.role,
        parts.board.compare,
        on_compare,
        inputs=parts.look,
        outputs=parts.news_outputs,
        **IN_ORDER,
    )


def _connect_use(
    context: PageContext,
    parts: TrainParts,
    use: Callable[..., list[Any]],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
) -> None:
    services = context.services

    @handler(Capability.TRAIN)
    def on_use(event: gr.EventData, look: Look, *values: Any) -> list[Any]:
        try:
            step = _whole(event._data, "step")
            entry = services.training.use(run_of(event._data), None if step == RESULT else step)
            chosen = use(entry.name, values)
        except AppError as error:
            return [*news_of(services, look, _told(error)), *[gr.skip()] * len(outputs)]
        news = News(words=t("train.used", name=entry.name))
        return [*news_of(services, look, news), *chosen]

    connect(
        context.role,
        parts.board.use,
        on_use,
        inputs=[parts.look, *inputs],
        outputs=[*parts.news_outputs, *outputs],
        **IN_ORDER,
    )


def run_of(data: Any) -> str:
    """The run that an event is about.

    Raises:
        InvalidRequest: it names none.
    """
    run = data.get("run") if isinstance(data, dict) else None
    if not isinstance(run, str) or not 0 < len(run) <= MAX_ID:
        raise not_understood()
    return run


def _whole(data: dict[str, Any], name: str) -> int:
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise not_understood()
    return value


def _told(error: AppError) -> News:
    return News(words=str(error), ok=False)
