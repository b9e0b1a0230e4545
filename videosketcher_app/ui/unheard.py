"""Pages that ask and do not listen: few of them, and not for long.

Gradio keeps what it has to tell a page until the page fetches it. A page listens a moment after
its first question; one that never does would fill the memory, and have drawings made for nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from videosketcher_app.ui.texts import t
from videosketcher_app.ui.uploads import Refusal

MOST_PAGES = 2  # of one guest
MOST_QUESTIONS = 8  # of one page: it may ask for several things while it opens
PATIENCE_S = 30.0


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

    def concerns(self, guest: str, page: str) -> bool:
        """True while somebody listens to the page, or it has asked and may listen yet."""
        return self._listening[page] > 0 or page in self._questions.get(guest, {})
