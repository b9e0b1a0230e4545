"""build_app: the page of one role, from header to status bar; tabs are built by their modules."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.core.requests import DEFAULT_MODEL
from videosketcher_app.services.container import Services
from videosketcher_app.services.logs import start_logging, stop_logging
from videosketcher_app.services.presets import Notice
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.components import header, hints, status_bar
from videosketcher_app.ui.components.drop_zone import DropZone
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs import coming, gallery, models, text, wall
from videosketcher_app.ui.texts import t
from videosketcher_app.ui.theme import theme

CACHE_SWEEP_S = (3600, 86400)  # how often, and how old


def build_app(services: Services, role: Role, *, model: str = DEFAULT_MODEL) -> gr.Blocks:
    """The page for one role; what the role may not do has no handler in it."""
    context = PageContext(services=services, role=role, model=model)
    with gr.Blocks(
        title=t("shell.title"), analytics_enabled=False, delete_cache=CACHE_SWEEP_S
    ) as blocks:
        header.build(role)
        if role is Role.OWNER and services.notices:
            gr.HTML(notices_html(services.notices), elem_id="notices", apply_default_css=False)
        zone = DropZone(elem_id="drop-zone")  # of the whole window, so outside the tabs
        with gr.Tabs(elem_classes="vs-tabs"):
            for name, lay_out in _tabs(context, zone):
                with gr.Tab(name, id=name) as tab:
                    lay_out(tab)
        status_bar.build(context, blocks)
    return blocks


def _tabs(context: PageContext, zone: DropZone) -> list[tuple[str, Callable[[gr.Tab], Any]]]:
    """Name and builder of every tab of this role, in order; the Text tab is built first."""
    role = context.role
    page: list[text.TextPage] = []
    tabs: list[tuple[Capability, str, Callable[[gr.Tab], Any]]] = [
        (Capability.GENERATE, t("shell.tab_text"), lambda _: page.append(_text(context, zone))),
        (Capability.GENERATE, t("shell.tab_brush"), lambda _: coming.brush()),
        (Capability.CO_DRAW, t("shell.tab_codraw"), lambda _: coming.codraw()),
        *(
            [(Capability.SEE_WALL, t("wall.tab"), lambda _: wall.build(context.services, role))]
            if context.services.guests.is_class
            else []
        ),
        (Capability.TRAIN, t("shell.tab_train"), lambda _: coming.train()),
        (Capability.MANAGE_MODELS, t("shell.tab_models"), lambda tab: models.build(context, tab)),
        (Capability.READ_ALL_OUTPUTS, t("shell.tab_gallery"), lambda _: _gallery(context, page[0])),
    ]
    return [(name, lay_out) for capability, name, lay_out in tabs if allows(role, capability)]


def notices_html(notices: Sequence[Notice]) -> str:
    """What was left out at the start, each with its file and line."""
    items = "".join(f"<li>{escape(str(notice))}</li>" for notice in notices)
    return f'<div class="vs-notices" role="note"><p>{t("shell.notices")}</p><ul>{items}</ul></div>'


def _text(context: PageContext, zone: DropZone) -> text.TextPage:
    hints.build()
    return text.build(context, zone)


def _gallery(context: PageContext, page: text.TextPage) -> None:
    """The Gallery, whose drawings can give their settings back to the Text tab."""
    gallery.build(context, reuse=text.reuse_with(context), reuse_outputs=text.reuse_outputs(page))


def launch(
    services: Services,
    *,
    model: str | None = None,
    share: bool = False,
    login: tuple[str, str] | None = None,
    open_browser: bool = True,
) -> None:
    """Serves the page until somebody stops it.

    Whoever comes through a public link or another machine gets the guest's page.
    """
    settings = services.settings
    name = model or DEFAULT_MODEL
    role = role_of_door(settings.host, share=share)
    blocks = build_app(services, role, model=name)
    blocks.queue(max_size=settings.queue_size)
    output_dir = (
        settings.output_dir if role is Role.OWNER else Workspace(settings.workspace).sessions
    )
    blocks.launch(
        server_name=settings.host,
        server_port=settings.port,
        share=share,
        auth=login,
        inbrowser=open_browser,
        prevent_thread_lock=True,
        allowed_paths=[str(output_dir.absolute())],
        ssr_mode=False,
        footer_links=[],
        theme=theme(),
    )
    log = start_logging(settings)
    try:
        services.generation.preload(name)
        blocks.block_thread()
    finally:
        stop_logging(log)


def role_of_door(host: str, *, share: bool) -> Role:
    """Owner only where nobody but this machine can come in."""
    if share:
        return Role.GUEST
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    return Role.OWNER if is_local else Role.GUEST
