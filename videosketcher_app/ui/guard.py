"""The guard: one ASGI application in front of every route and socket of a door.

It asks, in this order and before a byte of the body is read: is this name ours, did one of our
own pages ask, is the door open, who is it, and does the route exist for them. Then it reads the
body within its limits and lets the request through.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from videosketcher_app.core.access import LIMITS, UPLOAD_TIMEOUT_S, Limits
from videosketcher_app.services.guests import Guest, GuestBook
from videosketcher_app.ui import answers, entrance
from videosketcher_app.ui.answers import Answer, Send
from videosketcher_app.ui.doors import GUEST_SCOPE, Door, GuestDoor, OwnerDoor
from videosketcher_app.ui.gradio_routes import DATA, Kind, kind_of
from videosketcher_app.ui.guest_rules import GuestRules
from videosketcher_app.ui.passing import (
    Scope,
    learning,
    with_security_headers,
    without_compression,
)
from videosketcher_app.ui.texts import t
from videosketcher_app.ui.unheard import PATIENCE_S, Unheard
from videosketcher_app.ui.upload_meter import Meter
from videosketcher_app.ui.uploads import (
    BodyRules,
    Desk,
    Receive,
    Refusal,
    read_body,
    replay,
)
from videosketcher_app.ui.visit import METHODS, Visit, visit_of

logger = logging.getLogger(__name__)

App = Callable[..., Awaitable[None]]  # ASGI
STATUS_PATH = "/videosketcher/sharing"
_MULTIPART_BYTES = 1 << 16  # what the frame of a multipart body may add to its files
_LETTING_GO_S = 5.0


class Memory(Protocol):
    """What an app keeps for an open page; see `page_memory`."""

    async def forget(self, page: str) -> None:
        """Drops what waits for the page."""

    def tidy(self, page: str) -> None:
        """Drops what the page has gathered and does not need."""


class Guard:
    """Wraps the app of one door.

    Args:
        app: what the door leads to.
        door: who may come in.
        book: the guests, and how full the disk may get.
        spool: a folder for bodies while they arrive.
        status: what the line about sharing says, for the scripts of our pages.
        upload_timeout_s: until a body that does not move is given up.
        memory: what the app keeps for its pages; None for an app that keeps nothing.
    """

    def __init__(
        self,
        app: App,
        door: Door,
        book: GuestBook,
        *,
        spool: Path,
        status: Callable[[], dict[str, Any]] = dict,
        upload_timeout_s: float = UPLOAD_TIMEOUT_S,
        memory: Memory | None = None,
    ) -> None:
        self._app = app
        self._memory = memory
        self._door = door
        self._book = book
        self._spool = spool
        self._status = status
        self._timeout_s = upload_timeout_s
        self._rules = GuestRules(book) if isinstance(door, GuestDoor) else None
        self._streams: set[asyncio.Future[None]] = set()
        self.desk = Desk(self._limits)
        self.has_page = False  # True once a page is up in some browser

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, handshake, or the app's own start and end."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def close_streams(self) -> None:
        """Ends what stays open by itself; runs on the server's loop."""
        for stream in self._streams:
            stream.cancel()

    def _limits(self) -> Limits:
        return self._book.limits if self._rules is not None else LIMITS[self._door.role]

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = visit_of(scope)
        try:
            answer = await self._serve(visit, scope, receive, send)
        except Refusal as refusal:
            answer = answers.line(refusal.status, refusal.text, hang_up=refusal.hang_up)
        except ConnectionResetError:
            return  # the sender is gone, so there is nobody to answer to
        if answer is not None:
            await answer.give(send)

    async def _serve(
        self, visit: Visit, scope: Scope, receive: Receive, send: Send
    ) -> Answer | None:
        """Lets a request through, or returns what to answer instead."""
        if turned_away := entrance.turned_away(self._door, visit):
            return turned_away
        if visit.method not in METHODS:
            return answers.line(405, t("sharing.refused_message"))
        visitor = await self._visitor(visit, receive)
        if isinstance(visitor, Answer):
            return visitor
        if visit.path == STATUS_PATH and not visit.changes_state:
            return answers.as_json(self._status())
        kind = kind_of(visit.method, visit.path, self._door.routes)
        if kind is None:
            return answers.line(404, t("sharing.refused_file"))
        scope[GUEST_SCOPE] = visitor
        with _being_here(visitor):
            await self._pass(kind, visit, scope, receive, send, visitor)
        return None

    async def _visitor(self, visit: Visit, receive: Receive) -> Guest | Answer | None:
        """The guest, None for the owner, or what to answer instead."""
        door = self._door
        if isinstance(door, GuestDoor):
            if visit.path == entrance.LOGIN and visit.method == "POST":
                with await read_body(receive, visit.headers, self._login_rules()) as body:
                    return entrance.log_in(door, visit, body.read())
            return entrance.enter_as_guest(door, visit)
        assert isinstance(door, OwnerDoor)
        return entrance.enter_as_owner(door, visit)

    async def _pass(
        self,
        kind: Kind,
        visit: Visit,
        scope: Scope,
        receive: Receive,
        send: Send,
        guest: Guest | None,
    ) -> None:
        """Checks what belongs to whom, reads the body, and calls the app."""
        send = with_security_headers(send)
        rules = self._rules if guest is not None else None
        if rules is not None and guest is not None:
            if visit.changes_state:  # a page alone is made of some eighty reads
                rules.check_pace(guest, visit)
            if kind is Kind.STREAM:
                rules.check_stream(guest, visit)
            elif kind is Kind.FILE:
                rules.check_file(guest, visit)
        if kind is Kind.STREAM:
            self.has_page = True  # pages listen when they are complete
            await self._stream(visit, scope, send, receive, guest)
        elif visit.method == "POST":
            await self._post(kind, visit, scope, receive, send, guest)
        else:
            await self._app(scope, receive, send)

    async def _post(
        self,
        kind: Kind,
        visit: Visit,
        scope: Scope,
        receive: Receive,
        send: Send,
        guest: Guest | None,
    ) -> None:
        if kind is not Kind.UPLOAD:
            with await read_body(receive, visit.headers, self._message_rules()) as body:
                await self._deliver(kind, visit, scope, body, receive, send, guest)
            return
        sender = guest.name if guest is not None else ""
        with self.desk.place(sender):
            meter = Meter(self._book, guest, visit)
            try:
                rules = self._upload_rules(meter)
                with await read_body(receive, visit.headers, rules) as body:
                    await self._deliver(kind, visit, scope, body, receive, send, guest)
            finally:
                meter.close()

    async def _deliver(
        self,
        kind: Kind,
        visit: Visit,
        scope: Scope,
        body: IO[bytes],
        receive: Receive,
        send: Send,
        guest: Guest | None,
    ) -> None:
        """Hands a complete body to the app and learns from what it answers to a guest."""
        if guest is None or self._rules is None:
            await self._app(scope, replay(body, receive), send)
            return
        rules = self._rules
        if kind is not Kind.UPLOAD:
            page = rules.check_message(guest, visit, body.read())
            body.seek(0)
            if page is not None:
                self._await_listener(rules.unheard, guest, page)

        def learn(part: bytes) -> None:
            rules.learn(guest, visit, part)

        await self._app(
            without_compression(scope), replay(body, receive), learning(send, learn, b"")
        )

    def _await_listener(self, unheard: Unheard, guest: Guest, page: str) -> None:
        """Forgets a page that does not listen in time to what it asked for."""

        def look() -> None:
            if unheard.forget(guest.name, page) and self._memory is not None:
                self._keep(asyncio.ensure_future(self._memory.forget(page)))

        asyncio.get_running_loop().call_later(PATIENCE_S, look)

    async def _stream(
        self, visit: Visit, scope: Scope, send: Send, receive: Receive, guest: Guest | None
    ) -> None:
        if guest is not None and self._rules is not None:
            await self._follow_guest(self._rules, guest, visit, scope, send, receive)
        else:
            await self._follow(scope, send, receive)
        if visit.path == DATA and self._memory is not None:
            for page in visit.query.get("session_hash", []):
                self._memory.tidy(page)

    async def _follow_guest(
        self,
        rules: GuestRules,
        guest: Guest,
        visit: Visit,
        scope: Scope,
        send: Send,
        receive: Receive,
    ) -> None:
        """Serves a guest's stream; a page that hangs up before its end is forgotten."""
        is_over = False

        def learn(part: bytes) -> None:
            nonlocal is_over
            is_over = rules.learn(guest, visit, part)

        scope, send = without_compression(scope), learning(send, learn, b"\n\n")
        if visit.path != DATA:
            await self._follow(scope, send, receive)
            return
        page = visit.query["session_hash"][0]
        with rules.unheard.listening(guest.name, page):
            await self._follow(scope, send, receive)
        is_wanted = is_over or rules.unheard.concerns(guest.name, page)
        if self._memory is not None and not is_wanted:
            await self._memory.forget(page)

    def _keep(self, stream: asyncio.Future[None]) -> None:
        """Ends with the app, if not before."""
        self._streams.add(stream)
        stream.add_done_callback(self._streams.discard)

    async def _follow(self, scope: Scope, send: Send, receive: Receive) -> None:
        """Serves a stream, and ends it in the moment that nobody listens any more.

        Gradio looks for that only between two messages, which can be long apart.
        """
        gone = asyncio.Event()

        async def silence() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            gone.set()

        inner = asyncio.ensure_future(self._app(scope, silence, send))
        watcher = asyncio.ensure_future(watch())
        self._keep(inner)
        try:
            await asyncio.wait({inner, watcher}, return_when=asyncio.FIRST_COMPLETED)
            if gone.is_set():  # Gradio heard it too and lets go of what the page had asked for
                await asyncio.wait({inner}, timeout=_LETTING_GO_S)
        finally:
            for task in (inner, watcher):
                task.cancel()
            results = await asyncio.gather(inner, watcher, return_exceptions=True)
        if isinstance(results[0], Exception):
            logger.debug("a stream ended: %s", results[0])

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit = visit_of(scope)
        refused = entrance.turned_away(self._door, visit)
        visitor = refused or await self._visitor(visit, receive)
        if isinstance(visitor, Answer) or kind_of("GET", visit.path, self._door.routes) is None:
            await send({"type": "websocket.close", "code": 1008})
            return
        scope[GUEST_SCOPE] = visitor
        with _being_here(visitor):
            await self._app(scope, receive, send)

    def _login_rules(self) -> BodyRules:
        return BodyRules(
            max_bytes=entrance.MAX_LOGIN_BYTES, folder=self._spool, timeout_s=self._timeout_s
        )

    def _message_rules(self) -> BodyRules:
        limits = self._limits()
        return BodyRules(
            max_bytes=limits.message_bytes,
            max_parts=limits.request_files,
            folder=self._spool,
            timeout_s=self._timeout_s,
        )

    def _upload_rules(self, meter: Meter) -> BodyRules:
        limits = self._limits()
        return BodyRules(
            max_bytes=limits.upload_bytes + _MULTIPART_BYTES,
            max_parts=limits.request_files,
            folder=self._spool,
            timeout_s=self._timeout_s,
            on_bytes=meter.add,
        )


@contextmanager
def _being_here(guest: Guest | None) -> Iterator[None]:
    """Keeps the visit of a guest from ending while something of it is open."""
    if guest is not None:
        guest.open_requests += 1
    try:
        yield
    finally:
        if guest is not None:
            guest.open_requests -= 1
