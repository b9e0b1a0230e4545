"""One HTTP server a door, on a thread of its own, on a port that was taken before it starts."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from videosketcher_app.core.errors import AppError, InvalidRequest

NUM_PORTS = 20
MAX_CONNECTIONS = 400
START_TIMEOUT_S = 30.0
CLOSE_TIMEOUT_S = 3.0
MAX_SOCKET_MESSAGE_BYTES = 1 << 21  # longer ones are refused before they are in memory


class ServerFailed(AppError):
    """The server did not come up."""

    code = "SERVER_FAILED"


def free_socket(host: str, port: int, *, only: bool) -> socket.socket:
    """A socket that listens at `port`, or at the next free one of 20 unless `only` that will do.

    Raises:
        InvalidRequest: the host is not of this machine, or no port is free.
    """
    problem = ""
    for candidate in [port] if only else range(port, min(port + NUM_PORTS, 65536)):
        try:
            return _bound(host, candidate)
        except OSError as error:
            if not _is_taken(error):
                raise _cannot_listen(host, candidate, error) from error
            problem = str(error.strerror or error)
    if only:
        raise InvalidRequest(
            f"Port {port} is in use by another program ({problem}).",
            hint="Close it, choose another --port, or leave --port out.",
        )
    raise InvalidRequest(
        f"The ports {port} to {port + NUM_PORTS - 1} are all in use.", hint="Choose another --port."
    )


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":  # there it would take the port from whoever has it
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


def _is_taken(error: OSError) -> bool:
    return error.errno in (errno.EADDRINUSE, errno.EACCES)


def _cannot_listen(host: str, port: int, error: OSError) -> InvalidRequest:
    return InvalidRequest(
        f"The app cannot listen at {host}, port {port}: {error.strerror or error}.",
        hint="Use --host 127.0.0.1, or an address of this machine.",
    )


class DoorServer:
    """Serves an ASGI app from `start` to `close`.

    Args:
        app: what is served.
        listener: taken by `free_socket`; closed with the server.
        silence_s: how long a connection may take to send a request line and its headers.
    """

    def __init__(self, app: Any, listener: socket.socket, *, silence_s: float) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            app,
            http=_impatient(silence_s),
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # an address in a header is nobody's proof of anything
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
            ws_max_size=MAX_SOCKET_MESSAGE_BYTES,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name=f"door-{self.port}", daemon=True)

    def start(self) -> None:
        """Brings the server up; returns when it answers.

        Raises:
            ServerFailed: it did not come up.
        """
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise ServerFailed(
                    "The page could not be served.", hint="The log says why; try another --port."
                )
            time.sleep(0.005)

    def close(self, end_streams: Callable[[], None]) -> None:
        """Ends open streams, closes the port, and waits for the thread."""
        if self._loop is not None and self._thread.is_alive():
            self._server.should_exit = True
            with contextlib.suppress(RuntimeError):  # it ended between the question and the call
                self._loop.call_soon_threadsafe(end_streams)
            self._thread.join(CLOSE_TIMEOUT_S + 2)
        self._listener.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listener])


def _impatient(silence_s: float) -> type[asyncio.Protocol]:
    """The protocol with its patience set; uvicorn makes one object a connection from a class."""
    return type("Impatient", (ImpatientProtocol,), {"silence_s": silence_s})


class ImpatientProtocol(H11Protocol):
    """Closes connections that are open without ever finishing the head of a request."""

    silence_s = 30.0
    _silence: asyncio.TimerHandle | None = None
    _is_socket = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is there; its first request is awaited."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something came: a whole head, or not yet."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side has gone."""
        self._stop_watching()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """The connection is a socket's from now on, which has patience of its own."""
        self._is_socket = True
        super().handle_websocket_upgrade(event)

    @property
    def _is_serving(self) -> bool:
        is_answering = self.cycle is not None and not self.cycle.response_complete
        return self._is_socket or is_answering

    def _watch(self) -> None:
        """A head is awaited as long as no request is being served."""
        if self._is_serving:
            self._stop_watching()
        elif self._silence is None:
            self._silence = self.loop.call_later(self.silence_s, self._give_up)

    def _stop_watching(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _give_up(self) -> None:
        self._silence = None
        if not self._is_serving:
            self.transport.close()
