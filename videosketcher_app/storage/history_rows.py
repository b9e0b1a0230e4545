"""What the history's tables hold, as frozen values: JobRow and DrawingRow."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNFINISHED = ("waiting", "running")
JOB_STATES = (*UNFINISHED, "done", "failed", "cancelled", "interrupted")
PLACES = ("here", "bin", "missing")


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """One thing that was asked for.

    Attributes:
        id: public, unguessable.
        sequence: gives the order of jobs.
        state: one of JOB_STATES.
        request, planned, destination: JSON values; planned is None until there is a plan.
        root: the outputs folder that it draws into.
        process: who draws it (see services.process_mark).
        created: wall clock with its zone, for people.
        error: why it failed, one sentence.
        dismissed: waved away, or drawn again as another job.
    """

    id: str
    sequence: int = 0
    state: str = "waiting"
    kind: str = "text"
    request: Mapping[str, Any] = field(default_factory=dict)
    planned: Mapping[str, Any] | None = None
    session: str = ""
    created: str = ""
    error: str = ""
    root: str = ""
    destination: Mapping[str, Any] = field(default_factory=dict)
    process: str = ""
    dismissed: bool = False


@dataclass(frozen=True, kw_only=True)
class DrawingRow:
    """One finished drawing on the disk.

    Attributes:
        id: public, unguessable: 32 hexadecimal digits.
        sequence: gives the order of drawings.
        root, folder: where it is; folder is relative to root, with "/" between its parts.
        thumbnail: name of its picture within the folder.
        place: one of PLACES.
    """

    id: str = ""
    sequence: int = 0
    root: str
    folder: str
    concept: str
    plan: str
    seed: int
    model: str
    created: str
    thumbnail: str
    favorite: bool = False
    place: str = "here"


def new_id() -> str:
    """128 bits that nobody can guess, as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def dumped(value: Mapping[str, Any] | None) -> str | None:
    """A value as it is kept in a column."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _loaded(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:  # a row that was carried over from a damaged database
        return {}


def job_of(row: sqlite3.Row) -> JobRow:
    """A row of the table of jobs."""
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates its values
    return JobRow(
        **{
            **values,
            "request": _loaded(row["request"]),
            "planned": _loaded(row["planned"]),
            "destination": _loaded(row["destination"]),
            "dismissed": bool(row["dismissed"]),
        }
    )


def drawing_of(row: sqlite3.Row) -> DrawingRow:
    """A row of the table of drawings."""
    values = {name: row[name] for name in row.keys() if name != "words"}  # noqa: SIM118 - see job_of
    return DrawingRow(**{**values, "favorite": bool(row["favorite"])})
