"""The history's database: order without clocks, old schemas, damage, and nothing lost."""

from __future__ import annotations

import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, CannotWrite, InvalidFile
from videosketcher_app.storage import history_schema
from videosketcher_app.storage.history import DrawingRow, HistoryStore, JobRow, new_id

SCHEMAS = sorted((Path(__file__).parent / "history_schemas").glob("v*.sql"))
ROOT = "/outputs"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.sqlite3"


def row(folder: str = "cat", **changes) -> DrawingRow:
    values = {
        "root": ROOT,
        "folder": folder,
        "concept": f"a {folder}",
        "plan": "1. Head. 2. Tail.",
        "seed": 7,
        "model": "tiny",
        "created": "2026-01-01T00:00:00+00:00",
        "thumbnail": f"{folder}.png",
    }
    return DrawingRow(**{**values, **changes})


def job(**changes) -> JobRow:
    return JobRow(**{"id": new_id(), "request": {"prompt": "a cat"}, "root": ROOT, **changes})


def from_schema(path: Path, schema: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema.read_text(encoding="utf-8"))


def test_rows_come_back_as_they_were_written(path):
    asked = job(planned={"plan": "é"}, destination={"folder": ".", "gif": True}, process="1:2:3")
    with closing(HistoryStore(path)) as store:
        store.add_job(asked)
        drawing_id = store.finish_job(asked.id, row())
    with closing(HistoryStore(path)) as store:
        kept = store.job(asked.id)
        assert kept is not None
        assert (kept.planned, kept.destination) == (asked.planned, asked.destination)
        assert kept.state == "done"
        assert [d.id for d in store.drawings(ROOT)] == [drawing_id]


def test_order_is_that_of_events_whatever_the_clock_says(path):
    """F14: 30 jumps of up to a day, back and on, between jobs and drawings."""
    rng = random.Random(14)
    with closing(HistoryStore(path)) as store:
        jobs = []
        for number in range(30):
            created = f"2026-01-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:00:00+00:00"
            jobs.append(job(created=created))
            store.add_job(jobs[-1])
            store.finish_job(None, row(f"d{number:02}", created=created))
        assert [j.id for j in store.jobs("waiting")] == [j.id for j in jobs]
        assert [d.folder for d in store.drawings(ROOT)] == [f"d{n:02}" for n in range(29, -1, -1)]


def test_ids_are_128_bits_that_do_not_repeat():
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(i) for i in ids} == {32}


def test_search_wants_every_word_and_ignores_case_and_accents(path):
    with closing(HistoryStore(path)) as store:
        store.finish_job(None, row("elephant", concept="Un Éléphant", seed=41))
        store.finish_job(None, row("cat"))
        for words, found in [
            ("elephant", 1), ("ÉLÉPHANT 41", 1), ("elephant 7", 0), ("tiny", 2), ("tail", 2),
            ("%", 0), ("_", 0), ("' OR 1=1 --", 0), ("", 2), ("a " * 500, 2),
        ]:  # fmt: skip
            assert store.count(ROOT, search=words) == found, words


def test_drawing_in_the_bin_leaves_its_folder_to_the_next(path):
    with closing(HistoryStore(path)) as store:
        first = store.finish_job(None, row())
        store.set_favorite(first, True)
        store.set_places({first: "bin"})
        second = store.finish_job(None, row())
        assert second != first
        assert [d.id for d in store.drawings(ROOT)] == [second]
        store.set_here(first, root=ROOT, folder="cat_2")
        assert {d.folder: d.favorite for d in store.drawings(ROOT)} == {"cat": False, "cat_2": True}


def test_redrawn_folder_keeps_id_and_star_and_comes_to_the_front(path):
    with closing(HistoryStore(path)) as store:
        first = store.finish_job(None, row())
        store.finish_job(None, row("dog"))
        store.set_favorite(first, True)
        assert store.finish_job(None, row(seed=9)) == first
        newest = store.drawings(ROOT)[0]
        assert (newest.id, newest.seed, newest.favorite) == (first, 9, True)


def test_job_ends_once(path):
    with closing(HistoryStore(path)) as store:
        asked = job()
        store.add_job(asked)
        store.end_job(asked.id, "cancelled")
        store.end_job(asked.id, "failed", error="late")
        kept = store.job(asked.id)
        assert kept is not None
        assert (kept.state, kept.error) == ("cancelled", "")


def test_drawing_and_end_of_its_job_are_noted_together(path):
    with closing(HistoryStore(path)) as store:
        asked = job()
        store.add_job(asked)
        with faults.armed("history.between"), pytest.raises(AppError):
            store.finish_job(asked.id, row())
        assert store.count(ROOT) == 0
        assert [j.id for j in store.jobs("waiting")] == [asked.id]
        store.finish_job(asked.id, row())
        assert store.jobs("waiting") == []


def test_threads_share_a_store_and_processes_a_file(path):
    with closing(HistoryStore(path)) as one, closing(HistoryStore(path)) as other:

        def write(store, name):
            for number in range(25):
                store.finish_job(None, row(f"{name}{number}"))

        pairs = [(one, "a"), (one, "b"), (other, "c"), (other, "d")]
        threads = [threading.Thread(target=write, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sequences = [d.sequence for d in one.drawings(ROOT)]
        assert len(set(sequences)) == 100


def test_locked_database_is_said_within_its_patience(path, monkeypatch):
    monkeypatch.setattr(history_schema, "BUSY_TIMEOUT_S", 0.2)
    with closing(HistoryStore(path)) as store, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CannotWrite, match="locked"):
            store.add_job(job())
        other.rollback()
        store.add_job(job())
        assert len(store.jobs("waiting")) == 1


def test_there_is_a_fixture_of_every_schema():
    assert len(SCHEMAS) == len(history_schema.migrations()) >= 3


@pytest.mark.row("F24", "kept files of every format")
@pytest.mark.row("F18", "past schemas")
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_every_past_schema_opens_with_its_rows(path, schema):
    from_schema(path, schema)
    with closing(HistoryStore(path)) as store:
        assert not store.was_damaged
        assert store.count(ROOT, search="elephant 8") == 1
        assert [j.request["prompt"] for j in store.jobs("running")] == ["un éléphant"]
        stars = [d.favorite for d in store.drawings(ROOT)]
        assert stars == ([False, False] if schema.stem == "v1" else [False, True])
        store.finish_job(None, row("new"))
    backup = path.with_name(f"{path.name}.{schema.stem}")
    assert backup.exists() == (schema != SCHEMAS[-1])
    if backup.exists():
        with closing(sqlite3.connect(backup)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert copy.execute("SELECT count(*) FROM drawings").fetchone() == (2,)


@pytest.mark.parametrize("schema", SCHEMAS[:-1], ids=lambda path: path.stem)
def test_failing_migration_is_rolled_back_whole(path, schema):
    from_schema(path, schema)
    with closing(sqlite3.connect(path)) as connection:
        before = list(connection.iterdump())
    statements = sum(map(len, history_schema.migrations()[int(schema.stem[1:]) :]))
    for skip in range(statements):
        with faults.armed("history.migrating", skip=skip), pytest.raises(AppError):
            HistoryStore(path)
        with closing(sqlite3.connect(path)) as connection:
            assert list(connection.iterdump()) == before
    HistoryStore(path).close()


def test_newer_schema_is_refused_and_left_alone(path):
    HistoryStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(InvalidFile, match="version 99"):
        HistoryStore(path)
    assert [p.name for p in path.parent.iterdir() if "damaged" in p.name] == []


def test_damaged_database_is_set_aside_and_readable_rows_are_kept(path):
    with closing(HistoryStore(path)) as store:
        for number in range(400):
            store.finish_job(None, row(f"d{number}"))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = bytes(4096)
    path.write_bytes(bytes(data))
    with closing(HistoryStore(path)) as store:
        assert store.was_damaged
        assert 0 < store.count(ROOT) < 400
        store.finish_job(None, row("new"))
    assert path.with_name(f"{path.name}.damaged-1").exists()


@pytest.mark.parametrize("content", [b"no database" * 500, b"SQLite format 3\0", b"\0" * 8192])
def test_file_that_is_no_database_is_replaced(path, content):
    path.write_bytes(content)
    with closing(HistoryStore(path)) as store:
        assert store.was_damaged
        store.add_job(job())


def test_database_of_another_program_is_not_taken_for_a_history(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE drawings (id TEXT)")
    with closing(HistoryStore(path)) as store:
        assert store.was_damaged


def test_every_truncation_and_flip_ends_in_a_usable_history(tmp_path):
    """60 truncations and 60 flipped bytes: each opens, and takes a new row."""
    whole = tmp_path / "whole.sqlite3"
    with closing(HistoryStore(whole)) as store:
        for number in range(40):
            store.finish_job(None, row(f"d{number}"))
    data = whole.read_bytes()
    rng = random.Random(18)
    for case in range(120):
        path = tmp_path / str(case) / "history.sqlite3"
        path.parent.mkdir()
        changed = bytearray(data)
        if case % 2:
            changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        else:
            del changed[rng.randrange(1, len(data)) :]
        path.write_bytes(bytes(changed))
        try:
            store = HistoryStore(path)
        except InvalidFile as error:  # the flip hit the version's number
            assert "schema version" in str(error)  # noqa: PT017
            continue
        with closing(store):
            store.finish_job(None, row("new"))
            assert store.count(ROOT, search="new") >= 1
