"""The tether between a training process and the app: who is gone, who must be asked to pause.

A thread of the training process. It asks the run to pause when a signal came or when the app that
it belongs to is gone, unless it is detached; a run that does not pause in time is ended, since its
last saved state is whole. It also keeps the log of a child process short.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.services.process_mark import lives
from videosketcher_app.services.training_runs.costs import Pace
from videosketcher_app.services.training_runs.run_folder import LOG, STATUS, RunFolder

POLL_S = 0.5
GRACE_S = 7.0  # to reach the next step and save; with the polls, less than ten seconds in all
MAX_LOG_BYTES = 1_000_000
EXIT_ORPHAN = 75
_STDOUT = 1
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)


class Tether(threading.Thread):
    """Watches over one run for as long as a `with tethered(...)` block runs.

    Args:
        run: the folder of the run.
        is_child: this process belongs to the app that the run's ticket names.
    """

    def __init__(self, run: RunFolder, *, is_child: bool) -> None:
        super().__init__(name="training tether", daemon=True)
        self._run = run
        self._is_child = is_child
        self._ended = threading.Event()
        self._signalled = self._asked = False
        self._left = False
        self._orphan_since: float | None = None
        self._pace = Pace(run)

    def pause(self) -> bool:
        """Asks the run to pause at its next step, from a signal handler; False the second time."""
        first, self._signalled = not (self._signalled or self._left), True
        return first

    def end(self) -> None:
        """Stops watching, with a last look: a short run may have passed between two."""
        self._ended.set()
        self.join()
        self._pace.look(self._run.read(STATUS))

    def run(self) -> None:
        """Looks around until `end`."""
        while not self._ended.wait(POLL_S):
            with suppress(CannotWrite):  # no room: the run itself will say so
                self._look()

    def _look(self) -> None:
        if self._signalled and not self._asked:
            self._asked = True
            self._run.ask("pause")
        if self._is_child:
            shorten_log(self._run)
            self._look_for_keeper()
        self._pace.look(self._run.read(STATUS))
        control = self._run.control()
        if control.want == "pause" and is_paused(self._run) and not self._left:
            self._left = True
            _thread.interrupt_main()  # its state is saved: it need not stay and hold memory
        if control.yields and not lives(control.yield_for):
            self._run.set_yield(False)  # who asked for it is gone and will not take it back

    def _look_for_keeper(self) -> None:
        ticket = self._run.ticket()
        if self._run.path.is_dir() and (ticket.detached or lives(ticket.keeper)):
            self._orphan_since = None
            return
        if self._orphan_since is None:
            self._orphan_since = time.monotonic()
            if self._run.path.is_dir():
                self._run.ask("pause")
        elif time.monotonic() - self._orphan_since > GRACE_S:
            os._exit(EXIT_ORPHAN)


def is_paused(run: RunFolder) -> bool:
    """True if this process has saved the run's state and waits to be told to go on."""
    status = run.read(STATUS)
    return status.get("state") == "paused" and status.get("pid") == os.getpid()


@contextmanager
def tethered(run: RunFolder, *, is_child: bool) -> Iterator[None]:
    """Tethers the run that the block trains; Ctrl-C and SIGTERM pause it, a second one breaks it."""
    tether = Tether(run, is_child=is_child)
    tether.start()
    before = _listen(tether)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        tether.end()


def shorten_log(run: RunFolder) -> None:
    """Drops the older half of a log that has grown too long; standard output is that log."""
    path = run.path / LOG
    with suppress(OSError):
        if path.stat().st_size <= MAX_LOG_BYTES:
            return
        with path.open("rb") as file:
            file.seek(-MAX_LOG_BYTES // 2, os.SEEK_END)
            rest = file.read().partition(b"\n")[2]
        os.ftruncate(_STDOUT, 0)
        os.lseek(_STDOUT, 0, os.SEEK_SET)
        os.write(_STDOUT, rest)


def _listen(tether: Tether) -> dict[int, signal.Handlers]:
    """Only the main thread hears signals; a run in another thread is paused by its caller."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def on_signal(_number: int, _frame: object) -> None:
        if not tether.pause():
            raise KeyboardInterrupt

    for number in _SIGNALS:
        signal.signal(number, on_signal)
    return before  # type: ignore[return-value]
