"""Every handler names its capability; a page built for a role has no handler beyond it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.services.jobs import Job

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


class CurrentJobs:
    """The sketch that each browser session is making, so that "Stop" and leaving find it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def put(self, session: str, job: Job) -> None:
        """Remembers a session's job; an earlier one of the same session is stopped."""
        with self._lock:
            earlier = self._jobs.get(session)
            self._jobs[session] = job
        if earlier is not None:
            earlier.cancel()

    def stop(self, session: str) -> None:
        """Stops a session's job, if it has one."""
        with self._lock:
            job = self._jobs.pop(session, None)
        if job is not None:
            job.cancel()

    def forget(self, session: str, job: Job) -> None:
        """Lets a job go that has ended."""
        with self._lock:
            if self._jobs.get(session) is job:
                del self._jobs[session]
