"""The memory picture's wires: the budget, the calibration, and the self-test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.ui.components.model_memory import ModelMemory
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.tabs.models.desk import ModelDesk
from videosketcher_app.ui.tabs.models.errands import Errand, Told
from videosketcher_app.ui.tabs.models.memory_view import picture_html, places_of, results_html
from videosketcher_app.ui.tabs.models.news import News
from videosketcher_app.ui.texts import t

if TYPE_CHECKING:
    from videosketcher_app.services.model_manager.calibration import Calibration
    from videosketcher_app.services.model_manager.self_test import Testing

# Measuring the device may take a moment, and no press on a card waits for it.
IN_ORDER: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": 1,
    "concurrency_id": "models-memory",
}
GIB = 1024**3
MEASURE = "measure"  # the errand: one measurement at a time, because each wants the device
# (desk, what the page sent) -> what the person reads.
Act = Callable[[ModelDesk, Any], str]
_ACTS = ("calibrate", "self_test")


@dataclass(frozen=True, kw_only=True)
class MemoryParts:
    """The picture.

    Attributes:
        sent: State of what it shows already.
    """

    picture: ModelMemory
    sent: gr.State

    @property
    def outputs(self) -> list[Any]:
        """What follows the memory."""
        return [self.picture, self.sent]


def lay_out_memory() -> MemoryParts:
    """The picture, empty until the tab is opened."""
    return MemoryParts(picture=ModelMemory(elem_id="model-memory"), sent=gr.State(None))


def connect_memory(
    context: PageContext,
    parts: MemoryParts,
    desk: ModelDesk,
    *,
    seen: Callable[..., Any],
    tick: Callable[..., Any],
) -> None:
    """Connects what this role may do.

    Args:
        seen, tick: events of the tab: it comes into view; it is in view and some time is over.
    """

    @handler(Capability.MANAGE_MODELS)
    def on_seen() -> list[Any]:
        return memory_of(desk, None, News())

    @handler(Capability.MANAGE_MODELS)
    def on_tick(sent: dict[str, Any] | None) -> list[Any]:
        return memory_of(desk, sent, News())

    wiring = {"outputs": parts.outputs, **IN_ORDER}
    connect(context.role, seen, on_seen, **wiring)
    connect(context.role, tick, on_tick, inputs=parts.sent, **wiring)
    acts: dict[str, Act] = {
        "budget": _budget,
        "calibrate": _calibrate,
        "self_test": _self_test,
    }
    for name, act in acts.items():
        connect(
            context.role,
            getattr(parts.picture, name),
            _acting(desk, act),
            inputs=parts.sent,
            **wiring,
        )


def _acting(desk: ModelDesk, act: Act) -> Callable[..., list[Any]]:
    @handler(Capability.MANAGE_MODELS)
    def on_act(sent: dict[str, Any] | None, event: gr.EventData) -> list[Any]:
        try:
            news = News(words=act(desk, event._data))
        except AppError as error:
            news = News.of(error)
        return memory_of(desk, sent, news)

    return on_act


def _budget(desk: ModelDesk, data: Any) -> str:
    value = data.get("gb") if isinstance(data, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest(t("train.not_understood"), hint=t("train.not_understood_hint"))
    desk.manager.set_budget(float(value))
    desk.changed()  # what fits is another question now
    return t("models_memory.budget_set", gb=f"{value:.1f}")


def _calibrate(desk: ModelDesk, _data: Any) -> str:
    def work(told: Told, _cancel: CancelToken) -> str:
        def on_progress(share: float) -> None:
            told(t("models_memory.calibrating"), round(100 * share), 100)

        desk.manager.calibrate(on_progress)
        desk.changed()  # times are another question now
        return t("models_memory.calibrated")

    desk.errands.start(MEASURE, t("models_memory.calibrating"), work)
    desk.tested = None  # its lines are not about this
    return ""


def _self_test(desk: ModelDesk, _data: Any) -> str:
    def work(told: Told, _cancel: CancelToken) -> str:
        def on_progress(testing: Testing) -> None:
            words = t("models_memory.testing", name=testing.name)
            told(words, testing.index, testing.total)

        desk.tested = desk.manager.self_test(on_progress)
        return t("models_memory.tested_good" if desk.tested.good else "models_memory.tested_bad")

    desk.errands.start(MEASURE, t("models_memory.test_begun"), work)
    return ""


def memory_of(desk: ModelDesk, sent: dict[str, Any] | None, news: News) -> list[Any]:
    """New values of `MemoryParts.outputs`; the picture only if it changed.

    Args:
        sent: what it shows already; None if it shows nothing yet.
    """
    try:
        value = memory_value(desk)
    except AppError as error:
        value, news = _NOTHING, News.of(error)
    has_news = news.words != "" or value != sent
    return [{**value, "words": news.words, "ok": news.ok} if has_news else gr.skip(), value]


def memory_value(desk: ModelDesk) -> dict[str, Any]:
    """The value of ModelMemory without words about a press.

    Raises:
        AppError: the device cannot be measured.
    """
    picture = desk.manager.memory()
    least, most, step = desk.manager.budget_range()
    errand = desk.errands.view().get(MEASURE)
    places = places_of(picture, desk.looked.own_bytes, desk.services.settings.workspace)
    return {
        "places": picture_html(places, picture.said),
        "budget": {
            "min": least,
            "max": most,
            "step": step,
            "gb": round(picture.budget_bytes / GIB, 1),
        },
        "measured": measured_words(desk.looked.calibration),
        "moving": moving_value(errand),
        "can": list(_ACTS),
        "results": results_html(errand, desk.tested),
    }


_NOTHING: dict[str, Any] = {
    "places": "",
    "budget": None,
    "measured": "",
    "moving": None,
    "can": [],
    "results": "",
}


def moving_value(errand: Errand | None) -> dict[str, Any] | None:
    """How far a measurement is; None while there is none."""
    if errand is None or not errand.is_running:
        return None
    return {"words": errand.words, "done": errand.done, "total": errand.total}


def measured_words(calibration: Calibration | None) -> str:
    """What the last calibration has found, or what it would be good for."""
    return t("models_memory.not_measured") if calibration is None else calibration.sentence
