"""The supervisor: starts waiting runs one after another, and shares the device with the drawings.

Its thread lives only while a run waits or trains. A run yields from the moment that a job is
submitted until the queue has been idle for a while, so that a conversation of short jobs does not
start and stop the training with every one.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from videosketcher_app.core.errors import AppError, CannotWrite
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.process_mark import own_mark
from videosketcher_app.services.training_runs.child import end_child, let_go, start_child
from videosketcher_app.services.training_runs.run_folder import PROCESS, RunFolder
from videosketcher_app.services.training_runs.tether import GRACE_S

logger = logging.getLogger(__name__)
IDLE_S = 2.0
_POLL_S = 0.5
Admit = Callable[[RunFolder], None]


class Supervisor:
    """Keeps the training processes of one app.

    Args:
        folder: the folder of all runs.
        queue: whose jobs go first.
        variables: environment variables for the training processes.
        admit: called before a run starts; raises an AppError if it may not.
        on_end: called when the process of a run has ended.
    """

    def __init__(
        self,
        folder: Path,
        *,
        queue: JobQueue,
        variables: Mapping[str, str],
        admit: Admit,
        on_end: Callable[[RunFolder], None],
    ) -> None:
        self._folder, self._queue, self._variables = folder, queue, variables
        self._admit, self._on_end = admit, on_end
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._waiting: list[str] = []
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy_at = -IDLE_S
        queue.when_changed(self._on_queue)

    def enqueue(self, run: RunFolder) -> None:
        """Starts a run as soon as none trains, its own last process included, which may be leaving.

        Raises:
            CannotWrite: its folder cannot be written.
        """
        with self._lock:
            run.ask("run")
            if self._closed or run.id in self._waiting:
                return
            run.note(keeper=own_mark(), queued_at=time.time(), exit_code=None)
            run.say("waiting")  # what an earlier process said last is over
            self._waiting.append(run.id)
        self._ensure_thread()

    def withdraw(self, run: RunFolder) -> bool:
        """Takes a run that waits out of the queue; False if it does not wait here.

        Raises:
            CannotWrite: its folder cannot be written.
        """
        with self._lock:
            if run.id not in self._waiting:
                return False
            self._waiting.remove(run.id)
            run.note(queued_at=None)
            return True

    def is_started(self, run_id: str) -> bool:
        """True if this app has started the run's process and it has not ended."""
        process = self._children.get(run_id)
        return process is not None and process.poll() is None

    def close(self) -> None:
        """Ends what is not detached, with its state saved if it gets that far in time."""
        with self._lock:
            self._closed = True
            waiting = [RunFolder(self._folder / run_id) for run_id in self._waiting]
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        for run in waiting:
            with suppress(CannotWrite):
                self.withdraw(run)
        for run in live_runs(self._folder):
            with suppress(CannotWrite):
                run.set_yield(False)
        self._end_children()

    def _end_children(self) -> None:
        ending = []
        for run_id, process in self._children.items():
            run = RunFolder(self._folder / run_id)
            if run.ticket().detached and process.poll() is None:
                let_go(process)
                continue
            with suppress(CannotWrite):
                run.ask("pause")
            ending.append((run, process))
        deadline = time.monotonic() + GRACE_S
        for run, process in ending:
            end_child(process, max(0.0, deadline - time.monotonic()))
            self._ended(run, process)

    def _on_queue(self) -> None:
        """On the thread of whoever submits a job: it only looks and wakes."""
        if self._thread is not None:
            self._wake.set()
        elif next(live_runs(self._folder), None) is not None:
            self._ensure_thread()

    def _ensure_thread(self) -> None:
        with self._lock:
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(
                    target=self._work, name="training runs", daemon=True
                )
                self._thread.start()
        self._wake.set()

    def _work(self) -> None:
        while self._tick():
            self._wake.wait(_POLL_S)
            self._wake.clear()

    def _tick(self) -> bool:
        """One look at everything; False once there is nothing left to look after."""
        self._reap()
        if not self._closed:
            self._start_next()
        live = list(live_runs(self._folder))
        self._share(live)
        with self._lock:
            is_needed = bool(self._children or self._waiting or live) and not self._closed
            if not is_needed:
                self._thread = None
            return is_needed

    def _reap(self) -> None:
        for run_id, process in list(self._children.items()):
            run = RunFolder(self._folder / run_id)
            if process.poll() is not None:
                self._ended(run, process)
                del self._children[run_id]
            elif run.ticket().queued_at is not None and run.process_pid is not None:
                with suppress(CannotWrite):
                    run.note(queued_at=None)

    def _ended(self, run: RunFolder, process: subprocess.Popen[bytes]) -> None:
        with self._lock, suppress(CannotWrite):
            if run.path.is_dir() and run.id not in self._waiting:
                run.note(queued_at=None, exit_code=process.returncode)
        self._on_end(run)

    def _start_next(self) -> None:
        if not self._waiting or self._children or next(live_runs(self._folder), None) is not None:
            return
        with self._lock:
            if not self._waiting:
                return
            run = RunFolder(self._folder / self._waiting.pop(0))
            try:
                self._admit(run)
                self._children[run.id] = start_child(run, self._variables)
            except AppError as error:
                refuse(run, error)

    def _share(self, live: list[RunFolder]) -> None:
        now = time.monotonic()
        if self._queue.is_running or self._queue.waiting():
            self._busy_at = now
        yields = now - self._busy_at < IDLE_S and not self._closed
        for run in live:
            with suppress(CannotWrite):
                run.set_yield(yields)


def live_runs(folder: Path) -> Iterator[RunFolder]:
    """The runs that some process trains now."""
    for path in sorted(folder.glob(f"*/{PROCESS}")):
        run = RunFolder(path.parent)
        if run.process_pid is not None:
            yield run


def refuse(run: RunFolder, error: AppError) -> None:
    """A run that could not begin says why; nothing of it is lost."""
    logger.warning("%s did not start: %s", run.id, error)
    with suppress(CannotWrite):
        run.note(queued_at=None)
        run.say("failed", error.message, error.hint)
