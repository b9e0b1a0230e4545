"""A run's folder becomes a RunView; whatever lies in the folder, this never raises.

A status file that an earlier process left says nothing about the one that runs now, and a status
of work without a process means that the work was cut off.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError
from videosketcher_app.services.training_runs.run_folder import (
    REQUEST,
    RESULT,
    STATUS,
    RunFolder,
    number,
    whole,
)
from videosketcher_app.services.training_runs.views import (
    ENDED_STATES,
    RUNNING_STATES,
    RunView,
    SampleItem,
    SampleStrip,
)
from videosketcher_app.storage import bounded
from videosketcher_app.storage.paths import safe_join

MAX_POINTS = 400
MAX_STRIPS = 200
MAX_ITEMS = 50
MAX_TEXT = 2000
MAX_LOG_BYTES = 50_000_000
MAX_INDEX_BYTES = 1_000_000
LOG_CSV, SAMPLES, CHECKPOINTS = "log.csv", "samples", "checkpoints"
_CHECKPOINT = re.compile(r"lora_(\d{1,9})\.safetensors")
_KILLED = "The training process ended before the run did{how}."
_KILLED_HINT = (
    "If the machine ran out of memory, close other programs; then go on from the last saved state."
)
_CLOSED_HINT = "Go on from the last saved state."


@dataclass(frozen=True)
class _State:
    name: str
    message: str = ""
    hint: str = ""


def view_of(folder: RunFolder, *, is_started: bool = False, details: bool = True) -> RunView:
    """A run as it is now.

    Args:
        is_started: its process was started by the caller and has not ended, though it may not
            have said so yet.
        details: also read losses, samples and checkpoints.
    """
    request, status, ticket = folder.read(REQUEST), folder.read(STATUS), folder.ticket()
    pid = folder.process_pid
    is_alive = pid is not None or (is_started and status.get("state") not in ENDED_STATES)
    state = _state(folder, status, pid, is_alive=is_alive)
    path = folder.path
    return RunView(
        id=folder.id,
        name=_text(request.get("name")) or folder.id,
        dataset=_text(request.get("dataset")),
        model=_text(request.get("model")),
        state=state.name,
        message=state.message,
        hint=state.hint,
        step=whole(status, "step"),
        num_steps=whole(status, "num_steps") or whole(request, "num_steps"),
        loss=number(status.get("loss")),
        seconds=number(status.get("seconds")) or 0.0,
        seconds_left=number(status.get("seconds_left")) if is_alive else None,
        memory_bytes=whole(status, "memory_bytes"),
        losses=losses_of(path) if details else (),
        samples=samples_of(path) if details else (),
        checkpoints=tuple(checkpoints_of(path)) if details else (),
        has_result=(path / RESULT).is_file(),
        is_alive=is_alive,
        detached=ticket.detached,
        created=ticket.created or _modified(path),
        flaw="" if request else "The request of this run cannot be read; remove it.",
    )


def losses_of(path: Path) -> tuple[tuple[int, float], ...]:
    """(step, loss) of the log, thinned evenly to `MAX_POINTS`; rows that are none are left out."""
    rows = []
    for row in log_rows(path):
        step, loss = _number_in(row.get("step")), _number_in(row.get("loss"))
        if step is not None and loss is not None:
            rows.append((int(step), loss))
    if len(rows) <= MAX_POINTS:
        return tuple(rows)
    last = len(rows) - 1
    return tuple(rows[round(i * last / (MAX_POINTS - 1))] for i in range(MAX_POINTS))


def log_rows(path: Path) -> list[dict[str, str]]:
    """The rows of log.csv as texts; none if there is no log that can be read."""
    try:
        text = bounded.read_text(path / LOG_CSV, max_bytes=MAX_LOG_BYTES, what="log")
        return [
            {k: v for k, v in row.items() if k and v} for row in csv.DictReader(io.StringIO(text))
        ]
    except (AppError, csv.Error):
        return []


def samples_of(path: Path) -> tuple[SampleStrip, ...]:
    """What the run drew, by step; drawings whose files are not there are left out."""
    folder = path / SAMPLES
    steps = sorted(int(entry) for entry in _names(folder) if entry.isdecimal() and len(entry) < 10)
    strips = (SampleStrip(step=step, items=_items(folder / str(step))) for step in steps)
    return tuple(strip for strip in strips if strip.items)[:MAX_STRIPS]


def checkpoints_of(path: Path) -> dict[int, Path]:
    """The LoRA files of the run by step, the earliest first."""
    folder = path / CHECKPOINTS
    found = {int(m[1]): folder / m[0] for m in map(_CHECKPOINT.fullmatch, _names(folder)) if m}
    return dict(sorted(found.items()))


def _state(folder: RunFolder, status: dict[str, Any], pid: int | None, *, is_alive: bool) -> _State:
    said = _State(*(_text(status.get(name)) for name in ("state", "message", "hint")))
    if is_alive and said.name == "paused" and pid is not None:
        return _State("stopping")  # its state is saved, and it is about to leave
    if said.name in ENDED_STATES:
        return said
    if is_alive:
        begun = status.get("pid") == pid and said.name in RUNNING_STATES
        return said if begun else _State("preparing")
    if folder.is_queued:
        return _State("waiting")
    return _interrupted(folder, has_begun="pid" in status)


def _interrupted(folder: RunFolder, *, has_begun: bool) -> _State:
    """The process is gone and has not said why; its keeper may have seen how it ended."""
    code = folder.ticket().exit_code
    if code is not None and code != 0:
        how = f" (signal {-code})" if code < 0 else f" (exit code {code})"
        return _State("interrupted", _KILLED.format(how=how), _KILLED_HINT)
    if has_begun:
        return _State("interrupted", _KILLED.format(how=""), _CLOSED_HINT)
    return _State("interrupted", "The app was closed before this run began.", "Go on to begin it.")


def _items(folder: Path) -> tuple[SampleItem, ...]:
    try:
        text = bounded.read_text(folder / "index.json", max_bytes=MAX_INDEX_BYTES, what="index")
        entries = json.loads(text)
    except (AppError, ValueError, RecursionError):
        return ()
    if not isinstance(entries, list):
        return ()
    items = (_item(folder, entry) for entry in entries[:MAX_ITEMS])
    return tuple(item for item in items if item is not None)


def _item(folder: Path, entry: object) -> SampleItem | None:
    if not isinstance(entry, dict):
        return None
    try:
        png = safe_join(folder, _text(entry.get("png")))
        mp4 = safe_join(folder, _text(entry.get("mp4")))
    except AppError:
        return None
    whole_item = png.is_file() and mp4.is_file()
    return SampleItem(_text(entry.get("prompt")), png, mp4) if whole_item else None


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _number_in(text: str | None) -> float | None:
    try:
        return number(float(text)) if text else None
    except (TypeError, ValueError):
        return None


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""
