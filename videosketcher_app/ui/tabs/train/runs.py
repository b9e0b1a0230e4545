"""The runs' wires: what becomes of each, and news for as long as anybody looks."""

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
from videosketcher_app.ui.tabs.text.values import draws_with_brush
from videosketcher_app.ui.tabs.train.book_view import not_understood
from videosketcher_app.ui.tabs.train.layout import TrainParts
from videosketcher_app.ui.tabs.train.news import IN_ORDER, news_of
from videosketcher_app.ui.tabs.train.run_view import RESULT, Look, News, pair_html
from videosketcher_app.ui.texts import t

MAX_ID = 200
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
        use: (name of a LoRA, model that it is for, values of `use_inputs`) -> updates of
            `use_outputs`, which choose both in the tab of that model.
    """
    _connect_looks(context, parts)
    _connect_acts(context, parts)
    _connect_compare(context, parts)
    _connect_use(context, parts, use, use_inputs, use_outputs)


def _connect_looks(context: PageContext, parts: TrainParts) -> None:
    """What only looks."""
    services = context.services

    @handler(Capability.TRAIN)
    def on_seen(look: Look) -> list[Any]:
        return news_of(services, Look(run=look.run), News())  # whatever the page has lost is sent

    @handler(Capability.TRAIN)
    def on_tick(look: Look) -> list[Any]:
        board, seen, timer, num_ended = news_of(services, look, News())
        # A tick that was under way when the page went out of sight must not wake the timer again.
        return [board, seen, gr.skip() if timer.active else timer, num_ended]

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
            run = services.training.view(run_of(event._data))
            entry = services.training.use(run.id, None if step == RESULT else step)
            chosen = use(entry.name, run.model, values)
        except AppError as error:
            return [*news_of(services, look, _told(error)), *[gr.skip()] * len(outputs)]
        where = "used_brush" if draws_with_brush(run.model) else "used"
        news = News(words=t(f"train.{where}", name=entry.name))
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
