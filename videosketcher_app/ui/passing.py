"""What the guard changes of a request and reads of its answer on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from videosketcher_app.ui import answers
from videosketcher_app.ui.answers import Send

Scope = dict[str, Any]


def with_security_headers(send: Send) -> Send:
    """Every answer carries our headers, whatever the app behind says."""

    async def give(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in answers.SECURITY_HEADERS}
            others = [(name, value) for name, value in message["headers"] if name not in ours]
            message = {**message, "headers": [*others, *answers.SECURITY_HEADERS]}
        await send(message)

    return give


def learning(send: Send, learn: Callable[[bytes], None], end: bytes) -> Send:
    """Shows complete messages to `learn` before their last byte is sent.

    Args:
        end: what ends a message of an event stream; empty if the response is one message.
    """
    seen = bytearray()

    async def give(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            seen.extend(message.get("body", b""))
            while end and end in seen:
                part, _, rest = bytes(seen).partition(end)
                learn(part.removeprefix(b"data:"))
                seen[:] = rest
            if not end and not message.get("more_body"):
                learn(bytes(seen))
        await send(message)

    return give


def without_compression(scope: Scope) -> Scope:
    """The request as one that takes plain answers only: the guard reads them."""
    headers = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
    return {**scope, "headers": headers}
