"""Errands: what takes longer than a press, in threads of their own, with a state to look at.

An errand belongs to the app, not to the page that asked for it: whoever opens the page later sees
how far it is. Comparing files reads the disk and needs no device, so drawing goes on beside it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.ui.texts import t

logger = logging.getLogger(__name__)
RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
PATIENCE_S = 1.0  # a reader that follows looks again after so long, whatever happens


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One errand as it is now.

    Attributes:
        words: what the person reads: what is done now, then what came of it.
        done, total: in steps or bytes; total 0 if it cannot be counted.
    """

    key: str
    state: str = RUNNING
    words: str = ""
    done: int = 0
    total: int = 0

    @property
    def is_running(self) -> bool:
        """True if news can come of it."""
        return self.state == RUNNING


class Told:
    """How an errand says how far it is; handed to its work."""

    def __init__(self, tell: Callable[[str, int, int], None]) -> None:
        self._tell = tell

    def __call__(self, words: str, done: int = 0, total: int = 0) -> None:
        """Tells what is being done, and how much of it is."""
        self._tell(words, int(done), int(total))


# (telling, cancel) -> what the person reads at the end.
Work = Callable[[Told, CancelToken], str]


class Errands:
    """All errands of one app, the last one of every key."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._errands: dict[str, Errand] = {}
        self._tokens: dict[str, CancelToken] = {}

    def start(self, key: str, words: str, work: Work) -> None:
        """Begins an errand.

        Raises:
            InvalidRequest: one of this key is under way.
        """
        token = CancelToken()
        with self._changed:
            old = self._errands.get(key)
            if old is not None and old.is_running:
                raise InvalidRequest(t("models.under_way"), hint=t("models.under_way_hint"))
            self._errands[key] = Errand(key=key, words=words)
            self._tokens[key] = token
            self._changed.notify_all()
        threading.Thread(
            target=self._run, args=(key, work, token), name=f"models {key}", daemon=True
        ).start()

    def stop(self, key: str) -> None:
        """Asks an errand to end; one that has ended, or never was, changes nothing."""
        with self._changed:
            token = self._tokens.get(key)
        if token is not None:
            token.cancel()

    def forget(self, key: str) -> None:
        """What came of an errand is of no interest any more."""
        with self._changed:
            if key in self._errands and not self._errands[key].is_running:
                del self._errands[key]

    def view(self) -> dict[str, Errand]:
        """Every errand by its key."""
        with self._changed:
            return dict(self._errands)

    def follow(self, key: str) -> Iterator[Errand]:
        """The errand each time that it has changed, until it has ended."""
        seen: Errand | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=seen: self._errands.get(key) != seen, PATIENCE_S)
                errand = self._errands.get(key)
            if errand is None:
                return
            if errand != seen:
                yield errand
            if not errand.is_running:
                return
            seen = errand

    def _run(self, key: str, work: Work, token: CancelToken) -> None:
        told = Told(lambda words, done, total: self._set(key, words=words, done=done, total=total))
        try:
            words, state = work(told, token), DONE
        except Cancelled:
            words, state = t("models.stopped"), STOPPED
        except AppError as error:
            words, state = str(error), FAILED
        except Exception:
            logger.exception("The errand %s failed", key)
            words, state = t("models.failed"), FAILED
        self._set(key, state=state, words=words)

    def _set(self, key: str, **changes: object) -> None:
        with self._changed:
            self._errands[key] = replace(self._errands[key], **changes)  # type: ignore[arg-type]
            self._changed.notify_all()
