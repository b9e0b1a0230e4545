"""Every handler names its capability; a page built for a role has no handler beyond it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

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

    An event that says what was pressed is never dropped, as Gradio does by default with a second
    one while the first is answered: each is answered, in their order if the wiring lets one run at
    a time. An event without words of its own may be dropped, because the first says the same.

    Args:
        listen: the component's event method (`button.click`).
        wiring: what Gradio's method takes.
    """
    capability: Capability = function.capability  # type: ignore[attr-defined]
    if not allows(role, capability):
        return None
    if hears_what_was_pressed(function):
        wiring.setdefault("trigger_mode", "multiple")
    return listen(function, api_visibility="private", **wiring)


def hears_what_was_pressed(function: Callable[..., Any]) -> bool:
    """Whether a handler is told what a component sent with its event."""
    parameters = inspect.signature(function).parameters.values()
    return any(each.annotation in (gr.EventData, "gr.EventData") for each in parameters)
