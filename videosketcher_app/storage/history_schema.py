"""Opens the history's database: its schema, the way up from older ones, the way out of damage.

A migration is a numbered SQL file in `migrations/`; all that are missing run in one transaction,
after a copy of the database was put beside it. A database that fails its integrity check is set
aside, what can be read of it is carried over, and its owner rebuilds the rest from the files.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite, InvalidFile
from videosketcher_app.storage import atomic

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_TIMEOUT_S = 5.0
TABLES = ("jobs", "drawings")
_SIDES = ("", "-wal", "-shm")  # a database in WAL mode is up to three files


class Damaged(Exception):
    """The file is not the database that it should be."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An open database.

    Attributes:
        connection: in autocommit mode; may be used by several threads, one at a time.
        aside: where a damaged database went that this one replaces; None if it was sound.
    """

    connection: sqlite3.Connection
    aside: Path | None = None


@cache
def migrations() -> tuple[tuple[str, ...], ...]:
    """The statements of each migration; the first one leads from nothing to version 1."""
    files = sorted(MIGRATIONS.glob("*.sql"))
    numbers = [int(path.name.split("_")[0]) for path in files]
    assert numbers == list(range(1, len(files) + 1)), "migrations are numbered without gaps"
    return tuple(tuple(_statements(path.read_text(encoding="utf-8"))) for path in files)


def open_database(path: Path) -> Opened:
    """Opens or makes the database in its newest schema, replacing one that is damaged.

    Raises:
        CannotWrite: the folder cannot be written, the disk is full, or the database stays locked.
        InvalidFile: a newer version of the app wrote it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return Opened(connection=_open_sound(path))
        except Damaged as damage:
            aside = _set_aside(path)
            logger.warning("The history was damaged (%s); it is kept as %s", damage, aside.name)
            connection = _open_sound(path)
            _carry_over(aside, connection)
            return Opened(connection=connection, aside=aside)
    except (sqlite3.Error, OSError, Damaged) as error:
        raise trouble(path, error) from error


def trouble(path: Path, error: Exception) -> CannotWrite:
    """What went wrong with the database, for people."""
    return CannotWrite(
        f"The history {path} cannot be used: {error}.",
        hint="Close other programs that use it, free some space, or check its permissions.",
    )


def folded(text: str) -> str:
    """The text without case and accents, for searching: "Éléphant" -> "elephant"."""
    decomposed = unicodedata.normalize("NFKD", str(text).casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _open_sound(path: Path) -> sqlite3.Connection:
    """Opens, checks and migrates; closes again if anything is wrong."""
    connection = _connect(path)
    try:
        try:
            version = _checked_version(connection)
            _refuse_newer(path, version)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "PRAGMA synchronous = FULL"
            )  # an acknowledged row outlives the power
            if version < len(migrations()):
                _migrate(path, connection, version)
            _require_schema(connection)
        except sqlite3.DatabaseError as error:
            # Locked, full and unreadable are subclasses; the class itself means damage.
            if type(error) is sqlite3.DatabaseError:
                raise Damaged(str(error)) from error
            raise
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    connection.create_function("folded", 1, folded, deterministic=True)
    return connection


def _checked_version(connection: sqlite3.Connection) -> int:
    answers = [row[0] for row in connection.execute("PRAGMA integrity_check(1)")]
    if answers != ["ok"]:
        raise Damaged(str(answers[0]))
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(path: Path, version: int) -> None:
    known = len(migrations())
    if not 0 <= version <= known:
        raise InvalidFile(
            f"The history {path} has schema version {version}, and this app knows {known}.",
            hint="Update the app, or choose another workspace.",
        )


def _require_schema(connection: sqlite3.Connection) -> None:
    """A flipped bit in the version or a foreign database must not pass for a history."""
    for table in TABLES:
        columns = _columns(connection, table)
        missing = sorted(_expected_columns()[table] - columns)
        if missing:
            raise Damaged(f"table {table} lacks {missing[0]}")


@cache
def _expected_columns() -> dict[str, set[str]]:
    with closing(_connect(Path(":memory:"))) as connection:
        for statements in migrations():
            for statement in statements:
                connection.execute(statement)
        return {table: _columns(connection, table) for table in TABLES}


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return {row["name"] for row in rows}


def _migrate(path: Path, connection: sqlite3.Connection, version: int) -> None:
    """Runs every missing migration in one transaction: all of them, or none."""
    if version:
        _back_up(connection, path.with_name(f"{path.name}.v{version}"))
    faults.point("history.backed_up")
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated while this one waited for the lock.
        current = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for number, statements in enumerate(migrations()[current:], start=current + 1):
            for statement in statements:
                faults.point("history.migrating")
                _run_step(connection, statement, number)
            connection.execute(f"PRAGMA user_version = {number}")
        faults.point("history.migrated")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    faults.point("history.migration_committed")


def _run_step(connection: sqlite3.Connection, statement: str, number: int) -> None:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        if re.search(r"no such|already exists|duplicate column", str(error)):
            raise Damaged(f"migration {number} does not fit: {error}") from error
        raise


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    with atomic.replacing(target) as temporary, closing(sqlite3.connect(temporary)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without companions


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for side in _SIDES:
        source = path.with_name(path.name + side)
        if source.exists():
            source.replace(aside.with_name(aside.name + side))
    return aside


def _carry_over(aside: Path, target: sqlite3.Connection) -> None:
    """Copies every row that can still be read and that the schema accepts."""
    carried = 0
    with closing(_connect(aside)) as source:
        target.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            for row in _readable_rows(source, table):
                carried += _insert(target, table, row)
        target.execute("COMMIT")
    logger.info("%d rows of the damaged history could be kept", carried)


def _readable_rows(source: sqlite3.Connection, table: str) -> Iterator[dict[str, object]]:
    known = _expected_columns()[table]
    try:
        for row in source.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a name of TABLES
            yield {name: row[name] for name in row.keys() if name in known}  # noqa: SIM118
    except sqlite3.Error as error:
        logger.info("Reading %s of the damaged history ended: %s", table, error)


def _insert(target: sqlite3.Connection, table: str, row: dict[str, object]) -> int:
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    statement = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - known names
    try:
        return target.execute(statement, list(row.values())).rowcount
    except sqlite3.Error:
        return 0


def _statements(script: str) -> Iterator[str]:
    """The script's statements, one at a time: `executescript` would commit in between."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
    assert not statement.strip(), "a migration ends with a semicolon"
