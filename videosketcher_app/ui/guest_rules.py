"""What one guest may reach of Gradio: own pages, own events, own files, at a human pace.

Gradio tells sessions apart by an id that the page makes up, and hands events and files to whoever
names them. Here every such id belongs to the browser that used it first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from videosketcher_app.services.guests import (
    Guest,
    GuestBook,
    remember_event,
)
from videosketcher_app.ui.gradio_routes import API, DATA, FILE, JOIN, UPLOAD
from videosketcher_app.ui.texts import t
from videosketcher_app.ui.unheard import Unheard
from videosketcher_app.ui.uploads import Refusal
from videosketcher_app.ui.visit import Visit

ASSETS = Path(__file__).resolve().parent / "assets"
HEARTBEAT = f"{API}heartbeat/"
_BY_EVENT = frozenset({f"{API}cancel", f"{API}reset"})
# Tokens of a bucket and how many come back a second. Pages poll twice a second without the queue.
_PACE = {JOIN: (30, 2.0)}
_OTHER_PACE = (120, 10.0)
_NEW_PAGES = "new pages"
_NEW_PAGES_PACE = (16, 0.2)  # tabs and reloads; Gradio keeps the state of each
_MAX_DEPTH = 40


class GuestRules:
    """The rules of one door.

    Args:
        book: who is here and what is whose.
        clock: seconds, for the pace.
    """

    def __init__(self, book: GuestBook, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._book = book
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}
        self._roots = (str(book.uploads), str(book.sessions))
        self.unheard = Unheard()

    def check_pace(self, guest: Guest, visit: Visit) -> None:
        """Lets a guest ask again, or not yet.

        Raises:
            Refusal: 429.
        """
        what = visit.path if visit.path in _PACE else ""
        self._take_token((guest.name, what), *_PACE.get(what, _OTHER_PACE))

    def _take_token(self, key: tuple[str, str], burst: int, per_second: float) -> None:
        now = self._clock()
        tokens, at = self._buckets.get(key, (float(burst), now))
        tokens = min(float(burst), tokens + (now - at) * per_second)
        if tokens < 1:
            raise Refusal(429, t("sharing.refused_rate"))
        if len(self._buckets) > 4 * self._book.limits.sessions:
            here = [bucket for bucket in self._buckets if self._book.named(bucket[0])]
            self._buckets = {bucket: self._buckets[bucket] for bucket in here}
        self._buckets[key] = (tokens - 1, now)

    def check_stream(self, guest: Guest, visit: Visit) -> None:
        """Lets a guest listen to an own page.

        Raises:
            Refusal: 403, the page is somebody else's.
        """
        if visit.path.startswith(f"{API}upload_progress"):
            return  # names an upload by an id that only its sender knows, and tells bytes only
        pages = visit.query.get("session_hash", [])
        if visit.path != DATA:  # named in the path, and then nowhere else
            pages = [*pages, visit.path.removeprefix(HEARTBEAT)]
        if len(pages) != 1:  # the app behind could read another one than we
            raise Refusal(403, t("sharing.refused_page"))
        self._check_page(guest, pages[0])

    def check_file(self, guest: Guest, visit: Visit) -> None:
        """Lets a guest read an own file, or a part of the page.

        Raises:
            Refusal: 403; the same for what is not there.
        """
        path = visit.path.removeprefix(FILE)
        if "\x00" in path or not Path(path).resolve().is_relative_to(ASSETS):
            self._check_path(guest, path)

    def check_message(self, guest: Guest, visit: Visit, body: bytes) -> str | None:
        """Lets a guest speak for an own page, of own events and own files.

        Returns the page if it asks for something and nobody listens to it yet.

        Raises:
            Refusal: 400, or 403 for what is somebody else's, or 429 while too much is unheard.
        """
        try:
            message = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            raise Refusal(400, t("sharing.refused_message")) from None
        if not isinstance(message, dict):
            raise Refusal(400, t("sharing.refused_message"))
        page, event = message.get("session_hash"), message.get("event_id")
        if visit.path in _BY_EVENT:
            if event not in guest.events:
                raise Refusal(403, t("sharing.refused_page"))
        elif not isinstance(page, str):
            raise Refusal(400, t("sharing.refused_message"))
        if isinstance(page, str):
            self._check_page(guest, page)
        for path in _paths_in(message, _MAX_DEPTH):
            self._check_path(guest, path)
        if visit.path != JOIN or not isinstance(page, str):
            return None
        return page if self.unheard.ask(guest.name, page) else None

    def learn(self, guest: Guest, visit: Visit, message: bytes) -> bool:
        """Books what one complete message of the app gives to a guest: an event, or files.

        Returns True if it is the last message of a stream.
        """
        try:
            value = json.loads(message)
        except ValueError:
            return False
        if isinstance(value, dict) and isinstance(value.get("event_id"), str):
            remember_event(guest, value["event_id"])
        paths = [Path(text) for text in _strings_in(value) if text.startswith(self._roots)]
        if visit.path == UPLOAD:
            self._book.add_upload(guest, paths)
        else:
            self._book.add_received(guest, paths)
        return isinstance(value, dict) and value.get("msg") == "close_stream"

    def _check_page(self, guest: Guest, page: str) -> None:
        if 0 < len(page) <= 64 and page not in guest.pages:
            self._take_token((guest.name, _NEW_PAGES), *_NEW_PAGES_PACE)
        if not 0 < len(page) <= 64 or not self._book.owns_page(guest, page):
            raise Refusal(403, t("sharing.refused_page"))

    def _check_path(self, guest: Guest, text: str) -> None:
        try:
            is_own = "\x00" not in text and self._book.may_read(guest, Path(text))
        except (OSError, ValueError, RuntimeError):  # a name that the disk refuses
            is_own = False
        if not is_own:
            raise Refusal(403, t("sharing.refused_file"))


def _paths_in(value: Any, depth: int) -> Iterator[str]:
    """Every path that a message names where Gradio looks for files: the "path" of an object."""
    if depth < 0:
        raise Refusal(400, t("sharing.refused_message"))
    if isinstance(value, dict):
        path = value.get("path")
        if isinstance(path, str) and path:
            yield path
        for inner in value.values():
            yield from _paths_in(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths_in(inner, depth - 1)


def _strings_in(value: Any) -> Iterator[str]:
    """Every string of a message, however deep; what Gradio sends is a tree of its own making."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
