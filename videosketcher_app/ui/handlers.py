"""Every handler names its capability; a page built for a role has no handler beyond it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from videosketcher_app.core.access import Capability, Role, allows

F = TypeVar("F", bound=Callable[..., Any])


def handler(capability: Capability) -> Callable[[F], F]:
    """Marks a function as the handler of one capability."""

    def mark(function: F) -> F:
        function.capability = capability  # type: ignore[attr-defined]
        return function

    return mark


def connect(role: Role, listen: Callable[..., Any], function: Callable[..., Any], **wiring: Any):
    """Connects a component's event to a handler, if the role may use it; else it does not exist.

    Args:
        listen: the component's event method (`button.click`).
        wiring: what Gradio's method takes.
    """
    capability: Capability = function.capability  # type: ignore[attr-defined]
    if allows(role, capability):
        return listen(function, api_visibility="private", **wiring)
    return None
