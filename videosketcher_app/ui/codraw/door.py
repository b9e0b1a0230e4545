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
from videosketcher_app.services.codraw.causal_models import (
    POCKET_MULTIPLE_PX,
    CausalChoice,
    canvas_multiple,
    causal_choices,
)
from videosketcher_app.services.container import Services
from videosketcher_app.services.model_facts import facts_of
from videosketcher_app.ui.codraw.routes import Lines
from videosketcher_app.ui.codraw.tables import Tables
from videosketcher_app.ui.doors import GUEST_SCOPE

TINY = "tiny"
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]


def codraw_routes(
    services: Services, role: Role, *, model: str
) -> tuple[list[BaseRoute], Lifespan]:
    """The routes of a door's line, and what ends its turns when the door closes.

    Args:
        model: that the page's Text tab starts with.
    """
    default = causal_model(model)

    def choices() -> list[CausalChoice]:
        return causal_choices(default, services.model_manager.will_it_fit)

    # Guests draw with what the owner's app begins with: a load of another one costs everybody.
    offered = choices if role is Role.OWNER else None
    tables = Tables(services.codraw, role, model=default, choices=offered)

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
        return canvas_multiple(facts_of(causal_model(text_model)))
    except AppError:  # it is not in the catalogue, and the page will say so
        return POCKET_MULTIPLE_PX


def visitor_name(request: Any) -> str:
    """Whose session a handler's request is: the guest's name, "" for the owner.

    Args:
        request: the gr.Request of the handler.
    """
    inner = getattr(request, "request", None)
    guest = getattr(inner, "scope", {}).get(GUEST_SCOPE)
    return guest.name if guest is not None else ""
