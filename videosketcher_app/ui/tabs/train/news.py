"""What the page hears of the runs, and in which order."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.services.container import Services
from videosketcher_app.ui.tabs.train.run_view import (
    Look,
    News,
    board_value,
    is_going,
    opened_run,
)

QUIET: dict[str, Any] = {"show_progress": "hidden"}
# News and presses are answered one after another, so that no older answer comes last.
IN_ORDER: dict[str, Any] = {**QUIET, "concurrency_limit": 1, "concurrency_id": "train-runs"}


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
