"""What joins the line to a door: its routes, the model it uses, and how visitors are named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.routing import BaseRoute

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.requests import DEFAULT_CAUSAL_MODEL
from videosketcher_app.services.container import Services
from videosketcher_app.services.model_facts import facts_of
from videosketcher_app.ui.codraw.routes import Lines
from videosketcher_app.ui.codraw.tables import Tables
from videosketcher_app.ui.doors import GUEST_SCOPE

TINY = "tiny"
# Cells of the VAE (8 px) times the patch of the transformer: 3 in the Pocket family, 2 in Wan's.
POCKET_MULTIPLE_PX, WAN_MULTIPLE_PX = 24, 16
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def codraw_routes(
    services: Services, role: Role, *, model: str
) -> tuple[list[BaseRoute], Lifespan]:
    """The routes of a door's line, and what ends its turns when the door closes.

    Args:
        model: that the page's Text tab starts with.
    """
    tables = Tables(services.codraw, role, model=causal_model(model))

    @asynccontextmanager
    async def lifespan(_page: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.to_thread(tables.close)

    return Lines(tables, role).routes(), lifespan


def causal_model(text_model: str) -> str:
    """The model that co-draws beside a text model: the catalogue's, but tiny beside tiny."""
    return TINY if text_model == TINY else DEFAULT_CAUSAL_MODEL


def multiple_of(text_model: str) -> int:
    """What the sides of a paper must be multiples of, in pixels."""
    try:
        is_wan = facts_of(causal_model(text_model)).family == "wan"
    except AppError:  # it is not in the catalogue, and the page will say so
        is_wan = False
    return WAN_MULTIPLE_PX if is_wan else POCKET_MULTIPLE_PX


def visitor_name(request: Any) -> str:
    """Whose session a handler's request is: the guest's name, "" for the owner.

    Args:
        request: the gr.Request of the handler.
    """
    inner = getattr(request, "request", None)
    guest = getattr(inner, "scope", {}).get(GUEST_SCOPE)
    return guest.name if guest is not None else ""
