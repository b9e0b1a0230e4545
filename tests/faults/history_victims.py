"""Kills writers and migrations of the history's database; prints one line of figures as JSON.

    python -m tests.faults.history_victims writes|migrations KILLS SEED FOLDER

Victims that came to their end before the kill do not count.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from tests.faults.forks import KILLED, run_victim
from videosketcher_app.core import faults
from videosketcher_app.storage.history import DrawingRow, HistoryStore, JobRow, new_id

SCHEMAS = Path(__file__).resolve().parents[1] / "storage" / "history_schemas"
ROOT = "/outputs"
WRITE_POINTS = ("history.begun", "history.written", "history.between", "history.committed")
ROWS_A_VICTIM = 40


def writes(count: int, rng: random.Random, folder: Path) -> dict[str, int]:
    """Victims add jobs and drawings and acknowledge each on a pipe; all go to one database."""
    path = folder / "history.sqlite3"
    HistoryStore(path).close()
    acknowledged: set[str] = set()
    figures = {"kills": 0, "integrity_faults": 0, "lost": 0, "half_noted": 0}
    number = -1
    while figures["kills"] < count:
        number += 1
        reader, writer = os.pipe()

        def work(number: int = number, writer: int = writer) -> None:
            with closing(HistoryStore(path)) as store:
                for index in range(ROWS_A_VICTIM):
                    job = JobRow(id=new_id(), root=ROOT, request={"prompt": "a cat" * 20})
                    store.add_job(job)
                    os.write(writer, f"{job.id}\n".encode())
                    store.finish_job(job.id, _drawing(f"{number}_{index}"))
                    os.write(writer, f"{number}_{index}\n".encode())

        if number < 2 * len(WRITE_POINTS):
            point = WRITE_POINTS[number % len(WRITE_POINTS)]
            status = run_victim(work, point=point, skip=rng.randrange(ROWS_A_VICTIM))
        else:
            status = run_victim(work, after_s=rng.uniform(0.005, 0.12))
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as pipe:
            acknowledged |= set(pipe.read().split("\n")[:-1])
        figures["kills"] += status == KILLED
        _look(path, acknowledged, figures)
    return {**figures, "acknowledged": len(acknowledged)}


def _look(path: Path, acknowledged: set[str], figures: dict[str, int]) -> None:
    with closing(HistoryStore(path)) as store:
        figures["integrity_faults"] += store.was_damaged
        jobs = {job.id: job.state for job in store.jobs("waiting", "done")}
        drawings = {drawing.folder for drawing in store.drawings(ROOT)}
    figures["lost"] += len(acknowledged - set(jobs) - drawings)
    figures["half_noted"] += sum(state == "done" for state in jobs.values()) != len(drawings)


def migrations(count: int, rng: random.Random, folder: Path) -> dict[str, int]:
    """Opens past schemas and dies on the way up; then opens them for good."""
    figures = {"kills": 0, "usable": 0, "rows_kept": 0, "cases": 0}
    old = sorted(SCHEMAS.glob("v*.sql"))[:-1]
    sweep = [(schema, *step) for schema in old for step in _steps(schema, folder)]
    while figures["kills"] < count:
        number = figures["cases"]
        if number < len(sweep):
            schema, point, skip = sweep[number]
            when = {"point": point, "skip": skip}
        else:
            schema, when = rng.choice(old), {"after_s": rng.uniform(0.0005, 0.03)}
        path = _copy_of(schema, folder / str(number))
        status = run_victim(lambda path=path: HistoryStore(path).close(), **when)
        figures["kills"] += status == KILLED
        figures["cases"] += 1
        with closing(HistoryStore(path)) as store:
            figures["rows_kept"] += store.count(ROOT) == 2 and not store.was_damaged
            store.finish_job(None, _drawing("new"))
            figures["usable"] += store.count(ROOT, search="elephant 8") == 1
    return figures


def _steps(schema: Path, folder: Path) -> list[tuple[str, int]]:
    """Every pass of every fault point on the way up."""
    with faults.traced() as names:
        HistoryStore(_copy_of(schema, folder / f"traced_{schema.stem}")).close()
    return [(name, names[:index].count(name)) for index, name in enumerate(names)]


def _copy_of(schema: Path, folder: Path) -> Path:
    folder.mkdir()
    path = folder / "history.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema.read_text(encoding="utf-8"))
    return path


def _drawing(folder: str) -> DrawingRow:
    return DrawingRow(
        root=ROOT,
        folder=folder,
        concept="a cat",
        plan="1. Head.",
        seed=7,
        model="tiny",
        created="2026-01-01T00:00:00+00:00",
        thumbnail="cat.png",
    )


if __name__ == "__main__":
    kind, number_text, seed, place = sys.argv[1:]
    suite = {"writes": writes, "migrations": migrations}[kind]
    sys.stdout.write(json.dumps(suite(int(number_text), random.Random(seed), Path(place))) + "\n")
