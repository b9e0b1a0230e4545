"""How long to try again: pauses that double, what the server asks for, and an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.storage.downloads.errors import DownloadFailed, Trouble
from videosketcher_app.storage.downloads.limits import Limits

T = TypeVar("T")
OnNote = Callable[[str], None]


def wait_after(
    trouble: Trouble,
    failed: int,
    tries: int,
    limits: Limits,
    cancel: CancelToken,
    on_note: OnNote,
) -> None:
    """Waits before the next try.

    Args:
        failed: tries in a row that brought nothing, this one included.
        tries: how many there may be.
        on_note: is told why.

    Raises:
        DownloadFailed: it was the last try, or the server asks for more time than anyone has.
        Cancelled: somebody asked to stop.
    """
    if failed >= tries or (trouble.wait_s or 0.0) > limits.max_wait_s:
        raise DownloadFailed(
            trouble.sentence, hint="Go on later: what has arrived is kept."
        ) from trouble
    pause_s = min(limits.pause_s * 2 ** (failed - 1), limits.max_pause_s)
    on_note(trouble.sentence)
    cancel.wait(pause_s if trouble.wait_s is None else trouble.wait_s)
    cancel.raise_if_cancelled()


def patiently(ask: Callable[[], T], limits: Limits, cancel: CancelToken, on_note: OnNote) -> T:
    """The answer to a question, asked again while there is Trouble.

    Raises:
        DownloadFailed: see `wait_after`.
        Cancelled: see `wait_after`.
    """
    failed = 0
    while True:
        cancel.raise_if_cancelled()
        try:
            return ask()
        except Trouble as trouble:
            cancel.raise_if_cancelled()
            failed += 1
            wait_after(trouble, failed, limits.look_tries, limits, cancel, on_note)
