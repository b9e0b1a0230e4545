"""HistoryStore: the tables of jobs and drawings in SQLite; every statement of theirs is here.

Order is by sequence number, so a clock that jumps changes nothing. Each method is one short
transaction; when it returns, its rows are on the disk.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from videosketcher_app.core import faults
from videosketcher_app.storage import history_schema
from videosketcher_app.storage.history_rows import (
    JOB_STATES,
    PLACES,
    UNFINISHED,
    DrawingRow,
    JobRow,
    drawing_of,
    dumped,
    job_of,
    new_id,
)

__all__ = ["JOB_STATES", "PLACES", "UNFINISHED", "DrawingRow", "HistoryStore", "JobRow", "new_id"]

MAX_SEARCH_WORDS = 12
_PUT_DRAWING = """
INSERT INTO drawings
  (id, sequence, root, folder, concept, plan, seed, model, created, thumbnail, words)
VALUES
  (?, (SELECT coalesce(max(sequence), 0) + 1 FROM drawings), ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (root, folder) WHERE place <> 'bin' DO UPDATE SET
  concept = excluded.concept, plan = excluded.plan, seed = excluded.seed, model = excluded.model,
  created = excluded.created, thumbnail = excluded.thumbnail, words = excluded.words,
  place = 'here',
  sequence = CASE WHEN ? THEN excluded.sequence ELSE drawings.sequence END
RETURNING id
"""


class HistoryStore:
    """The open database. Threads may share it; other processes may have it open too.

    Attributes:
        was_damaged: the file was not sound and has been replaced; drawings need a rebuild.

    Raises:
        CannotWrite, InvalidFile: see `history_schema.open_database`; every method may raise
            CannotWrite.
    """

    def __init__(self, path: Path) -> None:
        opened = history_schema.open_database(path)
        self._path = path
        self._connection = opened.connection
        self._lock = threading.RLock()
        self.was_damaged = opened.aside is not None

    def close(self) -> None:
        """Gives the file back; a second call does nothing."""
        with self._lock:
            self._connection.close()

    def add_job(self, job: JobRow) -> None:
        """Adds a job at the end."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO jobs (id, state, kind, request, planned, session, created, error,"
                " root, destination, process) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.id,
                    job.state,
                    job.kind,
                    dumped(job.request),
                    dumped(job.planned),
                    job.session,
                    job.created,
                    job.error,
                    job.root,
                    dumped(job.destination),
                    job.process,
                ),
            )

    def remove_job(self, job_id: str) -> None:
        """Forgets a job that was never accepted."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def set_planned(self, job_id: str, planned: Mapping[str, Any]) -> None:
        """Notes the plan that the job draws."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET planned = ? WHERE id = ?", (dumped(planned), job_id)
            )

    def set_running(self, job_id: str) -> None:
        """A waiting job runs now; one that has ended stays as it is."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'running' WHERE id = ? AND state = 'waiting'", (job_id,)
            )

    def end_job(self, job_id: str, state: str, *, error: str = "") -> None:
        """A job ends once; only an interrupted one may still turn out to be done."""
        with self._transaction() as connection:
            _end_job(connection, job_id, state, error)

    def finish_job(self, job_id: str | None, drawing: DrawingRow) -> str:
        """Registers a published drawing and ends its job as done, both or neither.

        Returns the drawing's id. A folder that is known keeps its id and its star, and moves to
        the front.
        """
        with self._transaction() as connection:
            drawing_id = _put_drawing(connection, drawing)
            if job_id is not None:
                faults.point("history.between")
                _end_job(connection, job_id, "done", "")
            return drawing_id

    def put_drawings(self, drawings: Iterable[DrawingRow]) -> None:
        """Registers drawings that were found on the disk; known ones keep id, star and order."""
        with self._transaction() as connection:
            for drawing in drawings:
                _put_drawing(connection, drawing, to_front=False)

    def dismiss(self, job_id: str) -> None:
        """Takes an interrupted job out of sight."""
        with self._transaction() as connection:
            connection.execute("UPDATE jobs SET dismissed = 1 WHERE id = ?", (_storable(job_id),))

    def prune_jobs(self, keep: int) -> None:
        """Forgets ended jobs but the newest `keep`."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM jobs WHERE state NOT IN ('waiting', 'running') AND sequence <= "
                "(SELECT coalesce(max(sequence), 0) FROM jobs) - ?",
                (keep,),
            )

    def jobs(self, *states: str, root: str | None = None) -> list[JobRow]:
        """Jobs in these states that were not dismissed, oldest first."""
        marks = ", ".join("?" * len(states))
        where = f"state IN ({marks}) AND dismissed = 0"
        values: list[object] = list(states)
        if root is not None:
            where, values = f"{where} AND root = ?", [*values, root]
        rows = self._rows(f"SELECT * FROM jobs WHERE {where} ORDER BY sequence", values)  # noqa: S608 - marks only
        return [job_of(row) for row in rows]

    def job(self, job_id: str) -> JobRow | None:
        """One job."""
        rows = self._rows("SELECT * FROM jobs WHERE id = ?", (job_id,))
        return job_of(rows[0]) if rows else None

    def drawing(self, drawing_id: str) -> DrawingRow | None:
        """One drawing, wherever it is."""
        rows = self._rows("SELECT * FROM drawings WHERE id = ?", (drawing_id,))
        return drawing_of(rows[0]) if rows else None

    def drawings(
        self,
        root: str,
        *,
        place: str | None = "here",
        search: str = "",
        favorites: bool = False,
        limit: int = -1,
        offset: int = 0,
    ) -> list[DrawingRow]:
        """Drawings below `root`, newest first; `place=None` means wherever they are."""
        where, values = _filter(root, place, search, favorites)
        rows = self._rows(
            f"SELECT * FROM drawings WHERE {where} ORDER BY sequence DESC LIMIT ? OFFSET ?",  # noqa: S608 - marks only
            [*values, limit, offset],
        )
        return [drawing_of(row) for row in rows]

    def count(
        self, root: str, *, place: str = "here", search: str = "", favorites: bool = False
    ) -> int:
        """How many drawings `drawings` would give without a limit."""
        where, values = _filter(root, place, search, favorites)
        return int(self._rows(f"SELECT count(*) FROM drawings WHERE {where}", values)[0][0])  # noqa: S608 - marks only

    def set_favorite(self, drawing_id: str, favorite: bool) -> None:
        """Gives or takes a star."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE drawings SET favorite = ? WHERE id = ?", (int(favorite), drawing_id)
            )

    def set_places(self, places: Mapping[str, str]) -> None:
        """Notes where drawings are now, by id."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE drawings SET place = ? WHERE id = ?",
                [(place, drawing_id) for drawing_id, place in places.items()],
            )

    def set_here(self, drawing_id: str, *, root: str, folder: str) -> None:
        """A drawing came back from the bin to this folder, whose name no other one has."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM drawings WHERE root = ? AND folder = ? AND place = 'missing'"
                " AND id <> ?",
                (root, folder, drawing_id),
            )
            connection.execute(
                "UPDATE drawings SET place = 'here', root = ?, folder = ? WHERE id = ?",
                (root, folder, drawing_id),
            )

    def remove_drawings(self, drawing_ids: Sequence[str]) -> None:
        """Forgets drawings whose files are gone."""
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM drawings WHERE id = ?", [(drawing_id,) for drawing_id in drawing_ids]
            )

    def _rows(self, statement: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._connection.execute(
                    statement, [_storable(v) for v in values]
                ).fetchall()
            except sqlite3.Error as error:
                raise history_schema.trouble(self._path, error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                faults.point("history.begun")
                yield self._connection
                faults.point("history.written")
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise history_schema.trouble(self._path, error) from error
            except BaseException:
                self._roll_back()
                raise
        faults.point("history.committed")

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:  # a full disk may have ended the transaction already
            return


def _storable(value: object) -> object:
    """A value to look for; half a character, which no row can hold, is a question mark."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _end_job(connection: sqlite3.Connection, job_id: str, state: str, error: str) -> None:
    assert state in JOB_STATES, state
    connection.execute(
        "UPDATE jobs SET state = ?, error = ? WHERE id = ? AND (state IN ('waiting', 'running')"
        " OR (state = 'interrupted' AND ? = 'done'))",
        (state, error, job_id, state),
    )


def _put_drawing(
    connection: sqlite3.Connection, drawing: DrawingRow, *, to_front: bool = True
) -> str:
    values = (
        drawing.id or new_id(),
        drawing.root,
        drawing.folder,
        drawing.concept,
        drawing.plan,
        drawing.seed,
        drawing.model,
        drawing.created,
        drawing.thumbnail,
        _words(drawing),
        to_front,
    )
    return str(connection.execute(_PUT_DRAWING, values).fetchall()[0]["id"])


def _words(drawing: DrawingRow) -> str:
    texts = (drawing.concept, drawing.plan, drawing.model, str(drawing.seed))
    return history_schema.folded(" ".join(texts))


def _filter(root: str, place: str | None, search: str, favorites: bool) -> tuple[str, list[object]]:
    """The condition and its values; every word of the search must occur."""
    where, values = "root = ?", [root]
    if place is not None:
        where, values = f"{where} AND place = ?", [*values, place]
    if favorites:
        where = f"{where} AND favorite = 1"
    for word in history_schema.folded(search).split()[:MAX_SEARCH_WORDS]:
        where, values = f"{where} AND instr(words, ?) > 0", [*values, word]
    return where, list(values)
