"""The small files through which a training run and the app talk; broken ones count as not there.

    request.json   what to train                                    written once
    control.json   {"want": "run" | "pause" | "stop", "yield": true | false, "yield_for": MARK}
    ticket.json    {"created", "keeper": MARK, "detached", "queued_at", "exit_code"}   by the app
    process.json   {"mark": MARK, "pid"}            by the training process, for as long as it runs
    status.json    where it is                      by the training process

A MARK names a process, see `services/process_mark`. Every file is replaced atomically.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from videosketcher_app.core.errors import AppError
from videosketcher_app.services.process_mark import lives, own_mark
from videosketcher_app.storage import atomic, bounded

REQUEST, CONTROL, TICKET = "request.json", "control.json", "ticket.json"
PROCESS, STATUS, LOG = "process.json", "status.json", "run.log"
RESULT = "lora.safetensors"
MAX_FILE_BYTES = 1_000_000
MAX_NUMBER = 1e300
Want = Literal["run", "pause", "stop"]
WANTS: tuple[Want, ...] = ("run", "pause", "stop")

# One at a time within a process changes a control file; between processes the last one wins.
_changing = threading.RLock()


@dataclass(frozen=True, kw_only=True)
class Control:
    """What the app wants of a run.

    Attributes:
        yields: give the device away until it is false again.
        yield_for: the process that asked for it.
    """

    want: Want = "run"
    yields: bool = False
    yield_for: str = ""


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """What the app knows of a run.

    Attributes:
        created: seconds since 1970.
        keeper: the process that the run ends with, unless it is detached.
        queued_at: since when it waits for its turn, seconds since 1970; None if it does not.
        exit_code: of its last process, if its keeper saw it end.
    """

    created: float = 0.0
    keeper: str = ""
    detached: bool = False
    queued_at: float | None = None
    exit_code: int | None = None


class RunFolder:
    """One run's folder; it may hold anything, and reading it never raises."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def id(self) -> str:
        """The run's id: its folder's name."""
        return self.path.name

    def read(self, name: str) -> dict[str, Any]:
        """A small JSON object of the folder; empty if it is missing, damaged or something else."""
        try:
            text = bounded.read_text(self.path / name, max_bytes=MAX_FILE_BYTES, what=name)
            values = json.loads(text)
        except (AppError, ValueError, RecursionError):
            return {}
        return values if isinstance(values, dict) else {}

    def control(self) -> Control:
        """What is wanted; a run without a control file simply runs."""
        values = self.read(CONTROL)
        want = values.get("want")
        return Control(
            want=want if want in WANTS else "run",
            yields=values.get("yield") is True,
            yield_for=_text(values.get("yield_for")),
        )

    def ask(self, want: Want) -> None:
        """Changes what is wanted.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        with _changing:
            self._write_control(replace(self.control(), want=want))

    def set_yield(self, yields: bool, *, for_mark: str | None = None) -> None:
        """Asks the run to give the device away, or lets it have the device again.

        What another living process asked for stays.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        mark = for_mark or own_mark()
        with _changing:
            now = self.control()
            others = now.yields and now.yield_for != mark and lives(now.yield_for)
            if now.yields == yields or others:
                return
            self._write_control(replace(now, yields=yields, yield_for=mark if yields else ""))

    def ticket(self) -> Ticket:
        """What the app noted."""
        values = self.read(TICKET)
        exit_code = values.get("exit_code")
        return Ticket(
            created=number(values.get("created")) or 0.0,
            keeper=_text(values.get("keeper")),
            detached=values.get("detached") is True,
            queued_at=number(values.get("queued_at")),
            exit_code=exit_code if isinstance(exit_code, int) else None,
        )

    def note(self, **changes: Any) -> Ticket:
        """Changes fields of the ticket.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        with _changing:
            ticket = replace(self.ticket(), **changes)
            atomic.write_json(self.path / TICKET, asdict(ticket))
            return ticket

    @property
    def process_pid(self) -> int | None:
        """The id of the process that trains here now; None if there is none."""
        values = self.read(PROCESS)
        pid = values.get("pid")
        return pid if isinstance(pid, int) and lives(_text(values.get("mark"))) else None

    @property
    def is_queued(self) -> bool:
        """True if the run waits for its turn and somebody is there who will start it."""
        ticket = self.ticket()
        return ticket.queued_at is not None and lives(ticket.keeper)

    def log_tail(self, max_characters: int) -> str:
        """The last lines that the process wrote; empty if there are none."""
        try:
            with (self.path / LOG).open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - 4 * max_characters))
                return file.read().decode("utf-8", "replace")[-max_characters:]
        except OSError:
            return ""

    def say(self, state: str, message: str = "", hint: str = "", **facts: object) -> None:
        """Writes the status of a run whose trainer does not write it, the figures left as they are.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        status = {"step": 0, "num_steps": 0, **self.read(STATUS), "state": state}
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        status |= {"message": message, "hint": hint, "updated": now, **facts}
        atomic.write_json(self.path / STATUS, status)

    def _write_control(self, control: Control) -> None:
        values = {"want": control.want, "yield": control.yields, "yield_for": control.yield_for}
        atomic.write_json(self.path / CONTROL, values)


def number(value: object) -> float | None:
    """A finite number, or None for everything else; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < MAX_NUMBER else None


def whole(values: Mapping[str, Any], name: str) -> int:
    """A field as a whole number from 0 on; 0 if it is something else."""
    value = number(values.get(name))
    return max(int(value), 0) if value is not None else 0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
