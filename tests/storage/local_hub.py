"""A model hub on a free local port: enough of two hubs' APIs, and as faulty as a test's script says.

Honest until told otherwise. A script is what happens to one request instead of the honest answer;
scripts wait in a line of their own for each kind of request: "look" (the list of files), "resolve"
(Hugging Face's address of a file, which redirects) and "bytes" (the store it redirects to).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import socket
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SMALL_BYTES = 1000  # git itself keeps smaller files, and names them by their SHA-1


def content_of(seed: int, num_bytes: int) -> bytes:
    """Bytes that no two seeds share."""
    return random.Random(seed).randbytes(num_bytes)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\x00" % len(data) + data).hexdigest()


@dataclass
class Exchange:
    """What a script has at hand.

    Attributes:
        data: the honest content; empty for requests that ask for none.
        start: the first byte that was asked for; None without a Range header.
        etag: the honest one, quoted.
    """

    path: str
    headers: Mapping[str, str]
    data: bytes
    start: int | None
    etag: str
    connection: socket.socket
    pause: Callable[[float], bool]  # True once the hub stops
    honest: Callable[[], None]

    def head(self, status: str, headers: Mapping[str, object]) -> None:
        """Sends a status line and headers; the connection closes after the answer."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.connection.sendall(f"HTTP/1.1 {status}\r\n{lines}Connection: close\r\n\r\n".encode())

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)


Script = Callable[[Exchange], None]


@dataclass
class LocalHub:
    """A running hub.

    Attributes:
        files: of its one repository, by path.
        hidden: what the list of files tells beside or instead of the truth.
        requests: of each kind, in order.
    """

    port: int
    files: dict[str, bytes]
    scripts: dict[str, deque[Script]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Script] = field(default_factory=dict)
    requests: dict[str, list[Exchange]] = field(default_factory=lambda: defaultdict(list))
    repo: str = "someone/sketches"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def then(self, kind: str, *scripts: Script) -> None:
        """The next requests of a kind meet these scripts."""
        self.scripts[kind].extend(scripts)

    def honest_again(self) -> None:
        """Forgets every script."""
        self.scripts.clear()
        self.always.clear()

    def num_requests(self) -> int:
        return sum(len(found) for found in self.requests.values())


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[LocalHub]:
    """Serves a repository until the block ends; no thread outlives it."""
    stopping, lock = threading.Event(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.close_connection = True
            kind, data, etag, honest = _route(hub, self.path)
            exchange = Exchange(
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                data=data,
                start=_start(self.headers.get("Range")),
                etag=etag,
                connection=self.connection,
                pause=stopping.wait,
                honest=lambda: honest(exchange),
            )
            with lock:
                hub.requests[kind].append(exchange)
                line = hub.scripts[kind]
                script = line.popleft() if line else hub.always.get(kind)
            with contextlib.suppress(OSError):  # the client hung up, as it may
                script(exchange) if script else exchange.honest()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = False
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            pass  # connections that break are what the tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        hub = LocalHub(port=server.server_address[1], files=dict(files))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield hub
        finally:
            stopping.set()
            server.shutdown()
            thread.join()


Honest = Callable[[Exchange], None]


def _route(hub: LocalHub, address: str) -> tuple[str, bytes, str, Honest]:
    """Which kind of request this is, the content that it is about, and the honest answer."""
    parts, prefix = urlsplit(address), f"/{hub.repo}/resolve/"
    path = unquote(parts.path).removeprefix("/datasets")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if path.startswith("/api/v1/"):
        if "FilePath" in query:
            data = hub.files.get(query["FilePath"])
            return ("bytes", *_content(data))
        return "look", b"", "", lambda exchange: answer_json(exchange, _modelscope_list(hub))
    if path.startswith("/api/"):
        return "look", b"", "", lambda exchange: answer_json(exchange, _list(hub))
    if path.startswith(prefix):
        data = hub.files.get(path.removeprefix(prefix).partition("/")[2])
        if data is None or len(data) < SMALL_BYTES:
            return ("bytes", *_content(data, {"X-Repo-Commit": COMMIT}))
        return "resolve", data, "", lambda exchange: redirect_to_store(exchange, data)
    if path.startswith("/store/"):
        wanted = path.removeprefix("/store/")
        found = [data for data in hub.files.values() if sha256(data) == wanted]
        return ("bytes", *_content(found[0] if found else None))
    return "strange", *_content(None)


def _content(
    data: bytes | None, extra: Mapping[str, str] | None = None
) -> tuple[bytes, str, Honest]:
    if data is None:
        return b"", "", lambda exchange: exchange.head("404 Not Found", {"Content-Length": 0})
    etag = f'"{git_sha1(data)}"'
    return data, etag, lambda exchange: answer_bytes(exchange, data, etag, extra or {})


def answer_json(exchange: Exchange, value: object) -> None:
    body = json.dumps(value).encode()
    exchange.head("200 OK", {"Content-Type": "application/json", "Content-Length": len(body)})
    exchange.send(body)


def answer_bytes(
    exchange: Exchange, data: bytes, etag: str, extra: Mapping[str, str] | None = None
) -> None:
    """The whole content, or the rest of it if that was asked for and it has not changed."""
    headers = {"ETag": etag, **(extra or {})}
    start, condition = exchange.start, exchange.headers.get("if-range")
    if start is None or condition not in (None, etag):
        exchange.head("200 OK", {**headers, "Content-Length": len(data)})
        exchange.send(data)
    elif start >= len(data):
        exchange.head(
            "416 Range Not Satisfiable",
            {"Content-Range": f"bytes */{len(data)}", "Content-Length": 0},
        )
    else:
        rest = data[start:]
        where = f"bytes {start}-{len(data) - 1}/{len(data)}"
        exchange.head(
            "206 Partial Content",
            {**headers, "Content-Range": where, "Content-Length": len(rest)},
        )
        exchange.send(rest)


def redirect_to_store(exchange: Exchange, data: bytes) -> None:
    """As Hugging Face does for large files: the facts beside a redirect."""
    exchange.head(
        "302 Found",
        {
            "Location": f"/store/{sha256(data)}",
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{sha256(data)}"',
            "X-Linked-Size": len(data),
            "Content-Length": 0,
        },
    )


def _list(hub: LocalHub) -> dict[str, object]:
    def entry(path: str, data: bytes) -> dict[str, object]:
        facts: dict[str, object] = {"rfilename": path, "size": len(data), "blobId": git_sha1(data)}
        if len(data) >= SMALL_BYTES:
            facts["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
        return facts

    siblings = [entry(path, data) for path, data in hub.files.items()]
    return {"id": hub.repo, "sha": COMMIT, "siblings": siblings}


def _modelscope_list(hub: LocalHub) -> dict[str, object]:
    files = [
        {"Path": path, "Name": path, "Type": "blob", "Size": len(data), "Sha256": sha256(data)}
        for path, data in hub.files.items()
    ]
    folder = {"Path": "folder", "Type": "tree", "Size": 0, "Sha256": ""}
    return {"Code": 200, "Success": True, "Data": {"Files": [folder, *files]}}


def _start(value: str | None) -> int | None:
    return None if value is None else int(value.removeprefix("bytes=").partition("-")[0])
