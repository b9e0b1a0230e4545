"""build_app and launch: the window is up first, then the model loads behind it."""

from __future__ import annotations

import ipaddress

import gradio as gr

from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.core.requests import DEFAULT_MODEL
from videosketcher_app.services.container import Services
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.tabs import text
from videosketcher_app.ui.theme import CSS, theme

TITLE = "VideoSketcher"
HEADING = "<h1>VideoSketcher</h1><p>Say what, and watch it being drawn.</p>"
GUEST_NOTE = "<p>You are a guest here: drawings are kept for a while, for you alone.</p>"
CACHE_SWEEP_S = (3600, 86400)  # how often, and how old


def build_app(services: Services, role: Role, *, model: str = DEFAULT_MODEL) -> gr.Blocks:
    """The page for one role; what the role may not do has no handler in it."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CACHE_SWEEP_S) as blocks:
        gr.HTML(HEADING + (GUEST_NOTE if role is Role.GUEST else ""), elem_classes="vs-title")
        if allows(role, Capability.GENERATE):
            with gr.Tab("Text"):
                text.build(services, role, model=model)
    return blocks


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
        css=CSS,
    )
    services.generation.preload(name)
    blocks.block_thread()


def role_of_door(host: str, *, share: bool) -> Role:
    """Owner only where nobody but this machine can come in."""
    if share:
        return Role.GUEST
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    return Role.OWNER if is_local else Role.GUEST
