"""Which of Gradio's routes exist behind the guard, and what each of them is.

A list of what is needed, not of what is dangerous: a route that a new version of Gradio brings
along does not exist here until somebody has looked at it and written it down.
"""

from __future__ import annotations

from enum import Enum

API = "/gradio_api/"
FILE = f"{API}file="
JOIN = f"{API}queue/join"
DATA = f"{API}queue/data"

_PAGES = frozenset({"/", "/config", "/config/", "/theme.css", "/favicon.ico", "/manifest.json"})
_PAGE_PARTS = ("/assets/", "/static/", "/svelte/", "/pwa_icon", f"{API}custom_component/")
_READS = frozenset(
    f"{API}{name}"
    for name in ("startup-events", "theme.css", "app_id", "login_check", "user", "info")
)
_STREAMS = (f"{API}queue/data", f"{API}heartbeat/", f"{API}upload_progress")
_MESSAGES = frozenset(
    f"{API}{name}" for name in ("queue/join", "run/predict", "cancel", "reset", "component_server")
)
UPLOAD = f"{API}upload"


class Kind(Enum):
    """What a route does, as far as the guard treats it apart."""

    PAGE = "page and its parts"
    STREAM = "stays open and tells what happens"
    FILE = "hands out a file"
    MESSAGE = "asks a handler for something"
    UPLOAD = "takes files"
    OWN = "a route of ours beside Gradio"


def kind_of(method: str, path: str, own: tuple[str, ...] = ()) -> Kind | None:
    """What a request is for; None if nothing is there.

    Args:
        own: first parts of our own routes.
    """
    if path.startswith(own) and own:
        return Kind.OWN
    if method == "POST":
        if path == UPLOAD:
            return Kind.UPLOAD
        return Kind.MESSAGE if path in _MESSAGES else None
    if path.startswith(_STREAMS):
        return Kind.STREAM
    if path.startswith(FILE):
        return Kind.FILE
    is_page = path in _PAGES or path in _READS or path.startswith(_PAGE_PARTS)
    return Kind.PAGE if is_page else None
