"""One file from a hub to its final name: in pieces, over cuts and restarts, verified, never half.

A try goes on where the last one stopped. When the last byte is there the file is read back from the
disk and compared with the hub's hash; only then it gets its name. A file without a hash goes on only
if the server's entity tag proves that it is still the same, and else begins again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from videosketcher_app.core import faults
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import CannotWrite, DamagedModel
from videosketcher_app.storage import atomic
from videosketcher_app.storage.downloads.answers import refuse
from videosketcher_app.storage.downloads.errors import DownloadFailed, Trouble
from videosketcher_app.storage.downloads.hubs import RemoteFile
from videosketcher_app.storage.downloads.limits import Limits
from videosketcher_app.storage.downloads.part import Part
from videosketcher_app.storage.downloads.patience import wait_after
from videosketcher_app.storage.downloads.wire import Answer, Wire

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_BLOCK_BYTES = 1 << 20
_ROUNDS = 2  # a file whose hash is wrong is brought once more, from its first byte


@dataclass(frozen=True)
class Progress:
    """Where a file is.

    Attributes:
        stage: "fetching", "waiting" (for the server) or "verifying".
        num_bytes: that have arrived, or were compared.
        note: why it waits; empty otherwise.
    """

    stage: str
    num_bytes: int
    note: str = ""


OnProgress = Callable[[Progress], None]
FreeBytes = Callable[[Path], int]


def free_bytes_of(folder: Path) -> int:
    """Bytes that are free on a folder's disk; the folder need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def fetch(
    remote: RemoteFile,
    target: Path,
    *,
    wire: Wire,
    on_progress: OnProgress,
    cancel: CancelToken,
    free_bytes: FreeBytes = free_bytes_of,
) -> None:
    """Brings one file; what has the final name already stays until the new file is whole.

    Whatever happens, no wrong byte gets the final name. What has arrived is kept for the next time,
    unless it turned out to be wrong.

    Raises:
        Cancelled: somebody asked to stop.
        Offline: nothing may be downloaded.
        DownloadFailed: the server is out of reach for too long, refuses, or does not keep its word.
        DamagedModel: it sent other content than it promised, twice.
        CannotWrite: there is no room, the folder cannot be written, or another process brings it.
    """
    with Part(target, remote) as part:
        transfer = _Transfer(part, wire, on_progress, cancel, free_bytes)
        transfer.run()
        part.finish()


def digest_differs(
    path: Path,
    remote: RemoteFile,
    cancel: CancelToken,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> bool | None:
    """Whether a file is another than the hub describes; None if the hub says only its length.

    Raises:
        Cancelled: somebody asked to stop.
        CannotWrite: the disk cannot read it.
    """
    expected, digest = remote.sha256, hashlib.sha256()
    with atomic.explained(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if expected is None and remote.git_sha1 is not None:
            expected, digest = remote.git_sha1, _git_digest(size)
        compared = 0
        while block := file.read(_BLOCK_BYTES):
            cancel.raise_if_cancelled()
            digest.update(block)
            compared += len(block)
            on_bytes(compared)
    if remote.num_bytes not in (None, compared):
        return True
    return None if expected is None else digest.hexdigest() != expected


def check_room(
    name: str,
    missing_bytes: int,
    folder: Path,
    limits: Limits,
    free_bytes: FreeBytes = free_bytes_of,
) -> None:
    """Leaves some of the disk free for everything else that writes.

    Raises:
        CannotWrite: what is missing of `name` does not fit.
    """
    free, keep = free_bytes(folder), limits.keep_free_bytes
    if missing_bytes + keep <= free:
        return
    raise CannotWrite(
        f"There is no room for {name}: {_gb(missing_bytes)} of it are missing and {_gb(free)} are "
        f"free in {folder}, of which {_gb(keep)} stay free.",
        hint="Free some space and go on: what has arrived is kept.",
    )


class _Transfer:
    def __init__(
        self,
        part: Part,
        wire: Wire,
        on_progress: OnProgress,
        cancel: CancelToken,
        free_bytes: FreeBytes,
    ) -> None:
        self._part, self._remote, self._wire = part, part.remote, wire
        self._on_progress, self._cancel, self._free_bytes = on_progress, cancel, free_bytes
        self._limits = wire.limits
        self._has_hash = bool(self._remote.sha256 or self._remote.git_sha1)

    def run(self) -> None:
        for _ in range(_ROUNDS):
            self._bring()
            if self._is_right():
                return
            self._part.start_over()
        raise DamagedModel(
            f"{self._remote.name} from {self._remote.where} is not the file that it should be: "
            "its hash differs. Nothing of it was kept.",
            hint="Try another source, or later.",
        )

    def _bring(self) -> None:
        """Tries until every byte is there."""
        failed = 0
        while not self._part.is_complete:
            before = self._part.num_bytes
            try:
                self._cancel.raise_if_cancelled()
                self._try_once()
            except Trouble as trouble:
                self._cancel.raise_if_cancelled()
                if self._part.is_complete:  # the line broke after the last byte
                    return
                failed = 1 if self._part.num_bytes > before else failed + 1
                limits = self._limits
                wait_after(trouble, failed, limits.tries, limits, self._cancel, self._wait_note)

    def _try_once(self) -> None:
        self._check_room()
        with self._wire.get(self._remote.url, self._headers()) as answer:
            self._check_status(answer)
            self._check_promise(answer)
            self._settle(answer)
            self._take(answer)

    def _headers(self) -> dict[str, str]:
        """Asks for what is missing.

        Tags differ between a hub's many servers, so they are used only where no hash will tell.
        """
        part = self._part
        if part.num_bytes and not self._has_hash and part.etag is None:
            part.start_over()
        if not part.num_bytes:
            return {}
        condition = {} if self._has_hash or part.etag is None else {"If-Range": part.etag}
        return {"Range": f"bytes={part.num_bytes}-", **condition}

    def _check_status(self, answer: Answer) -> None:
        try:
            refuse(answer, self._what())
        except DownloadFailed as error:
            size = self._remote.num_bytes or 0
            if size <= self._limits.largest_bytes:
                raise
            raise DownloadFailed(
                f"{self._what()} has {_gb(size)}, more than the hub gives out this way.",
                hint=f"Bring it to {self._part.target.parent} with the hub's own tool, "
                "`hf download`, then go on: it will be verified.",
            ) from error

    def _check_promise(self, answer: Answer) -> None:
        """The hub names the file's hash beside a redirect: it must be the one that was looked up."""
        promised = answer.hub_headers.get("x-linked-etag", "").strip('W/"').lower()
        expected = self._remote.sha256
        if expected and re.fullmatch(r"[0-9a-f]{64}", promised) and promised != expected:
            raise DownloadFailed(
                f"{self._what()} was replaced by another file meanwhile.",
                hint="Start the download again.",
            )

    def _settle(self, answer: Answer) -> None:
        """Makes the part end where the answer begins.

        Raises:
            Trouble: the answer continues something else; the next try begins from the first byte.
        """
        part, headers = self._part, answer.headers
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Trouble(f"The server sends {self._what()} packed, which was not asked for.")
        etag = _strong(headers.get("etag"))
        if answer.status == HTTPStatus.OK:
            self._check_length(headers, starting_at=0)
            part.start_over(etag=etag)
            return
        found = _RANGE.fullmatch(headers.get("content-range", ""))
        begins, total = (int(found[1]), found[3]) if found else (-1, "*")
        size = self._remote.num_bytes
        wrong_file = not self._has_hash and part.num_bytes > 0 and part.etag != etag
        wrong_total = size is not None and total not in ("*", str(size))
        if answer.status != HTTPStatus.PARTIAL_CONTENT or wrong_file or wrong_total:
            part.start_over()
            raise Trouble(f"{self._what()} is not the same file as before.", wait_s=0.0)
        if begins != part.num_bytes:
            part.start_over()
            raise Trouble(f"The server sent another piece of {self._what()} than was asked for.")
        self._check_length(headers, starting_at=begins)

    def _check_length(self, headers: Mapping[str, str], *, starting_at: int) -> None:
        announced, size = headers.get("content-length", ""), self._remote.num_bytes
        if size is None or not announced.isdecimal() or starting_at + int(announced) == size:
            return
        if headers.get("content-type", "").startswith("text/html"):
            raise Trouble(
                f"A page came instead of {self._what()}: the network may want a login in a browser."
            )
        raise Trouble(
            f"The server offers {starting_at + int(announced):,} bytes as {self._what()}, "
            f"which has {size:,}."
        )

    def _take(self, answer: Answer) -> None:
        """Writes what comes; a file that is longer than promised ends the download."""
        part, size = self._part, self._remote.num_bytes
        checked = part.num_bytes
        for chunk in answer.chunks():
            self._cancel.raise_if_cancelled()
            if size is not None and part.num_bytes + len(chunk) > size:
                part.start_over()
                raise Trouble(f"The server sends more than the {size:,} bytes of {self._what()}.")
            faults.point("download.chunk")
            part.append(chunk)
            if part.num_bytes - checked >= self._limits.check_room_every_bytes:
                checked = part.num_bytes
                self._check_room()
            self._on_progress(Progress("fetching", part.num_bytes))
        if size is not None and part.num_bytes < size:
            raise Trouble(f"The server stopped after {part.num_bytes:,} of {size:,} bytes.")
        part.is_complete = True

    def _is_right(self) -> bool:
        """Reads everything back and compares it with the hub's hash, as far as there is one."""

        def show(compared: int) -> None:
            self._on_progress(Progress("verifying", compared))

        return digest_differs(self._part.path, self._remote, self._cancel, show) is not True

    def _check_room(self) -> None:
        missing = (self._remote.num_bytes or 0) - self._part.num_bytes
        folder = self._part.target.parent
        check_room(self._remote.name, missing, folder, self._limits, self._free_bytes)

    def _wait_note(self, note: str) -> None:
        self._on_progress(Progress("waiting", self._part.num_bytes, note))

    def _what(self) -> str:
        return f"{self._remote.name} of {self._remote.where}"


def _git_digest(num_bytes: int) -> hashlib._Hash:
    """A digest that ends in git's own name for a file of this length."""
    digest = hashlib.sha1(usedforsecurity=False)
    digest.update(b"blob %d\x00" % num_bytes)
    return digest


def _strong(etag: str | None) -> str | None:
    """An entity tag that proves equal bytes; a weak one proves nothing."""
    return etag if etag and etag.startswith('"') else None


def _gb(num_bytes: int) -> str:
    return f"{max(num_bytes, 0) / 1e9:,.1f} GB"
