"""The cards' wires: looks at the disk, acts, and news for as long as anybody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.ui.components.model_cards import ModelCards
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.tabs.models.acts import ACTS, Act, name_of
from videosketcher_app.ui.tabs.models.desk import ModelDesk
from videosketcher_app.ui.tabs.models.news import IN_ORDER, LOOKING, News, news_of

POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class ShelfParts:
    """The cards and what keeps them up to date.

    Attributes:
        timer: asks for news while the tab is in sight.
        sent: State of what the cards show already.
        disk: State of what a look at the disk would find, as a text.
        look: State of the number of the last look.
    """

    cards: ModelCards
    timer: gr.Timer
    sent: gr.State
    disk: gr.State
    look: gr.State

    @property
    def news_outputs(self) -> list[Any]:
        """What follows the models."""
        return [self.cards, self.sent, self.disk]


def lay_out_shelf() -> ShelfParts:
    """The cards, empty until the tab is opened."""
    return ShelfParts(
        cards=ModelCards(elem_id="model-cards"),
        timer=gr.Timer(POLL_S, active=False),
        sent=gr.State(None),
        disk=gr.State(""),
        look=gr.State(0),
    )


def connect_shelf(context: PageContext, parts: ShelfParts, desk: ModelDesk) -> None:
    """Connects what this role may do."""
    _connect_sight(context, parts, desk)
    _connect_looks(context, parts, desk)
    for act, do in ACTS.items():
        connect(
            context.role,
            getattr(parts.cards, act),
            _acting(desk, do),
            inputs=parts.sent,
            outputs=parts.news_outputs,
            **IN_ORDER,
        )


def _connect_sight(context: PageContext, parts: ShelfParts, desk: ModelDesk) -> None:
    """News while the tab is in sight."""

    @handler(Capability.MANAGE_MODELS)
    def on_seen() -> list[Any]:
        desk.changed()  # who comes back may have been busy elsewhere with the same folders
        return [*news_of(desk, None, News()), gr.Timer(active=True)]  # what was lost is sent again

    @handler(Capability.MANAGE_MODELS)
    def on_news(sent: dict[str, Any] | None) -> list[Any]:
        return news_of(desk, sent, News())

    @handler(Capability.MANAGE_MODELS)
    def on_hidden() -> gr.Timer:
        return gr.Timer(active=False)

    outputs = [*parts.news_outputs, parts.timer]
    connect(context.role, parts.cards.seen, on_seen, outputs=outputs, **IN_ORDER)
    connect(context.role, parts.cards.hidden, on_hidden, outputs=parts.timer, **IN_ORDER)
    for moment in (parts.timer.tick, parts.look.change):
        connect(
            context.role,
            moment,
            on_news,
            inputs=parts.sent,
            outputs=parts.news_outputs,
            **IN_ORDER,
        )


def _connect_looks(context: PageContext, parts: ShelfParts, desk: ModelDesk) -> None:
    """The disk first, which is quick on most machines, then what fits.

    Gradio answers the listeners of one event one after another. So `seen` has no slow one: it
    changes the state of the disk, and that is looked at.
    """

    @handler(Capability.MANAGE_MODELS)
    def on_look() -> Iterator[int]:
        yield desk.look()
        yield desk.look_at_fits()

    for moment in (parts.cards.look, parts.disk.change):
        connect(
            context.role,
            moment,
            on_look,
            outputs=parts.look,
            trigger_mode="always_last",
            **LOOKING,
        )


def _acting(desk: ModelDesk, act: Act) -> Callable[..., list[Any]]:
    @handler(Capability.MANAGE_MODELS)
    def on_act(sent: dict[str, Any] | None, event: gr.EventData) -> list[Any]:
        try:
            news = News(words=act(desk, name_of(event._data)))
        except AppError as error:
            news = News.of(error)
        return news_of(desk, sent, news)

    return on_act
