"""Event -> what the page shows, error -> what it says. Pure: no Gradio, no state, no files read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.events import Done, Event, Preview, Progress, Waiting
from videosketcher_app.services.outputs import Drawing
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.texts import t


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """What changes on the page while a sketch is made.

    Attributes:
        status: HTML of the line above the sheet.
        preview: picture to show while there is no video.
        preview_step: denoising steps behind it.
        folder: of the finished drawing.
        busy: True while the sketch is being made.
    """

    status: str = ""
    preview: NDArray[np.uint8] | None = None
    preview_step: int = 0
    folder: Path | None = None
    busy: bool = False


def started() -> View:
    """The page right after "Draw"."""
    return View(status=status_line(t("text.starting")), busy=True)


def present(event: Event, view: View) -> View:
    """The page after one more event."""
    match event:
        case Waiting(position=position):
            return replace(view, status=waiting_line(position))
        case Progress():
            return replace(view, status=progress_line(event))
        case Preview(frame_HW3=frame_HW3, step=step):
            # Gradio would write an equal picture over the file that the browser is reading.
            same = view.preview is not None and np.array_equal(view.preview, frame_HW3)
            return view if same else replace(view, preview=frame_HW3, preview_step=step)
        case Done(drawing=drawing):
            words = status_line(done_words(drawing))
            return replace(view, status=words, preview=None, folder=drawing.folder, busy=False)
        case _:
            return view


def present_error(error: AppError, view: View) -> View:
    """The page after the sketch ended without a video; what was drawn so far stays."""
    if isinstance(error, Cancelled):
        return replace(view, status=status_line(stopped_words(view)), busy=False)
    return replace(view, status=error_line(error), busy=False)


def done_words(drawing: Drawing) -> str:
    """How long a drawing took, or where somebody stopped and kept it."""
    stopped = drawing.stopped
    if stopped is not None:
        return t("text.kept_early", step=stopped.step, total=stopped.num_steps)
    return t("text.done", seconds=f"{drawing.run['seconds']['total']:.1f}")


def stopped_words(view: View) -> str:
    """What stays of a sketch that somebody stopped without keeping it."""
    if view.preview is None:
        return t("text.stopped")
    return t("text.stopped_kept", step=view.preview_step)


def status_line(text: str) -> str:
    """One line of plain words."""
    return f'<p class="vs-status" role="status" aria-live="polite">{safe(text)}</p>'


def error_line(error: AppError) -> str:
    """What was wrong and what to do."""
    text = f"<strong>{safe(error.message)}</strong> {safe(error.hint)}"
    return f'<p class="vs-status vs-error" role="alert">{text}</p>'


def waiting_line(position: int, minutes: float | None = None) -> str:
    """How many are before this sketch and, if known, how long that takes."""
    is_next = position == 1
    words = t("text.waiting_one") if is_next else t("text.waiting_many", count=position)
    if minutes is not None:
        words += " " + t("text.waiting_minutes", minutes=max(1, round(minutes)))
    return status_line(words)


def progress_line(progress: Progress) -> str:
    """Stage, step and time left, with a bar if the stage has countable steps."""
    words = t(f"text.stage_{progress.stage}")
    if progress.num_steps and progress.stage == "drawing":
        words += t("text.progress_step", step=progress.step, total=progress.num_steps)
    if progress.seconds_left is not None and progress.seconds_left >= 1:
        words += t("text.progress_left", seconds=f"{progress.seconds_left:.0f}")
    if not progress.num_steps:
        return status_line(words)
    bar = f'<progress value="{progress.step}" max="{progress.num_steps}"></progress>'
    return status_line(words) + bar
