"""The folder of a style run, seen from inside: what it is told, what it tells, what it keeps.

request.json     what was asked (`style_request`)
control.json     {"want": "run" | "pause" | "stop", "yield": true | false}, written from outside
status.json      how far it is, written after every change
log.csv          the loop's log           state.safetensors, prepared.safetensors   for resuming
samples/<step>/  <i>.png, <i>.mp4, index.json
checkpoints/     lora_<step>.safetensors  lora.safetensors   the result
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import psutil

from videosketcher_app.core.errors import AppError, CannotWrite
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.folders import remove_file, remove_folder
from videosketcher_app.training.loop import LOG_FILE
from videosketcher_app.training.state import STATE_FILE

CONTROL_FILE, STATUS_FILE = "control.json", "status.json"
PREPARED_FILE, RESULT_FILE = "prepared.safetensors", "lora.safetensors"
SAMPLES, CHECKPOINTS = "samples", "checkpoints"
POLL_S = 0.1
LOOK_EVERY_S = 0.05  # control.json is not read more often than that
_MAX_CONTROL_BYTES = 10_000
_MIB = 1024**2


@dataclass(frozen=True, kw_only=True)
class Control:
    """What the run is told to do.

    Attributes:
        want: "run", "pause" or "stop".
        yields: give the processor away until it is false again.
    """

    want: str = "run"
    yields: bool = False


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is; the values of status.json.

    Attributes:
        state: "preparing", "training", "yielding", "paused", "stopping", "stopped", "failed" or
            "done".
        loss: mean since the last row of the log; None before the first.
        seconds: of work so far, waiting left out, earlier executions included.
        seconds_left: as far as it can be told; None if not.
        sample_seconds: of one sample, the latest; 0 before the first.
        memory_bytes: of this process, now.
        updated: UTC, ISO 8601.
    """

    state: str = "preparing"
    step: int = 0
    num_steps: int = 0
    loss: float | None = None
    seconds: float = 0.0
    seconds_left: float | None = None
    sample_seconds: float = 0.0
    memory_bytes: int = 0
    message: str = ""
    hint: str = ""
    pid: int = 0
    updated: str = ""


class RunFolder:
    """Control and status of one run.

    Args:
        path: the run's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.status = Status(pid=os.getpid())
        self.waited_s = 0.0
        self._looked = 0.0
        self._control = Control()

    def control(self) -> Control:
        """What the run is told now; a file that is missing or half made changes nothing."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY_S:
            return self._control
        self._looked = now
        try:
            text = bounded.read_text(
                self.path / CONTROL_FILE, max_bytes=_MAX_CONTROL_BYTES, what="control file"
            )
            values = json.loads(text)
            want = values.get("want", "run")
            if want in ("run", "pause", "stop"):
                self._control = Control(want=want, yields=values.get("yield") is True)
        except (AppError, ValueError, AttributeError, RecursionError):
            pass
        return self._control

    def tell(self, **changes: object) -> None:
        """Writes status.json with these changes.

        Raises:
            CannotWrite: the folder cannot be written or the disk is full.
        """
        self.status = replace(
            self.status,
            **changes,  # type: ignore[arg-type]
            memory_bytes=psutil.Process().memory_info().rss,
            updated=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        )
        atomic.write_json(self.path / STATUS_FILE, asdict(self.status))

    def give_way(self) -> None:
        """Waits while somebody else needs the processor; may be called in the middle of a step."""
        if self.control().yields and self.control().want == "run":
            self._wait("yielding", lambda control: control.yields and control.want == "run")

    def may_go_on(self, before_waiting: Callable[[], None] = lambda: None) -> bool:
        """Waits while the run is paused or gives way; False if it is to stop.

        Args:
            before_waiting: called before a pause, to save what would be lost with the process.
        """
        while (control := self.control()).want == "pause" or control.yields:
            if control.want == "stop":
                break
            if control.want == "pause":
                before_waiting()
                self._wait("paused", lambda now: now.want == "pause")
            else:
                self.give_way()
        return self.control().want != "stop"

    def _wait(self, state: str, goes_on: Callable[[Control], bool]) -> None:
        before, begun = self.status.state, time.monotonic()
        self.tell(state=state)
        while goes_on(self.control()):
            time.sleep(POLL_S)
        self.waited_s += time.monotonic() - begun
        self.tell(state=before)

    def forget(self) -> None:
        """Removes what an earlier execution left, for a run from the start.

        Raises:
            CannotWrite: something cannot be removed.
        """
        for name in (SAMPLES, CHECKPOINTS):
            remove_folder(self.path / name)
        for name in (STATE_FILE, PREPARED_FILE, RESULT_FILE, LOG_FILE):
            remove_file(self.path / name)

    def sample_folder(self, step: int) -> Path:
        """Where the samples of a step are."""
        return self.path / SAMPLES / str(step)

    def checkpoint_file(self, step: int) -> Path:
        """Where the LoRA of a step is."""
        return self.path / CHECKPOINTS / f"lora_{step}.safetensors"

    def keep_within(self, budget_mb: int) -> None:
        """Removes old samples and checkpoints while there are more than the budget allows.

        The first samples and the latest of both always stay.

        Raises:
            CannotWrite: something cannot be removed.
        """
        samples = _numbered(self.path / SAMPLES, prefix="")
        checkpoints = _numbered(self.path / CHECKPOINTS, prefix="lora_")
        spare = sorted([*samples[1:-1], *checkpoints[:-1]], key=lambda item: item[0])
        used = sum(map(_size, (path for _, path in [*samples, *checkpoints])))
        for _, path in spare:
            if used <= budget_mb * _MIB:
                return
            used -= _size(path)
            remove_folder(path) if path.is_dir() else remove_file(path)

    def require_space(self, num_bytes: int) -> None:
        """Refuses to begin on a disk that is too full to end.

        Raises:
            CannotWrite: fewer bytes are free.
        """
        free = shutil.disk_usage(self.path).free
        if free < num_bytes:
            raise CannotWrite(
                f"The run needs about {num_bytes / _MIB:,.0f} MB on the disk; "
                f"{free / _MIB:,.0f} MB are free.",
                hint="Free some space, or lower disk_budget_mb in the preset.",
            )


def _numbered(folder: Path, *, prefix: str) -> list[tuple[int, Path]]:
    """Entries whose name is a prefix and a number, by that number."""
    if not folder.is_dir():
        return []
    named = [(path.stem.removeprefix(prefix), path) for path in folder.iterdir()]
    return sorted((int(number), path) for number, path in named if number.isdecimal())


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
