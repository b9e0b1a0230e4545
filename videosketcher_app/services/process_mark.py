"""Says which process does a job, so that a later start knows whether that one still lives.

Process ids are handed out again, and clocks jump: a mark holds the id, the seconds between the
machine's start and the process's, and a random word for containers, where every start has id 1.
"""

from __future__ import annotations

import os
import secrets

import psutil

_WORD = secrets.token_hex(4)
_TOLERANCE_S = 2.0


def own_mark() -> str:
    """The mark of this process."""
    return f"{os.getpid()}:{_after_boot_s(psutil.Process()):.2f}:{_WORD}"


def lives(mark: str) -> bool:
    """True if the process that made the mark is still there; False for what is no mark."""
    try:
        pid_text, started_text, word = mark.split(":")
        pid, started_s = int(pid_text), float(started_text)
    except ValueError:
        return False
    if pid == os.getpid():
        return word == _WORD
    try:
        process = psutil.Process(pid)
        # Under a first process that never asks for them, ended processes keep their ids for ever.
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return abs(_after_boot_s(process) - started_s) < _TOLERANCE_S
    except (psutil.Error, ValueError, OverflowError):
        return False


def _after_boot_s(process: psutil.Process) -> float:
    """Both times come from one clock, so their difference does not jump with it."""
    return process.create_time() - psutil.boot_time()
