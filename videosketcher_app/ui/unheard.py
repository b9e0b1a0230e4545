"""Pages that ask and do not listen: few of them, and not for long.

Gradio keeps what it has to tell a page until the page fetches it. A page listens a moment after
its first question; one that never does would fill the memory, and have drawings made for nobody.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from videosketcher_app.ui.gradio_routes import DATA
from videosketcher_app.ui.texts import t
from videosketcher_app.ui.uploads import Refusal

MOST_PAGES = 2  # of one guest
MOST_QUESTIONS = 8  # of one page: it may ask for several things while it opens
PATIENCE_S = 30.0
_LETTING_GO_S = 5.0


class Unheard:
    """The pages of one door that have asked for something and do not listen to the answer."""

    def __init__(self) -> None:
        self._listening: Counter[str] = Counter()
        self._questions: dict[str, dict[str, int]] = {}  # guest -> page -> how many

    def ask(self, guest: str, page: str) -> bool:
        """Books a question; True if it is the first one of a page that nobody listens to.

        Raises:
            Refusal: 429, too much is unheard already.
        """
        if self._listening[page]:
            return False
        pages = self._questions.get(guest, {})
        num_questions = pages.get(page, 0)
        if num_questions >= MOST_QUESTIONS or (not num_questions and len(pages) >= MOST_PAGES):
            raise Refusal(429, t("sharing.refused_rate"))
        self._questions.setdefault(guest, {})[page] = num_questions + 1
        return not num_questions

    @contextmanager
    def listening(self, guest: str, page: str) -> Iterator[None]:
        """Somebody listens to the page until the block ends."""
        self.forget(guest, page)
        self._listening[page] += 1
        try:
            yield
        finally:
            self._listening[page] -= 1
            if not self._listening[page]:
                del self._listening[page]

    def forget(self, guest: str, page: str) -> bool:
        """Strikes a page out; False if nothing of it was unheard."""
        pages = self._questions.get(guest, {})
        was_unheard = pages.pop(page, None) is not None
        if not pages:
            self._questions.pop(guest, None)
        return was_unheard

    def is_heard(self, page: str) -> bool:
        """True while somebody listens to the page."""
        return self._listening[page] > 0


async def hang_up(app: Callable[..., Awaitable[None]], scope: dict[str, Any], page: str) -> None:
    """Listens to a page and hangs up, whereupon Gradio drops what it kept and stops what ran for it.

    A cancelled listener is the one end of which Gradio makes no exception: after others, messages
    that were on their way stay.

    Args:
        scope: of a request of the same page.
    """
    heard = asyncio.Event()

    async def silence() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def hear(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            heard.set()

    tasks = [
        asyncio.ensure_future(app(_listener(scope, page), silence, hear)),
        asyncio.ensure_future(heard.wait()),
    ]
    await asyncio.wait(tasks, timeout=_LETTING_GO_S, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _listener(scope: dict[str, Any], page: str) -> dict[str, Any]:
    headers = [(name, value) for name, value in scope["headers"] if name.lower() == b"host"]
    query = urlencode({"session_hash": page}).encode()
    return {
        **scope,
        "method": "GET",
        "path": DATA,
        "raw_path": DATA.encode(),
        "query_string": query,
        "headers": headers,
    }
