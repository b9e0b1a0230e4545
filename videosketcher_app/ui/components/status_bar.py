"""The status bar: model, device, memory, one's own place in the queue, and the queue's list.

Polled with a timer that stops while the page is out of sight. Two lines of HTML: the model's state
is announced to screen readers when it changes; the figures beside it change silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
import psutil

from videosketcher_app.core.access import Capability, Role
from videosketcher_app.services.container import Services
from videosketcher_app.services.lease import DeviceMemory
from videosketcher_app.services.model_shelf import ShelfState
from videosketcher_app.ui.components import queue_words
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.texts import t

POLL_S = 2.0
_GB = 1024**3
_STATE_CLASS = {"not loaded": "vs-idle", "loading": "vs-loading", "ready": "vs-ready"}
# The page tells when it is seen again; a page out of sight asks nothing.
_WATCH_SIGHT = """
document.addEventListener('visibilitychange', () => {
  trigger('select', { value: !document.hidden, index: 0 });
});
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the bar shows beside the model's state.

    Attributes:
        device: its name; the device's own memory is None where it is the machine's.
        app_bytes: of this process; None on a guest's page.
        place: jobs before one's own; 0 while it is drawn, None without one.
    """

    device: str
    app_bytes: int | None = None
    machine: DeviceMemory | None = None
    device_memory: DeviceMemory | None = None
    place: int | None = None


def build(context: PageContext, page: gr.Blocks) -> None:
    """Lays the bar out and keeps it up to date from the moment that `page` is opened."""
    services, model = context.services, context.model
    with gr.Row(elem_classes="vs-bar", elem_id="status-bar"):
        first = state_html(model, services.shelf.state(model))
        state = gr.HTML(first, elem_id="model-status", apply_default_css=False)
        figures = gr.HTML(elem_id="figures", apply_default_css=False)
        queue = queue_words.build(context)
        sight = gr.HTML("", js_on_load=_WATCH_SIGHT, elem_id="sight")
    timer = gr.Timer(POLL_S)

    @handler(Capability.GENERATE)
    def on_tick(request: gr.Request, is_open: bool) -> tuple[str, str, Any]:
        session = session_of(request)
        found = read_figures(services, context.role, session)
        state = state_html(model, services.shelf.state(model))
        return state, figures_html(found), queue.value(session, is_open=is_open)

    @handler(Capability.GENERATE)
    def on_sight(event: gr.SelectData) -> gr.Timer:
        return gr.Timer(active=bool(event.value))

    quiet = {"show_progress": "hidden", "queue": False}
    outputs = [state, figures, queue.panel]
    for moment in (page.load, timer.tick):
        connect(context.role, moment, on_tick, inputs=queue.is_open, outputs=outputs, **quiet)
    connect(context.role, sight.select, on_sight, outputs=timer, **quiet)


def read_figures(services: Services, role: Role, session: str) -> Figures:
    """Looks once; takes about a millisecond."""
    device = services.shelf.device
    place = services.queue.place(session)
    if role is not Role.OWNER:
        return Figures(device=device, place=place)
    machine = psutil.virtual_memory()
    return Figures(
        device=device,
        app_bytes=psutil.Process().memory_info().rss,
        machine=DeviceMemory(total_bytes=machine.total, free_bytes=machine.available),
        device_memory=None if device in ("cpu", "auto") else services.shelf.memory(),
        place=place,
    )


def state_html(model: str, shelf: ShelfState) -> str:
    """The model's state in words, announced when the words change."""
    match shelf.state:
        case "ready":
            words = t("status.model_ready", model=model)
        case "loading":
            words = t("status.model_loading", model=model)
        case "failed":
            words = t("status.model_failed", model=model, why=shelf.error or "")
        case _:
            words = t("status.model_idle", model=model)
    look = _STATE_CLASS.get(shelf.state, "vs-failed")
    return (
        f'<p class="vs-state {look}" role="status" aria-live="polite"'
        f' aria-label="{escape(t("status.label"))}">{escape(words)}</p>'
    )


def figures_html(figures: Figures) -> str:
    """The figures as a line of short phrases."""
    phrases = [t("status.device", device=figures.device)] if figures.device != "auto" else []
    if figures.app_bytes is not None and figures.machine is not None:
        phrases.append(
            t("status.memory", app=gb(figures.app_bytes), total=gb(figures.machine.total_bytes))
        )
    if figures.device_memory is not None:
        memory = figures.device_memory
        used = gb(memory.total_bytes - memory.free_bytes)
        phrases.append(t("status.device_memory", used=used, total=gb(memory.total_bytes)))
    if figures.place is not None:
        phrases.append(_place_words(figures.place))
    spans = "".join(f"<span>{escape(phrase)}</span>" for phrase in phrases)
    return f'<div class="vs-figures">{spans}</div>'


def gb(num_bytes: int) -> str:
    """Bytes as people say them: MB below one GB, else GB with one digit."""
    if num_bytes < _GB:
        return f"{num_bytes / 1024**2:.0f} MB"
    return f"{num_bytes / _GB:.1f} GB"


def _place_words(place: int) -> str:
    if place == 0:
        return t("status.place_drawing")
    return t("status.place_next") if place == 1 else t("status.place_behind", count=place)
