"""Event -> what the page shows, error -> what it says. Pure: no Gradio, no state, no files read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.events import Done, Event, Planned, Preview, Progress, Waiting
from videosketcher_app.core.plan import DrawingPlan
from videosketcher_app.services.model_shelf import ShelfState

STAGE_WORDS = {
    "loading": "Getting the model ready",
    "planning": "Planning the drawing",
    "drawing": "Drawing",
    "decoding": "Inking the frames",
    "saving": "Saving the files",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Everything that changes on the page while a sketch is made.

    Attributes:
        status: HTML of the line under the button.
        plan: HTML of the numbered list.
        preview: picture to show while there is no video.
        video: the finished video.
        files: what can be downloaded.
        busy: True while the sketch is being made.
    """

    status: str = ""
    plan: str = ""
    preview: NDArray[np.uint8] | None = None
    video: Path | None = None
    files: tuple[Path, ...] = field(default=())
    busy: bool = False


def started() -> View:
    """The page right after "Draw"."""
    return View(status=status_line("Starting"), busy=True)


def present(event: Event, view: View) -> View:
    """The page after one more event."""
    match event:
        case Waiting(position=position):
            noun = "sketch" if position == 1 else "sketches"
            return replace(view, status=status_line(f"Waiting behind {position} {noun}"))
        case Planned(planned=planned):
            return replace(view, plan=plan_list(planned.plan, planned.note))
        case Progress():
            return replace(view, status=progress_line(event))
        case Preview(frame_HW3=frame_HW3):
            # Gradio would write an equal picture over the file that the browser is reading.
            same = view.preview is not None and np.array_equal(view.preview, frame_HW3)
            return view if same else replace(view, preview=frame_HW3)
        case Done(drawing=drawing):
            seconds = drawing.run["seconds"]["total"]
            files = drawing.files
            return replace(
                view,
                status=status_line(f"Done in {seconds:.1f} s"),
                video=files["mp4"],
                files=tuple(files.values()),
                busy=False,
            )
        case _:
            return view


def present_error(error: AppError, view: View) -> View:
    """The page after the sketch ended without a video; what was drawn so far stays."""
    if isinstance(error, Cancelled):
        return replace(view, status=status_line("Stopped"), busy=False)
    text = f"<strong>{escape(error.message)}</strong> {escape(error.hint)}"
    return replace(
        view, status=f'<p class="vs-status vs-error" role="alert">{text}</p>', busy=False
    )


def plan_list(plan: DrawingPlan, note: str = "") -> str:
    """The plan as a numbered list, everything as text."""
    items = "".join(
        f"<li><span>{escape(part.name)}</span> {escape(part.description)}</li>"
        for part in plan.parts
    )
    remark = f'<p class="vs-note">{escape(note)}</p>' if note else ""
    return f'<h3>{escape(plan.concept)}</h3><ol class="vs-plan">{items}</ol>{remark}'


def status_line(text: str) -> str:
    """One line of plain words."""
    return f'<p class="vs-status" role="status" aria-live="polite">{escape(text)}</p>'


def progress_line(progress: Progress) -> str:
    """Stage, step and time left, with a bar if the stage has countable steps."""
    words = STAGE_WORDS[progress.stage]
    if progress.num_steps and progress.stage == "drawing":
        words += f", step {progress.step} of {progress.num_steps}"
    if progress.seconds_left is not None and progress.seconds_left >= 1:
        words += f", about {progress.seconds_left:.0f} s left"
    if not progress.num_steps:
        return status_line(words)
    bar = f'<progress value="{progress.step}" max="{progress.num_steps}"></progress>'
    return status_line(words) + bar


def model_line(name: str, shelf: ShelfState) -> str:
    """Where the model is, in words."""
    words = {
        "not loaded": f"{name}: loads with the first sketch",
        "loading": f"{name}: getting ready…",
        "ready": f"{name}: ready",
        "failed": f"{name}: not available",
    }[shelf.state]
    hint = f" {shelf.error}" if shelf.error else ""
    return f'<p class="vs-model vs-{shelf.state.replace(" ", "-")}">{escape(words + hint)}</p>'
