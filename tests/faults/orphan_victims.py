"""Kills apps and training processes, and says what became of the other side, as JSON lines.

    python -m tests.faults.orphan_victims FOLDER KILLS

For every kill there is an app and its training process, both forks of this one: the app does nothing
but live, the process trains a run of the tiny model without end. Either the app is killed, then the
process must save and end by itself, or the process is, then its run must say so and be able to go on.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

import psutil
import torch

from tests.faults.generation_victims import say
from tests.faults.training_victims import prepare
from tests.services.training_runs.small_runs import LIMIT_S, POLL_S, make_book, settings_of
from videosketcher_app.services.process_mark import own_mark
from videosketcher_app.services.training_runs.inside import CHILD_VARIABLE, train_folder
from videosketcher_app.services.training_runs.reading import view_of
from videosketcher_app.services.training_runs.run_folder import LOG, STATUS, RunFolder
from videosketcher_app.training.state import STATE_FILE

SIDES = ("app", "process")
TOGETHER = 4  # pairs that live at a time
GONE_S = 90.0  # the end of a step and one save


def live_as_app(run: RunFolder) -> NoReturn:
    """An app that starts a training process and then only lives."""
    run.note(keeper=own_mark())
    if os.fork() == 0:
        live_as_process(run)
    while True:
        signal.pause()


def live_as_process(run: RunFolder) -> NoReturn:
    """A training process as `child.start_child` starts it."""
    os.setsid()
    os.environ[CHILD_VARIABLE] = "1"
    with (run.path / LOG).open("ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    faulthandler.register(signal.SIGUSR1, file=sys.__stderr__)
    try:
        train_folder(run.path, settings_of(run.path.parents[1]))
    finally:
        os._exit(0)


def awaited(condition, limit_s: float = LIMIT_S) -> bool:
    """True as soon as the condition holds; False if it never does."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(POLL_S)
    return False


def is_gone(pid: int) -> bool:
    """True if a process is not there; one that nobody has waited for does nothing any more."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(app: int) -> None:
    """Ends an app."""
    os.kill(app, signal.SIGKILL)
    os.waitpid(app, 0)


def outcome(side: str, app: int, run: RunFolder) -> dict[str, object]:
    """Kills one side of a pair that trains; what became of the other."""
    trains = awaited(lambda: run.process_pid and run.read(STATUS).get("step", 0) >= 1)
    pid = run.process_pid
    if not trains or pid is None:
        end(app)
        return {"side": side, "trained": False, "log": run.log_tail(500)}
    if side == "app":
        end(app)
    else:
        os.kill(pid, signal.SIGKILL)
    is_over = awaited(lambda: is_gone(pid), GONE_S)
    view = view_of(run)
    where = "" if is_over else stacks_of(pid, run)
    if side == "process":
        end(app)
    return {
        "side": side,
        "trained": True,
        "orphan": not is_over,
        "state": view.state,
        "can_go_on": view.can_go_on,
        "saved": (run.path / STATE_FILE).is_file(),
        "where": where,
    }


def stacks_of(pid: int, run: RunFolder) -> str:
    """What a process that should have ended is doing; it ends now."""
    os.kill(pid, signal.SIGUSR1)
    time.sleep(1.0)
    stacks = run.log_tail(6000)
    os.kill(pid, signal.SIGKILL)
    return stacks


def main(folder: Path, kills: int) -> None:
    source = folder / "source"
    make_book(source)
    shutil.move(source / "datasets" / "ink", source / "book")
    for begun in range(0, kills, TOGETHER):
        pairs = []
        for number in range(begun, min(kills, begun + TOGETHER)):
            run = RunFolder(prepare(source, folder / str(number), num_steps=100_000))
            app = os.fork()
            if app == 0:
                live_as_app(run)
            pairs.append((SIDES[number % 2], app, run))
        for side, app, run in pairs:
            say(outcome(side, app, run))


if __name__ == "__main__":
    torch.set_num_threads(1)  # a fork does not inherit the others
    import videosketcher_app.training.style  # noqa: F401

    main(Path(sys.argv[1]), int(sys.argv[2]))
