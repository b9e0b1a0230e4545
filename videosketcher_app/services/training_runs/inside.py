"""Inside the training process: one run from the lock to its last word in status.json.

Whatever ends the run, its status says so in one sentence: this is the boundary of the process.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from videosketcher_app.core import faults
from videosketcher_app.core.errors import (
    AppError,
    Cancelled,
    CannotWrite,
    InvalidRequest,
    OutOfMemory,
)
from videosketcher_app.core.secret import SecretFilter
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.instance import AlreadyRunning, InstanceLock
from videosketcher_app.services.job import JobFailure
from videosketcher_app.services.model_shelf import pick_device
from videosketcher_app.services.process_mark import own_mark
from videosketcher_app.services.training_runs.costs import budget_of, costs_of
from videosketcher_app.services.training_runs.reading import CHECKPOINTS, SAMPLES
from videosketcher_app.services.training_runs.run_folder import PROCESS, STATUS, RunFolder
from videosketcher_app.services.training_runs.tether import is_paused, tethered
from videosketcher_app.storage import atomic
from videosketcher_app.storage.paths import Workspace

logger = logging.getLogger(__name__)
CHILD_VARIABLE = "VIDEOSKETCHER_TRAINING_CHILD"
FOLDER, LOCK = "training", ".lock"
_BALLAST, _BALLAST_BYTES = ".ballast", 64 * 1024
_POLL_S = 0.5
_NICE = 10
Tell = Callable[[str], None]


def train_folder(path: Path, settings: AppSettings, tell: Tell = lambda _: None) -> str:
    """Trains the run of a folder to its end, from its last saved state if there is one.

    Args:
        settings: of the workspace in which one run trains at a time; others wait.
        tell: shows a remark to the person at the terminal.

    Returns:
        The state that it ended in: "done" or "stopped".

    Raises:
        Cancelled: it was paused, and can go on.
        AppError: why it failed; its status says the same.
    """
    run = RunFolder(path)
    is_child = bool(os.environ.get(CHILD_VARIABLE))
    if is_child:
        _be_modest()
    elif run.process_pid is not None:
        raise InvalidRequest("This run trains already.", hint="Pause it in the window first.")
    else:
        run.ask("run")
        run.say("waiting")
    try:
        with (
            tethered(run, is_child=is_child),
            _turn(run, lock_of(settings), tell),
            _registered(run),
        ):
            _train(run, settings)
    finally:
        costs_of(settings).learn(run)  # with what the tether saw last
    return str(run.read(STATUS).get("state"))


def _train(run: RunFolder, settings: AppSettings) -> None:
    """The run itself; whatever ends it is an AppError afterwards, and in its status."""
    path = run.path
    try:
        for folder in (path, path / SAMPLES, path / CHECKPOINTS):
            atomic.sweep_leftovers(folder)
        _make_ballast(run)
        from videosketcher_app.training.style import run_style

        device = pick_device(settings.device)
        run_style(path, resume=True, device=device, budget_bytes=budget_of(settings, device))
    except BaseException as error:
        if is_paused(run):
            raise _paused(run) from None
        told = _explained(error)
        _say_end(run, told)
        raise told from error
    finally:
        (path / _BALLAST).unlink(missing_ok=True)


def _paused(run: RunFolder) -> Cancelled:
    status = run.read(STATUS)
    return Cancelled(
        f"Paused at step {status.get('step', 0)} of {status.get('num_steps', 0)}.",
        hint=go_on_hint(run.path),
    )


def lock_of(settings: AppSettings) -> Path:
    """The file that whoever trains in the workspace of these settings holds."""
    return Workspace(settings.workspace.absolute()).root / FOLDER / LOCK


def go_on_hint(path: Path) -> str:
    """How a person at a shell goes on with a run."""
    return f"Go on with: train lora --run-folder {path}"


@contextmanager
def _turn(run: RunFolder, lock: Path, tell: Tell) -> Iterator[None]:
    """The lock of the workspace; while another run trains, this one waits unless it is asked not to."""
    held, told = InstanceLock(lock), False
    while True:
        try:
            held.acquire()
            break
        except AlreadyRunning:
            if not told:
                tell("Another run trains; this one begins when that one has ended.")
                told = True
        want = run.control().want
        if want != "run":
            run.say("paused" if want == "pause" else "stopped")
            raise Cancelled("It ended before its turn came.", hint=go_on_hint(run.path))
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        held.release()


@contextmanager
def _registered(run: RunFolder) -> Iterator[None]:
    """Says in the folder that this process trains here."""
    atomic.write_json(run.path / PROCESS, {"mark": own_mark(), "pid": os.getpid()})
    try:
        yield
    finally:
        (run.path / PROCESS).unlink(missing_ok=True)


def _explained(error: BaseException) -> AppError:
    """One sentence for whatever ended the run."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Cancelled("Stopped at once.", hint="It can go on from its last saved state.")
    if isinstance(error, MemoryError) or _is_out_of_memory(error):
        return OutOfMemory(
            "Training needs more memory than is free.",
            hint="Close other programs and go on, or start again with a smaller preset.",
        )
    logger.error("training failed", exc_info=error)
    return JobFailure(
        f"Training stopped because of an unexpected error: {type(error).__name__}.",
        hint="The run's log has the details; it can go on from its last saved state.",
    )


def _is_out_of_memory(error: BaseException) -> bool:
    """torch says it in its own class on a GPU, and in words on a CPU."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, RuntimeError):
        return False
    return isinstance(error, torch.OutOfMemoryError) or "not enough memory" in str(error)


def _say_end(run: RunFolder, error: AppError) -> None:
    """The error as the run's status; a full disk only pauses, for it may have room again."""
    state = "paused" if isinstance(error, Cancelled | CannotWrite) else "failed"
    # What was put aside at the start makes room for these few bytes on a full disk.
    (run.path / _BALLAST).unlink(missing_ok=True)
    with suppress(CannotWrite):
        run.say(state, error.message, error.hint, pid=os.getpid())


def _make_ballast(run: RunFolder) -> None:
    """Room for the last words; random, so that no file system stores it as nothing."""
    faults.point("training_runs.ballast")
    atomic.write_bytes(run.path / _BALLAST, secrets.token_bytes(_BALLAST_BYTES))


def _be_modest() -> None:
    """Lets everything else on this machine go first, and logs to what the app gave as output."""
    with suppress(psutil.Error, OSError):
        below_normal = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", _NICE)
        psutil.Process().nice(below_normal)
    handler = logging.StreamHandler()
    handler.addFilter(SecretFilter())
    logging.basicConfig(
        level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(message)s"
    )
