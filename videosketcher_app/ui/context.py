"""What every tab is built from."""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.core.access import Role
from videosketcher_app.services.container import Services


@dataclass(frozen=True, kw_only=True)
class PageContext:
    """One page.

    Attributes:
        services: what handlers call.
        role: whom the page is for; it decides which handlers exist.
        model: the model that the Text tab starts with.
    """

    services: Services
    role: Role
    model: str
