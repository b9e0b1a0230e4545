"""Asks an ASGI app without a server, at a time that jumps on instead of passing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

HOST = "127.0.0.1:7860"
Pieces = Iterable[tuple[float, bytes]]  # seconds before it comes, and the piece


@dataclass
class Reply:
    """What the app answered.

    Attributes:
        status: 0 if it answered nothing.
        read_bytes: how much of the body was asked for.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    read_bytes: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: the time that nobody uses is skipped."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.skipped_s += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands still while something happens and jumps to what is next."""

    def __init__(self) -> None:
        self._jumps = _JumpingSelector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.skipped_s


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine in a jumping time."""
    loop = JumpingLoop()
    try:
        return loop.run_until_complete(asyncio.wait_for(coroutine, 100_000))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def scope_of(
    path: str, *, method: str = "GET", headers: dict[str, str] | None = None, kind: str = "http"
) -> dict[str, Any]:
    """The scope of one request; a Host is named unless `headers` name one."""
    given = {"host": HOST, **{name.lower(): value for name, value in (headers or {}).items()}}
    name, _, query = path.partition("?")
    scope = {
        "type": kind,
        "path": unquote(name),
        "query_string": query.encode("latin-1"),
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()
        ],
        "client": ("127.0.0.1", 50000),
    }
    return {**scope, "method": method} if kind == "http" else scope


async def ask(
    app: Callable[..., Awaitable[None]], scope: dict[str, Any], pieces: Pieces = ()
) -> Reply:
    """Serves one request whose body comes in pieces; the sender stays until it is answered."""
    reply, left = Reply(), list(pieces) or [(0.0, b"")]

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()  # whoever asked stays and listens
        wait_s, piece = left.pop(0)
        await asyncio.sleep(wait_s)
        reply.read_bytes += len(piece)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        reply.messages.append(message)
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
        elif message["type"] == "http.response.body":
            reply.body += message.get("body", b"")

    await app(scope, receive, send)
    return reply
