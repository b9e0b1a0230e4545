"""Victims: forks of this process that are killed at a fault point or at a moment, without mercy.

Run by scripts that have imported what a victim needs and started no thread, so that each of the
many kills costs no start of Python.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

from videosketcher_app.core import faults

KILLED = -signal.SIGKILL


def kill_myself() -> None:
    """SIGKILL: no handler, no `finally`, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal is on its way


def run_victim(
    work: Callable[[], None],
    *,
    point: str | None = None,
    skip: int = 0,
    after_s: float | None = None,
) -> int:
    """Runs `work` in a fork that dies at a fault point or after some seconds.

    Returns 0 if it came to its end, KILLED, or 1 after an exception.
    """
    pid = os.fork()
    if pid == 0:
        _be_victim(work, point, skip)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _be_victim(work: Callable[[], None], point: str | None, skip: int) -> None:
    status = 1
    try:
        if point is None:
            work()
        else:
            with faults.armed(point, kill_myself, skip=skip):
                work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
