"""What the list of waiting jobs says, and what its presses do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.queue_list import QueueList, QueueRow
from videosketcher_app.ui.components.queue_panel import QueuePanel
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.texts import t

_MAX_ID = 64
_MAX_SUBJECT = 80
_QUIET: dict[str, Any] = {"show_progress": "hidden", "queue": False}
Act = Callable[[str, Any], str]


@dataclass(frozen=True, kw_only=True)
class QueuePart:
    """The list on one page.

    Attributes:
        is_open: whether its rows are asked for; a closed list costs nothing but its label.
    """

    context: PageContext
    panel: QueuePanel
    is_open: gr.State

    def value(self, session: str, *, is_open: bool, words: str = "", ok: bool = True) -> Any:
        """The panel's value for a session: its label, and its rows if it is open.

        Args:
            words: what came of a press.
        """
        services, role = self.context.services, self.context.role
        label = queue_words(services.queue.waiting())
        if not is_open:
            return {"label": label}
        view = QueueList(services.queue).view(role, session)
        return {
            "label": label,
            "rows": [row_value(row) for row in view.rows],
            "hidden": hidden_words(view.num_hidden),
            "can_clear": view.can_clear,
            "words": words,
            "ok": ok,
        }


def build(context: PageContext) -> QueuePart:
    """Lays the list out and connects its presses; who builds it also keeps it up to date."""
    part = QueuePart(
        context=context, panel=QueuePanel(elem_id="queue"), is_open=gr.State(value=False)
    )
    _connect_looks(part)
    jobs, role = QueueList(context.services.queue), context.role

    def stop(session: str, data: Any) -> str:
        return t("queue.stopping" if jobs.stop(role, session, job_of(data)) else "queue.removed")

    def first(session: str, data: Any) -> str:
        jobs.put_first(role, session, job_of(data))
        return t("queue.moved")

    def clear(session: str, _data: Any) -> str:
        count = jobs.clear(role, session)
        return t("queue.cleared_one") if count == 1 else t("queue.cleared", count=count)

    for listen, act in (
        (part.panel.stop, stop),
        (part.panel.first, first),
        (part.panel.clear, clear),
    ):
        connect(role, listen, _acting(part, act), outputs=part.panel, **_QUIET)
    return part


def _connect_looks(part: QueuePart) -> None:
    @handler(Capability.GENERATE)
    def on_opened(request: gr.Request) -> tuple[bool, Any]:
        return True, part.value(session_of(request), is_open=True)

    @handler(Capability.GENERATE)
    def on_closed() -> bool:
        return False

    role, panel = part.context.role, part.panel
    connect(role, panel.opened, on_opened, outputs=[part.is_open, panel], **_QUIET)
    connect(role, panel.closed, on_closed, outputs=part.is_open, **_QUIET)


def _acting(part: QueuePart, act: Act) -> Callable[[gr.Request, gr.EventData], Any]:
    @handler(Capability.GENERATE)
    def on_act(request: gr.Request, event: gr.EventData) -> Any:
        session = session_of(request)
        try:
            return part.value(session, is_open=True, words=act(session, event._data))
        except AppError as error:
            return part.value(session, is_open=True, words=str(error), ok=False)

    return on_act


def job_of(data: Any) -> str:
    """The job that an event is about.

    Raises:
        InvalidRequest: it names none.
    """
    job = data.get("id") if isinstance(data, dict) else None
    if not isinstance(job, str) or not 0 < len(job) <= _MAX_ID:
        raise InvalidRequest(t("queue.not_understood"), hint=t("queue.not_understood_hint"))
    return job


def row_value(row: QueueRow) -> dict[str, Any]:
    """One row as the script shows it; the script writes words as text, never as HTML."""
    subject = row.subject if len(row.subject) <= _MAX_SUBJECT else f"{row.subject[:_MAX_SUBJECT]}…"
    return {
        "id": row.id,
        "what": t("queue.what", kind=row.kind, subject=subject) if subject else row.kind,
        "whose": t("queue.yours") if row.is_own else t("queue.guest"),
        "when": when_words(row),
        "is_running": row.is_running,
        "can_stop": row.can_stop,
        "can_move": row.can_move,
    }


def when_words(row: QueueRow) -> str:
    """When it is its turn, as far as that is known."""
    left = None if row.left_s is None else duration_words(row.left_s)
    if row.is_running:
        return t("queue.running") if left is None else t("queue.running_left", left=left)
    if row.place == 0 or (row.place == 1 and row.left_s is None):
        return t("queue.next")
    if row.place == 1:
        return t("queue.next_in", left=left)
    return (
        t("queue.behind", count=row.place)
        if left is None
        else t("queue.behind_in", count=row.place, left=left)
    )


def duration_words(seconds: float) -> str:
    """Seconds below a minute and a half, else minutes."""
    if seconds < 90:
        return t("queue.seconds", count=max(1, round(seconds)))
    return t("queue.minutes", count=round(seconds / 60))


def queue_words(count: int) -> str:
    """How many wait, of everybody."""
    if count == 0:
        return t("status.queue_empty")
    return t("status.queue_one") if count == 1 else t("status.queue_many", count=count)


def hidden_words(count: int) -> str:
    """How many jobs of others there are that are not listed."""
    if count == 0:
        return ""
    return t("queue.hidden_one") if count == 1 else t("queue.hidden_many", count=count)
