"""What the page hears of the models, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import AppError
from videosketcher_app.ui.tabs.models.desk import ModelDesk
from videosketcher_app.ui.tabs.models.shelf_view import Live, groups_html, line_words, live_value
from videosketcher_app.ui.tabs.models.shown import ShownModel
from videosketcher_app.ui.texts import t

QUIET: dict[str, Any] = {"show_progress": "hidden"}
# News and presses are answered one after another, so that no older answer comes last.
IN_ORDER: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "models-news"}
# Looking at the disk takes its time, and no press waits for it.
LOOKING: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "models-look"}


@dataclass(frozen=True, kw_only=True)
class News:
    """What came of a press: words for the person."""

    words: str = ""
    ok: bool = True

    @classmethod
    def of(cls, error: AppError) -> News:
        """What was wrong and what to do."""
        return cls(words=str(error), ok=False)


def news_of(desk: ModelDesk, sent: dict[str, Any] | None, news: News) -> list[Any]:
    """New values of `ShelfParts.news_outputs`; the cards only if they changed.

    Args:
        sent: what the cards show already; None if they show nothing yet.
    """
    value = cards_value(desk)
    told = {**value, "words": news.words, "ok": news.ok}
    has_news = news.words != "" or value != sent
    return [told if has_news else gr.skip(), value, desk.state_of_disk()]


def cards_value(desk: ModelDesk) -> dict[str, Any]:
    """The value of ModelCards without words about a press."""
    looked = desk.looked
    models = looked.models or ()
    downloads = desk.downloads()
    return {
        "groups": groups_html(models, looked.fits),
        "live": {model.key: live_value(model, _live(desk, downloads, model)) for model in models},
        "notice": looked.flaw or (t("models.looking") if looked.models is None else ""),
        "line": line_words(downloads.values()),
        "looked": looked.number,
    }


def _live(desk: ModelDesk, downloads: dict[str, Any], model: ShownModel) -> Live:
    return Live(
        download=downloads.get(model.key),
        errand=desk.errand(model.key),
        shelf=desk.services.shelf.state(model.key),
    )
