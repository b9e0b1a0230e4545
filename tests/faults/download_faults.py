"""What a hub, a network and a disk can do to a download: 60 and more faults, each a short script.

A case arranges its fault, then a file is looked up and fetched. `ends` is "verified" if the download
must get over it, else words of the sentence that a person reads. Whatever it is: no wrong byte under
the final name, and an honest hub afterwards always leads to the whole file.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.storage.local_hub import (
    Exchange,
    LocalHub,
    Script,
    answer_json,
    content_of,
    redirect_to_store,
)
from videosketcher_app.core import faults
from videosketcher_app.storage.downloads.hubs import RemoteFile
from videosketcher_app.storage.downloads.part import Part, part_path

PATH = "weights.safetensors"
TRUTH = content_of(3, 96_000)
HALF = len(TRUTH) // 2
LONG = content_of(8, 400_000)  # arrives in several pieces
OTHER = content_of(4, len(TRUTH))  # as long, and wrong
FLIPPED = TRUTH[:HALF] + bytes([TRUTH[HALF] ^ 1]) + TRUTH[HALF + 1 :]
ELSEWHERE = "http://192.0.2.1/file"


@dataclass
class Scene:
    """What a case can change before the download begins."""

    hub: LocalHub
    target: Path
    free_bytes: list[int] = field(default_factory=list)  # one a look, the last one for ever


Arrange = Callable[[Scene], AbstractContextManager[object] | None]


@dataclass(frozen=True)
class Case:
    """One fault."""

    name: str
    arrange: Arrange
    ends: str = "verified"
    keeps_part: bool | None = None  # after a failure: must what has arrived be kept?


def ok(exchange: Exchange, data: bytes, **headers: object) -> None:
    """A plain answer with the whole of some content."""
    exchange.head("200 OK", {"ETag": exchange.etag, "Content-Length": len(data), **headers})
    exchange.send(data)


def partial(exchange: Exchange, data: bytes, where: str | None, **headers: object) -> None:
    """An answer that calls itself a piece; `where` is its Content-Range."""
    lines: dict[str, object] = {"ETag": exchange.etag, "Content-Length": len(data), **headers}
    if where is not None:
        lines["Content-Range"] = where
    exchange.head("206 Partial Content", lines)
    exchange.send(data)


def cut_after(num_bytes: int) -> Script:
    """Sends so many bytes of what was asked for, and hangs up."""

    def script(exchange: Exchange) -> None:
        begin = exchange.start or 0
        size = len(exchange.data)
        headers: dict[str, object] = {"ETag": exchange.etag, "Content-Length": size - begin}
        status = "200 OK"
        if exchange.start is not None:
            status = "206 Partial Content"
            headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
        exchange.head(status, headers)
        exchange.send(exchange.data[begin : begin + num_bytes])

    return script


def silent(exchange: Exchange) -> None:
    """Hangs up without a word."""


def reset(exchange: Exchange) -> None:
    """Breaks the connection in the middle, without the polite end."""
    cut_after(HALF)(exchange)
    linger = struct.pack("ii", 1, 0)
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    exchange.connection.close()


def stall_after(num_bytes: int) -> Script:
    """Sends so many bytes and then nothing."""

    def script(exchange: Exchange) -> None:
        cut_after(num_bytes)(exchange)
        exchange.pause(30)

    return script


def dead(exchange: Exchange) -> None:
    """Takes the call and never answers."""
    exchange.pause(30)


def drip(exchange: Exchange) -> None:
    """Sends a little at a time, slowly."""
    exchange.head("200 OK", {"ETag": exchange.etag, "Content-Length": len(exchange.data)})
    for begin in range(0, len(exchange.data), 4000):
        exchange.send(exchange.data[begin : begin + 4000])
        if exchange.pause(0.01):
            return


def status(line: str, body: bytes = b"", **headers: object) -> Script:
    """Answers with a status."""

    def script(exchange: Exchange) -> None:
        exchange.head(line, {**headers, "Content-Length": len(body)})
        exchange.send(body)

    return script


def to(location: str | None) -> Script:
    """Redirects."""

    def script(exchange: Exchange) -> None:
        where = {} if location is None else {"Location": location}
        exchange.head("302 Found", {**where, "Content-Length": 0})

    return script


def chunked(exchange: Exchange, data: bytes, *, end: bool = True) -> None:
    exchange.head("200 OK", {"ETag": exchange.etag, "Transfer-Encoding": "chunked"})
    for begin in range(0, len(data), 10_000):
        piece = data[begin : begin + 10_000]
        exchange.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    if end:
        exchange.send(b"0\r\n\r\n")


def unannounced(data: bytes) -> Script:
    """No length at all: the end of the connection is the end of the file."""

    def script(exchange: Exchange) -> None:
        exchange.head("200 OK", {"ETag": exchange.etag})
        exchange.send(data)

    return script


def bytes_meet(*scripts: Script) -> Arrange:
    """The next requests for bytes meet these scripts."""
    return lambda scene: scene.hub.then("bytes", *scripts)


def bytes_always(script: Script) -> Arrange:
    return lambda scene: scene.hub.always.update(bytes=script)


def look_meets(*scripts: Script) -> Arrange:
    return lambda scene: scene.hub.then("look", *scripts)


def look_always(script: Script) -> Arrange:
    return lambda scene: scene.hub.always.update(look=script)


def resolve_meets(*scripts: Script) -> Arrange:
    return lambda scene: scene.hub.then("resolve", *scripts)


def resolve_always(script: Script) -> Arrange:
    return lambda scene: scene.hub.always.update(resolve=script)


def after_half(*scripts: Script) -> Arrange:
    """First the line is cut in the middle; the tries that want to go on meet these scripts."""
    return bytes_meet(cut_after(HALF), *scripts)


def replaced_by(content: bytes) -> Arrange:
    """After half of the file, the owner of the repository puts another one in its place."""

    def arrange(scene: Scene) -> None:
        def replace_it(exchange: Exchange) -> None:
            scene.hub.files[PATH] = content
            redirect_to_store(exchange, content)

        scene.hub.then("bytes", cut_after(HALF))
        scene.hub.then("resolve", lambda exchange: exchange.honest(), replace_it)

    return arrange


def part_there(content: bytes, *, note: str | None = "right") -> Arrange:
    """Something is on the disk already: bytes, and a note that says which file they are part of."""

    def arrange(scene: Scene) -> None:
        scene.target.parent.mkdir(parents=True, exist_ok=True)
        part = part_path(scene.target)
        if note == "right":
            with Part(scene.target, _remote()) as begun:
                begun.start_over()
                begun.append(content[: len(TRUTH)])
            part.write_bytes(content)
            return
        part.write_bytes(content)
        if note is not None:
            part.with_name(part.name + ".json").write_text(note)

    return arrange


def _remote() -> RemoteFile:
    from tests.storage.local_hub import sha256

    return RemoteFile(
        url="http://127.0.0.1/", path=PATH, num_bytes=len(TRUTH), sha256=sha256(TRUTH)
    )


def free(*num_bytes: int) -> Arrange:
    """What the disk says is free, one look after another."""
    return lambda scene: scene.free_bytes.extend(num_bytes)


def disk_says(code: int, point: str = "download.write", *, skip: int = 2) -> Arrange:
    """A write fails as the system would let it fail."""

    def fail() -> None:
        raise OSError(code, "injected")

    def arrange(scene: Scene) -> AbstractContextManager[object]:
        scene.hub.always["bytes"] = drip  # several writes, so that one in the middle can fail
        return faults.armed(point, fail, skip=skip)

    return arrange


@contextmanager
def _small_files_only(scene: Scene) -> Iterator[None]:
    """The system itself refuses to let a file grow."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    scene.hub.always["bytes"] = drip
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _in_the_way(scene: Scene) -> None:
    scene.target.parent.parent.mkdir(parents=True, exist_ok=True)
    scene.target.parent.write_text("a file where a folder should be")


@contextmanager
def _held(scene: Scene) -> Iterator[None]:
    with Part(scene.target, _remote()):
        yield


def _list_with(**changes: object) -> Script:
    """The list of files, with one entry changed."""

    def script(exchange: Exchange) -> None:
        facts = {"rfilename": PATH, "size": len(TRUTH), "blobId": "0" * 40, **changes}
        answer_json(exchange, {"sha": "0" * 40, "siblings": [facts]})

    return script


def _lying_range(exchange: Exchange) -> None:
    """Names the right piece and sends the file's begin instead."""
    where = f"bytes {exchange.start}-{len(TRUTH) - 1}/{len(TRUTH)}"
    partial(exchange, TRUTH[: len(TRUTH) - (exchange.start or 0)], where)


def _rest(exchange: Exchange) -> tuple[bytes, str]:
    begin = exchange.start or 0
    return TRUTH[begin:], f"bytes {begin}-{len(TRUTH) - 1}/{len(TRUTH)}"


CUTS = [
    Case("cut after the headers", bytes_meet(cut_after(0))),
    Case("cut after one byte", bytes_meet(cut_after(1))),
    Case("cut in the middle", bytes_meet(cut_after(HALF))),
    Case("cut before the last byte", bytes_meet(cut_after(len(TRUTH) - 1))),
    Case("cut every 10 kB", bytes_meet(*[cut_after(10_000)] * 9)),
    Case("connection broken", bytes_meet(reset)),
    Case("hung up without a word, once", bytes_meet(silent)),
    Case("hung up without a word, always", bytes_always(silent), "was cut", True),
    Case(
        "cut at the same place for ever",
        bytes_always(lambda e: unannounced(TRUTH[:HALF])(e)),
        "stopped after",
        True,
    ),
    Case("chunks without an end", bytes_meet(lambda e: chunked(e, TRUTH[:HALF], end=False))),
]
STALLS = [
    Case("stalls in the middle", bytes_meet(stall_after(HALF))),
    Case("never answers, once", bytes_meet(dead)),
    Case("never answers", bytes_always(dead), "does not answer in time"),
    Case("drips", bytes_meet(drip)),
]
RANGES = [
    Case("range ignored", after_half(lambda e: ok(e, TRUTH))),
    Case("416 for a good range", after_half(status("416 Range Not Satisfiable"))),
    Case("another piece", after_half(lambda e: partial(e, TRUTH[:-10], f"bytes 10-{len(TRUTH) - 1}/{len(TRUTH)}"))),
    Case("a piece of a longer file", after_half(lambda e: partial(e, _rest(e)[0], f"bytes {e.start}-{len(TRUTH) - 1}/{len(TRUTH) + 5}"))),
    Case("a piece without its place", after_half(lambda e: partial(e, _rest(e)[0], None))),
    Case("a place that is none", after_half(lambda e: partial(e, _rest(e)[0], "bytes half-end/all"))),
    Case("a piece that nobody asked for", bytes_meet(lambda e: partial(e, TRUTH[5000:], f"bytes 5000-{len(TRUTH) - 1}/{len(TRUTH)}"))),
    Case("a shorter piece than named", after_half(lambda e: partial(e, _rest(e)[0][:1000], _rest(e)[1]))),
    Case("the right place, other bytes", after_half(_lying_range)),
    Case("a piece with another tag", after_half(lambda e: partial(e, OTHER[e.start or 0 :], _rest(e)[1], ETag='"other"'))),
    Case("a piece without a tag, of another file", after_half(lambda e: partial(e, OTHER[e.start or 0 :], _rest(e)[1], ETag='W/"weak"'))),
    Case("many pieces at once", after_half(lambda e: partial(e, b"--x\r\n\r\nabc\r\n--x--", None, **{"Content-Type": "multipart/byteranges; boundary=x"}))),
]  # fmt: skip
LENGTHS = [
    Case("shorter than promised", bytes_meet(lambda e: ok(e, TRUTH[:1000]))),
    Case("shorter than promised, always", bytes_always(lambda e: ok(e, TRUTH[:1000])), "offers 1,000 bytes"),
    Case("longer than promised", bytes_meet(lambda e: ok(e, TRUTH + b"x"))),
    Case("longer, in chunks", bytes_meet(lambda e: chunked(e, TRUTH + OTHER))),
    Case("longer, without a length, always", bytes_always(unannounced(TRUTH + b"x")), "sends more than"),
    Case("chunks", bytes_meet(lambda e: chunked(e, TRUTH))),
    Case("no length", bytes_meet(unannounced(TRUTH))),
    Case("no length, and cut", bytes_meet(unannounced(TRUTH[:HALF]))),
    Case("nothing at all", bytes_meet(lambda e: ok(e, b""))),
    Case("a login page of the network", bytes_always(lambda e: ok(e, b"<html>Welcome</html>", **{"Content-Type": "text/html"})), "login in a browser"),
    Case("a length that is none", bytes_meet(lambda e: e.head("200 OK", {"Content-Length": "many"}))),
]  # fmt: skip
CONTENTS = [
    Case("one bit flipped, once", bytes_meet(lambda e: ok(e, FLIPPED))),
    Case("one bit flipped, always", bytes_always(lambda e: ok(e, FLIPPED)), "its hash differs", False),
    Case("another file, always", bytes_always(lambda e: ok(e, OTHER)), "its hash differs", False),
    Case("replaced meanwhile", replaced_by(OTHER), "was replaced"),
    Case("replaced meanwhile by a longer one", replaced_by(OTHER + b"more"), "was replaced"),
    Case("a part of nobody knows what", part_there(OTHER[:HALF], note=None)),
    Case("a part with wrong bytes", part_there(OTHER[:HALF])),
    Case("a whole part with wrong bytes", part_there(FLIPPED)),
    Case("a part that is too long", part_there(TRUTH + b"x")),
    Case("a part with a broken note", part_there(TRUTH[:HALF], note="{not json")),
    Case("a part of another file", part_there(OTHER[:HALF], note=json.dumps({"sha256": "0" * 64}))),
    Case("packed", bytes_meet(lambda e: ok(e, TRUTH, **{"Content-Encoding": "gzip"}))),
]  # fmt: skip
STATUSES = [
    Case("429 that passes", bytes_meet(status("429 Too Many Requests", **{"Retry-After": 0}))),
    Case("429 for an hour", bytes_meet(status("429 Too Many Requests", **{"Retry-After": 3600})), "has no time"),
    Case("503 twice", bytes_meet(*[status("503 Service Unavailable")] * 2)),
    Case("500 for ever", bytes_always(status("500 Internal Server Error")), "status 500"),
    Case("502 with a page", bytes_meet(status("502 Bad Gateway", b"<html></html>"))),
    Case("404", bytes_always(status("404 Not Found")), "There is no"),
    Case("401 at the hub", resolve_always(status("401 Unauthorized")), "wants a login"),
    Case("403 at the store", bytes_always(status("403 Forbidden")), "wants a login"),
    Case("304, which nobody asked for", bytes_always(status("304 Not Modified")), "refuses"),
    Case("a date as Retry-After", bytes_meet(status("503 Busy", **{"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}))),
]  # fmt: skip
REDIRECTS = [
    Case("to a stranger", resolve_always(to("https://example.org/file")), "not among the allowed"),
    Case("to an address", resolve_always(to(ELSEWHERE)), "not among the allowed"),
    Case("to this machine", resolve_always(to("http://127.0.0.1:1/file")), "not among the allowed"),
    Case("to a file", resolve_always(to("file:///etc/passwd")), "not among the allowed"),
    Case("with a password", resolve_always(to("https://me:secret@huggingface.co/file")), "not among the allowed"),
    Case("in a circle", resolve_always(to("?again")), "redirects more than"),
    Case("to nowhere, once", resolve_meets(to(None))),
]  # fmt: skip
DISKS = [
    Case("no room from the start", free(10_000), "no room", False),
    Case("no room any more", free(1 << 40, 10_000), "no room", True),
    Case("disk full in a write", disk_says(errno.ENOSPC), "no room", True),
    Case("quota reached", disk_says(errno.EDQUOT), "no room", True),
    Case("disk broken", disk_says(errno.EIO), "cannot be written"),
    Case("no right to rename", disk_says(errno.EACCES, "atomic.before_replace"), "cannot be written", True),
    Case("a file in the way", _in_the_way, "in the way"),
    Case("another process brings it", _held, "by another process"),
]  # fmt: skip
if os.name == "posix":
    DISKS.append(Case("files may not grow any more", _small_files_only, "no room", True))
HUBS = [
    Case("nonsense instead of a list", look_meets(status("200 OK", b"<html>"))),
    Case("nonsense for ever", look_always(status("200 OK", b"[1, 2]")), "not what a hub says"),
    Case("hub busy", look_meets(status("503 Service Unavailable"))),
    Case("no such repository", look_always(status("404 Not Found")), "There is no"),
    Case("a list without end", look_always(lambda e: unannounced(b"[" * 70_000_000)(e)), "longer than any"),
    Case("a commit that is none", look_always(lambda e: answer_json(e, {"sha": "../..", "siblings": []})), "not what a hub says"),
    Case("a name that leads out", look_always(_list_with(rfilename="../../evil")), "no file weights"),
    Case("a wrong hash in the list", look_always(_list_with(lfs={"sha256": "0" * 64, "size": len(TRUTH)})), "was replaced"),
    Case("a wrong length in the list", look_always(_list_with(size=5)), "offers"),
]  # fmt: skip
CASES = [*CUTS, *STALLS, *RANGES, *LENGTHS, *CONTENTS, *STATUSES, *REDIRECTS, *DISKS, *HUBS]


def arranged(case: Case, scene: Scene) -> AbstractContextManager[object]:
    """Arranges a case; the fault may last as long as the context."""
    return case.arrange(scene) or nullcontext()
