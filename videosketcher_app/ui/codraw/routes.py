"""The routes of the line: a WebSocket; where none opens, a streamed answer and small requests.

Gradio's login does not cover routes of ours. They exist only behind the guard of a door, which
has checked host, origin and cookie before; `guarded` makes sure of that, and asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, TypeVar

from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.ui.codraw.line import FULL, IDLE_S, OVER, REFUSED, Line
from videosketcher_app.ui.codraw.messages import MAX_CANVAS_BYTES
from videosketcher_app.ui.codraw.tables import Tables
from videosketcher_app.ui.codraw.talk import Talk
from videosketcher_app.ui.doors import GUEST_SCOPE
from videosketcher_app.ui.texts import t
from videosketcher_app.ui.visit import visit_of

PREFIX = "/codraw/"
BEAT_S = 15.0  # a streamed answer says something so often, so that nothing between cuts it
MAX_TOGETHER = 50  # messages in one request
TEXT, TILE = 0, 1
PIECE = struct.Struct(">IB")
_FORMS = {"mp4": "video/mp4", "gif": "image/gif", "png": "image/png", "svg": "image/svg+xml"}
_NO_STORE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Any]])


def guarded(role: Role) -> Callable[[Endpoint], Endpoint]:
    """Lets an endpoint be reached only by who may co-draw, only from our own page, and only
    behind a door.
    """

    def wrap(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        async def checked(connection: HTTPConnection) -> Any:
            if _may_enter(connection, role):
                return await endpoint(connection)
            if isinstance(connection, WebSocket):
                await connection.close(REFUSED)
                return None
            return JSONResponse({"detail": t("sharing.refused_origin")}, status_code=403)

        checked.guarded = True  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return wrap


def _may_enter(connection: HTTPConnection, role: Role) -> bool:
    scope = connection.scope
    visit = visit_of(scope)  # type: ignore[arg-type]
    came_by_door = GUEST_SCOPE in scope
    is_guest = scope.get(GUEST_SCOPE) is not None
    fits = is_guest == (role is Role.GUEST)
    return came_by_door and fits and allows(role, Capability.CO_DRAW) and visit.is_from_own_page()


def visitor_of(connection: HTTPConnection) -> str:
    """The name of the guest, "" for the owner."""
    guest = connection.scope[GUEST_SCOPE]
    return guest.name if guest is not None else ""


class Lines:
    """The endpoints of one door, and the streamed lines that are open."""

    def __init__(self, tables: Tables, role: Role, *, idle_s: float = IDLE_S) -> None:
        self._tables = tables
        self._role = role
        self._idle_s = idle_s
        self._streams: dict[str, _Streamed] = {}

    def routes(self) -> list[BaseRoute]:
        """Every route, each behind `guarded`."""
        guard = guarded(self._role)
        return [
            WebSocketRoute(f"{PREFIX}ws", guard(self.socket)),
            Route(f"{PREFIX}stream", guard(self.stream), methods=["GET"]),
            Route(f"{PREFIX}send", guard(self.send), methods=["POST"]),
            Route(f"{PREFIX}file", guard(self.file), methods=["GET"]),
        ]

    async def socket(self, socket: WebSocket) -> None:
        """The line as a WebSocket."""
        line = Line(visitor_of(socket))
        if not self._tables.admit(line):
            await socket.accept()
            await socket.close(FULL)
            return
        await socket.accept()
        talk = Talk(self._tables, line, self._role)
        sending = asyncio.create_task(_send_down(socket, line))
        try:
            await self._listen(socket, line, talk, sending)
        finally:
            line.close()
            await talk.end()
            self._tables.dismiss(line)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def _listen(
        self, socket: WebSocket, line: Line, talk: Talk, sending: asyncio.Task[None]
    ) -> None:
        """Hears what the page says until one side ends the line."""
        while line.code is None:
            hearing = asyncio.create_task(socket.receive())  # type: ignore[arg-type]
            await asyncio.wait(
                {hearing, sending}, timeout=self._idle_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not hearing.done():  # silence, or everything was sent and the line is over
                hearing.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await hearing
                line.close()
                break
            message = hearing.result()
            if message["type"] == "websocket.disconnect":
                return
            talk.hear(message.get("text"))
        await asyncio.wait({sending}, timeout=self._idle_s)

    async def stream(self, request: Request) -> Response:
        """The way down of a line without a socket: pieces of u32 length, u8 kind, content."""
        line = Line(visitor_of(request))
        if not self._tables.admit(line):
            return JSONResponse({"detail": t("codraw.too_many_lines")}, status_code=429)
        streamed = _Streamed(line, Talk(self._tables, line, self._role))
        name = secrets.token_hex(16)
        self._streams[name] = streamed
        line.tell("connected", connection=name)
        return StreamingResponse(
            self._pieces(name, streamed),
            media_type="application/octet-stream",
            headers=_NO_STORE,
        )

    async def _pieces(self, name: str, streamed: _Streamed) -> AsyncIterator[bytes]:
        line = streamed.line
        watching = asyncio.create_task(streamed.watch(self._idle_s))
        try:
            async for item in line.items():
                yield piece(item)
            yield piece(json.dumps({"kind": "closed", "code": line.code}))
        finally:
            del self._streams[name]
            line.close()
            watching.cancel()
            await asyncio.shield(asyncio.create_task(self._end(streamed)))

    async def _end(self, streamed: _Streamed) -> None:
        await streamed.talk.end()
        self._tables.dismiss(streamed.line)

    async def send(self, request: Request) -> Response:
        """The way up of a line without a socket: {"connection", "messages"}."""
        said = _request_of(await request.body())
        streamed = self._streams.get(said.get("connection", ""))
        if streamed is None or streamed.line.visitor != visitor_of(request):
            return JSONResponse({"detail": t("codraw.no_line")}, status_code=404)
        messages = said.get("messages")
        if not isinstance(messages, list) or len(messages) > MAX_TOGETHER:
            return JSONResponse({"detail": t("codraw.bad_message")}, status_code=400)
        streamed.heard_at = asyncio.get_running_loop().time()
        for message in messages:
            streamed.talk.hear(json.dumps(message, separators=(",", ":")))
        return Response(status_code=204)

    async def file(self, request: Request) -> Response:
        """A file that a session has exported."""
        form = request.query_params.get("form", "")
        session_id = request.query_params.get("session", "")
        path = self._tables.file(visitor_of(request), session_id, form)
        if path is None or form not in _FORMS:
            return JSONResponse({"detail": t("sharing.refused_file")}, status_code=404)
        return FileResponse(
            path,
            media_type=_FORMS[form],
            filename=f"drawing.{form}",
            headers={"Cache-Control": "no-store"},
        )


class _Streamed:
    """A line without a socket."""

    def __init__(self, line: Line, talk: Talk) -> None:
        self.line = line
        self.talk = talk
        self.heard_at = asyncio.get_running_loop().time()

    async def watch(self, idle_s: float) -> None:
        """Keeps the answer alive, and ends a line whose page says nothing any more."""
        clock = asyncio.get_running_loop().time
        while self.line.code is None:
            await asyncio.sleep(min(BEAT_S, idle_s))
            if clock() - self.heard_at >= idle_s:
                self.line.close()
            else:
                self.line.tell("beat")


def _request_of(body: bytes) -> dict[str, Any]:
    """The object in a request's body; empty if it is none that names a line."""
    if len(body) > MAX_CANVAS_BYTES:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    names_line = isinstance(value, dict) and isinstance(value.get("connection"), str)
    return value if names_line else {}


async def _send_down(socket: WebSocket, line: Line) -> None:
    """Sends what the line is told until it ends; a page that has gone takes nothing more."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        async for item in line.items():
            if isinstance(item, str):
                await socket.send_text(item)
            else:
                await socket.send_bytes(item)
        await socket.close(line.code or OVER)


def piece(item: str | bytes) -> bytes:
    """One piece of a streamed answer."""
    content = item.encode("utf-8") if isinstance(item, str) else item
    return PIECE.pack(len(content), TEXT if isinstance(item, str) else TILE) + content
