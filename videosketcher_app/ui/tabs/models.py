"""The Models tab (owner): what is on this disk, what it takes, and whether it is intact."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import gradio as gr
import psutil

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.events import Progress
from videosketcher_app.services.container import Services
from videosketcher_app.services.job import JobCancelled, JobDone, JobFailed, Priority
from videosketcher_app.services.model_facts import ModelFacts, all_facts, check_files
from videosketcher_app.services.model_shelf import ShelfState
from videosketcher_app.ui.components.status_bar import gb
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import status_line
from videosketcher_app.ui.texts import t

TEST_FAMILY = "tiny"


def build(context: PageContext, tab: gr.Tab) -> None:
    """Lays the tab out and connects it; whoever opens it sees it as it is now."""
    services, role = context.services, context.role
    models = offered(context.model)
    names = [facts.name for facts in models if facts.disk_bytes and facts.here]
    intro = f"<h2>{escape(t('models.title'))}</h2><p>{escape(t('models.intro'))}</p>"
    gr.HTML(f'<div class="vs-intro">{intro}</div>', apply_default_css=False)
    gauges = gr.HTML(gauges_html(services), elem_id="gauges", apply_default_css=False)
    shelf = gr.HTML(shelf_html(services, models), elem_id="shelf", apply_default_css=False)
    with gr.Row(elem_classes="vs-verify"):
        name = gr.Dropdown(
            names, value=names[0] if names else None, label=t("models.verify_label"), scale=2
        )
        verify = gr.Button(t("models.verify"), elem_id="verify", scale=1)
        refresh = gr.Button(t("models.refresh"), elem_id="refresh", scale=1)
    told = gr.HTML(elem_id="verified", apply_default_css=False)

    @handler(Capability.MANAGE_MODELS)
    def on_refresh() -> tuple[str, str]:
        return gauges_html(services), shelf_html(services, offered(context.model))

    @handler(Capability.MANAGE_MODELS)
    def on_verify(name: str, session: gr.Request) -> Iterator[str]:
        yield from verified(services, name, session_of(session))

    for moment in (tab.select, refresh.click):
        connect(role, moment, on_refresh, outputs=[gauges, shelf], show_progress="hidden")
    connect(
        role,
        verify.click,
        on_verify,
        inputs=name,
        outputs=told,
        show_progress="hidden",
        concurrency_limit=None,  # the job queue decides who waits
    )


def verified(services: Services, name: str, session: str) -> Iterator[str]:
    """Checks a model's files on the compute worker; one line of HTML an event."""
    try:
        job = services.queue.submit(
            lambda _cancel: check_files(name),
            name=f"Checking {name}",
            priority=Priority.PREVIEW,
            session=session,
        )
    except AppError as error:
        yield _trouble(error)
        return
    yield status_line(t("models.verify_waiting", name=name))
    try:
        for event in job.events():
            match event:
                case Progress(step=step, num_steps=total) if total:
                    words = t("models.verify_progress", name=name, done=step, total=total)
                    yield status_line(words) + f'<progress value="{step}" max="{total}"></progress>'
                case JobDone():
                    yield status_line(t("models.verify_good", name=name))
                case JobFailed(error=error):
                    yield _trouble(error)
                case JobCancelled():
                    yield status_line(t("models.verify_stopped", name=name))
    finally:
        job.cancel()


def offered(started_with: str) -> list[ModelFacts]:
    """What is shown to people; the test family only to who started the app with one of it."""
    family = next((facts.family for facts in all_facts() if facts.name == started_with), "")
    return [facts for facts in all_facts() if facts.family != TEST_FAMILY or family == TEST_FAMILY]


def shelf_html(services: Services, models: Sequence[ModelFacts]) -> str:
    """These models as cards."""
    cards = "".join(card_html(facts, services.shelf.state(facts.name)) for facts in models)
    return f'<div class="vs-shelf">{cards}</div>'


def card_html(facts: ModelFacts, shelf: ShelfState) -> str:
    """One model."""
    look, state = _state_words(facts, shelf)
    rows = {
        t("models.disk"): _disk_words(facts),
        t("models.memory"): _memory_words(facts, shelf),
        t("models.licence"): facts.licence,
        t("models.needs"): t(
            "models.needs_download" if facts.downloads else "models.needs_nothing"
        ),
    }
    listed = "".join(
        f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in rows.items() if value
    )
    away = "" if facts.here else " vs-away"
    return (
        f'<article class="vs-model-card{away}"><header><h3>{escape(facts.name)}</h3>'
        f'<span class="vs-state {look}">{escape(state)}</span></header>'
        f'<p>{escape(facts.summary)}</p><dl class="vs-facts">{listed}</dl></article>'
    )


def gauges_html(services: Services) -> str:
    """Memory of machine, app and device, and the free disk, each with a bar."""
    machine, process = psutil.virtual_memory(), psutil.Process().memory_info().rss
    used = machine.total - machine.available
    disk = shutil.disk_usage(_existing(services.settings.output_dir))
    gauges = [
        _gauge(
            t("models.gauge_machine"),
            used,
            machine.total,
            t("models.of", **_of(used, machine.total)),
        ),
        _gauge(t("models.gauge_app"), process, machine.total, gb(process)),
        _gauge(
            t("models.gauge_disk"),
            disk.used,
            disk.total,
            t("models.free", free=gb(disk.free), total=gb(disk.total)),
        ),
    ]
    if services.shelf.device not in ("cpu", "auto"):
        device = services.shelf.memory()
        taken = device.total_bytes - device.free_bytes
        words = t("models.of", **_of(taken, device.total_bytes))
        gauges.insert(2, _gauge(t("models.gauge_device"), taken, device.total_bytes, words))
    return f'<div class="vs-gauges">{"".join(gauges)}</div>'


def _of(used: int, total: int) -> dict[str, str]:
    return {"used": gb(used), "total": gb(total)}


def _gauge(name: str, value: int, total: int, words: str) -> str:
    return (
        f'<div class="vs-gauge"><span>{escape(name)}</span><strong>{escape(words)}</strong>'
        f'<progress value="{value}" max="{total}" aria-label="{escape(name)}"></progress></div>'
    )


def _state_words(facts: ModelFacts, shelf: ShelfState) -> tuple[str, str]:
    match shelf.state:
        case "ready":
            return "vs-ready", t("models.state_ready")
        case "loading":
            return "vs-loading", t("models.state_loading")
        case "failed":
            return "vs-failed", t("models.state_failed")
    return "vs-idle", t("models.state_idle") if facts.here else t("models.state_away")


def _disk_words(facts: ModelFacts) -> str:
    if facts.disk_bytes:
        return (
            f"{gb(facts.disk_bytes)}, {t('models.shipped')}"
            if not facts.downloads
            else gb(facts.disk_bytes)
        )
    return "" if facts.downloads else t("models.none")  # its head says that it is not here


def _memory_words(facts: ModelFacts, shelf: ShelfState) -> str:
    if shelf.num_bytes:
        return t("models.measured", size=gb(shelf.num_bytes))
    return t("models.estimated", size=gb(facts.memory_bytes)) if facts.memory_bytes else ""


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _trouble(error: AppError) -> str:
    text = f"<strong>{escape(error.message)}</strong> {escape(error.hint)}"
    return f'<p class="vs-status vs-error" role="alert">{text}</p>'
