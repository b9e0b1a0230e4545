"""Starts the process that trains or measures one run, out of reach of the terminal's Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from videosketcher_app.core.secret import child_environment
from videosketcher_app.services.job import JobFailure
from videosketcher_app.services.training_runs.inside import CHILD_VARIABLE
from videosketcher_app.services.training_runs.run_folder import LOG, RunFolder


def start_child(
    run: RunFolder, variables: Mapping[str, str], *, dry: bool = False
) -> subprocess.Popen[bytes]:
    """Starts `train lora --run-folder` for a run; its output goes to the run's log.

    Args:
        variables: of the environment, beside ours without the keys.
        dry: it only measures one step.

    Raises:
        JobFailure: the system has no room for another process, or the log cannot be written.
    """
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {
        **child_environment(),
        **variables,
        CHILD_VARIABLE: "1",
        "PYTHONPATH": path,
        "PYTHONUTF8": "1",
    }
    command = [sys.executable, "-m", "videosketcher_app", "train", "lora"]
    command += ["--dry-run"] if dry else []
    try:
        with (run.path / LOG).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
                [*command, "--run-folder", str(run.path.absolute())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
                | getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
    except OSError as error:
        raise JobFailure(
            f"The training process cannot be started: {error.strerror or error}.",
            hint="Close other programs, or free some space, and go on.",
        ) from error


def end_child(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Waits for a process that was asked to end, and kills it when the time is over."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout_s)
        return
    process.kill()
    process.wait()


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Gives up a process that outlives this one: nobody here will wait for its end."""
    process.returncode = 0  # else Python warns that it still runs, which is what was asked for
