"""A door's page as an ASGI app: Gradio's routes for one role, without a server of Gradio's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fastapi
import gradio as gr

from videosketcher_app.core.access import Role
from videosketcher_app.services.container import Services
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.codraw.door import codraw_routes
from videosketcher_app.ui.components import banner
from videosketcher_app.ui.guard import STATUS_PATH
from videosketcher_app.ui.page_memory import MOST_PAGES, PageMemory
from videosketcher_app.ui.theme import theme

TEMPORARY = "GRADIO_TEMP_DIR"
# A handler that waits for its turn holds a thread; a class waits together.
_NUM_THREADS = 120
# Gradio's own figures about finished events, of which a new summary is made for each.
_FIGURES, _NUM_FIGURES = "GRADIO_ANALYTICS_MAX_EVENTS", "100"


def mounted(services: Services, role: Role, *, model: str) -> tuple[fastapi.FastAPI, PageMemory]:
    """The page of one role, and what it keeps. Call it within `temporary_files`."""

    async def build() -> tuple[fastapi.FastAPI, PageMemory]:
        blocks = build_app(services, role, model=model)
        blocks.queue(max_size=services.settings.queue_size * 4)
        blocks.max_threads = _NUM_THREADS
        blocks.state_session_capacity = MOST_PAGES
        routes, lifespan = codraw_routes(services, role, model=model)
        outer = gr.mount_gradio_app(
            fastapi.FastAPI(
                routes=routes, lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None
            ),
            blocks,
            path="/",
            show_error=False,
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            footer_links=[],
            allowed_paths=[str(readable(services, role))],
            theme=theme(),
            head=banner.head(role, STATUS_PATH, is_class=services.guests.is_class),
        )
        # Only `launch` sets it, and without it Gradio copies any file that a handler names.
        blocks.has_launched = True
        return outer, PageMemory(blocks)

    os.environ.setdefault(_FIGURES, _NUM_FIGURES)
    with temporary_files(_temporary_folder(services, role)):
        return asyncio.run(build())  # without a running loop Gradio leaves loops open


def readable(services: Services, role: Role) -> Path:
    """The one folder of drawings that a door hands out; the guests' guard narrows it further."""
    settings = services.settings
    folder = settings.output_dir if role is Role.OWNER else Workspace(settings.workspace).sessions
    return folder.absolute()


def common_temporary_folder(services: Services) -> Path:
    """Where Gradio keeps previews and uploads; the guests' folder lies in it."""
    return Workspace(services.settings.workspace).cache / "gradio"


def _temporary_folder(services: Services, role: Role) -> Path:
    return services.guests.uploads if role is Role.GUEST else common_temporary_folder(services)


@contextmanager
def temporary_files(folder: Path) -> Iterator[None]:
    """Makes Gradio use a folder; it reads the environment while components are made and later.

    Guests' files go to a folder of their own, which the guest book empties.
    """
    before = os.environ.get(TEMPORARY)
    os.environ[TEMPORARY] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ[TEMPORARY]
        else:
            os.environ[TEMPORARY] = before
