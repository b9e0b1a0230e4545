"""An OpenAI-compatible server on a free local port that answers as a test's script says.

The first folder of the address picks the script, so that many cases can share one server at once:
`http://127.0.0.1:<port>/<case>/v1`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD_PARTS = [
    {"name": "Body", "description": "large oval in the center"},
    {"name": "Head", "description": "circle at the top left"},
    {"name": "Legs", "description": "two short lines at the bottom center"},
    {"name": "Tail", "description": "curved line on the right"},
]
GOOD = {"concept": "a zebrafant", "parts": GOOD_PARTS}


@dataclass
class Exchange:
    """What a script has at hand: the request, and bytes to send."""

    headers: dict[str, str]
    body: bytes
    send: Callable[[bytes], None]
    pause: Callable[[float], bool]  # True once the server stops
    number: int  # of the request for this case, from 1


Script = Callable[[Exchange], None]


def http(
    body: bytes | str, *, status: str = "200 OK", headers: dict[str, str] | None = None
) -> Script:
    """Answers with these bytes."""
    data = body.encode() if isinstance(body, str) else body
    lines = {
        "Content-Type": "application/json",
        "Content-Length": str(len(data)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    def script(exchange: Exchange) -> None:
        exchange.send(f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n".encode() + data)

    return script


def chat(content: Any, **options: Any) -> Script:
    """Answers with a chat reply of this content."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    reply = {"choices": [{"message": {"role": "assistant", "content": text}}]}
    return http(json.dumps(reply), **options)


@dataclass
class ChatServer:
    """A running server."""

    port: int
    scripts: dict[str, Script]
    requests: dict[str, list[Exchange]] = field(default_factory=lambda: defaultdict(list))

    def base_url(self, case: str) -> str:
        return f"http://127.0.0.1:{self.port}/{case}/v1"


@contextmanager
def serving(scripts: dict[str, Script]) -> Iterator[ChatServer]:
    """Serves these scripts until the block ends; no thread outlives it."""
    stopping = threading.Event()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            case = self.path.split("/")[1]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                number = len(running.requests[case]) + 1
                exchange = Exchange(
                    dict(self.headers), body, self.connection.sendall, stopping.wait, number
                )
                running.requests[case].append(exchange)
            self.close_connection = True
            with contextlib.suppress(OSError):  # the app hung up, as it should
                running.scripts[case](exchange)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            pass  # connections that break are what the tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        running = ChatServer(port=server.server_address[1], scripts=scripts)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield running
        finally:
            stopping.set()
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
