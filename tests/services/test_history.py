"""The history: what is recorded, what survives, and that the disk decides."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from pathlib import Path

import pytest

from tests.services.drawings import drawn, published
from videosketcher_app.core import faults
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, CannotWrite, ForbiddenPath, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services import process_mark
from videosketcher_app.services.container import build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.history import HistoryService
from videosketcher_app.services.history_journal import planned_from_mapping, planned_to_mapping
from videosketcher_app.services.outputs import publish
from videosketcher_app.storage import folders
from videosketcher_app.storage.history import HistoryStore, JobRow, new_id
from videosketcher_app.storage.paths import Workspace

SHORT = SketchRequest(prompt="a cat", model="tiny", seed=7, num_frames=9)
DEAD = "999999999:1.00:dead"


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "home")


@pytest.fixture
def history(tmp_path, workspace):
    service = HistoryService(workspace=workspace, output_dir=tmp_path / "out")
    yield service
    service.close()


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def submit(services, request=SHORT, **options):
    destination = Destination(folder=services.settings.output_dir)
    return services.generation.submit(request, destination=destination, **options)


def states(services) -> list[str]:
    store = HistoryStore(services.settings.workspace / "history.sqlite3")
    rows = store.jobs("waiting", "running", "done", "failed", "cancelled", "interrupted")
    store.close()
    return [row.state for row in rows]


def interrupt(history: HistoryService, request: SketchRequest = SHORT, **fields) -> str:
    """Leaves a job as a killed process would."""
    job_id = new_id()
    history._opened().add_job(
        JobRow(
            id=job_id,
            state="running",
            request=request.to_mapping(),
            root=str(history.output_dir.resolve()),
            destination={"folder": ".", "prefix": "", "gif": False},
            process=DEAD,
            **fields,
        )
    )
    return job_id


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith("_run.json")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_finished_drawing_is_in_the_history(services):
    drawing = submit(services).result()
    (row,) = services.history.drawings()
    assert services.history.folder_of(row) == drawing.folder
    assert (row.concept, row.seed, row.model) == ("a cat", 7, "tiny")
    assert (drawing.folder / row.thumbnail).is_file()
    assert states(services) == ["done"]


def test_failed_and_cancelled_jobs_end_as_such(services):
    with pytest.raises(InvalidRequest):
        submit(services, SHORT.replaced(model="tiny-brush")).result()
    running = submit(services, SHORT.replaced(num_inference_steps=200))
    waiting = submit(services)
    next(running.events())
    waiting.cancel()
    running.cancel()
    running.wait()
    assert states(services) == ["failed", "cancelled", "cancelled"]
    assert services.history.count() == 0


def test_job_that_the_queue_refuses_never_was(services):
    services.queue.shutdown()
    with pytest.raises(AppError):
        submit(services)
    assert states(services) == []


def test_what_the_apps_end_stops_is_interrupted_and_can_be_drawn_again(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as services:
        running = submit(services, SHORT.replaced(num_inference_steps=200))
        submit(services)
        next(running.events())
    with build(settings) as services:
        services.history.recover()
        first = services.history.interrupted()[0]
        assert len(services.history.interrupted()) == 2
        assert services.generation.rerun(first.id).result().folder.name == "cat"
        assert len(services.history.interrupted()) == 1


def test_guests_drawing_is_not_in_the_owners_history(services, tmp_path):
    submit(services, role=Role.GUEST, session="visitor").result()
    elsewhere = Destination(folder=tmp_path / "home" / "sessions" / "x")
    services.generation.submit(SHORT, destination=elsewhere).result()
    assert states(services) == []


@pytest.mark.parametrize("point", ["history.begun", "history.written", "history.between"])
def test_trouble_with_the_history_never_loses_a_drawing(services, caplog, point):
    services.history.recover()
    with faults.armed(point), caplog.at_level(logging.WARNING):
        drawing = submit(services).result()
    assert drawing.files["mp4"].is_file()
    assert "history missed" in caplog.text
    services.history.recover()
    assert [row.concept for row in services.history.drawings()] == ["a cat"]


def test_history_that_cannot_be_opened_never_loses_a_drawing(services, tmp_path):
    (tmp_path / "home").write_text("in the way", encoding="utf-8")
    assert submit(services).result().files["mp4"].is_file()
    with pytest.raises(CannotWrite):
        services.history.recover()


def test_rerun_of_an_interrupted_job_gives_the_same_bytes(services):
    folder = submit(services).result().folder
    before = hashes(folder)
    services.history.delete(services.history.drawings()[0].id)
    job_id = interrupt(services.history)
    assert services.history.recover().interrupted == 1
    again = services.generation.rerun(job_id).result()
    assert again.folder == folder
    assert hashes(folder) == before
    assert services.history.interrupted() == []


def test_job_of_a_living_process_is_left_alone(history):
    job_id = new_id()
    history._opened().add_job(
        JobRow(id=job_id, state="running", root="x", process=process_mark.own_mark())
    )
    assert history.recover().interrupted == 0
    assert history._opened().job(job_id).state == "running"


def test_marks_tell_living_from_dead_processes():
    pid, started, word = process_mark.own_mark().split(":")
    assert process_mark.lives(process_mark.own_mark())
    assert not process_mark.lives(f"{pid}:{started}:another")
    parent = os.getppid()
    assert not process_mark.lives(f"{parent}:{float(started) + 1e6}:{word}")
    assert not any(process_mark.lives(mark) for mark in (DEAD, "", "1:2", "a:b:c", "-5:1:x"))


def test_drawing_that_was_published_but_not_noted_ends_its_job(history):
    drawing = drawn("cat")
    planned = planned_to_mapping(drawing.planned)
    job_id = interrupt(history, drawing.request, planned=planned)
    publish(drawing, history.output_dir)
    recovery = history.recover()
    assert (recovery.interrupted, recovery.changes.found) == (0, ("cat",))
    assert history._opened().job(job_id).state == "done"


def test_index_is_rebuilt_from_the_folders_alone(history, workspace):
    for concept in ("cat", "house"):
        published(history.output_dir, concept)
    published(history.output_dir / "batch", "cat")
    history.recover()
    star = next(row for row in history.drawings() if row.folder == "cat")
    history.set_favorite(star.id, True)
    before = {row.folder: row for row in history.drawings()}
    assert history.rebuild() == 3
    assert {row.folder: row for row in history.drawings()} == before
    history.close()
    workspace.history.unlink()
    assert history.rebuild() == 3
    assert {row.folder for row in history.drawings()} == {"cat", "house", "batch/cat"}


def test_damaged_database_is_rebuilt_at_the_start(history, workspace):
    published(history.output_dir, "cat")
    history.recover()
    history.close()
    workspace.history.write_bytes(b"not a database" * 1000)
    history.recover()
    assert [row.concept for row in history.drawings()] == ["a cat"]


def test_folders_that_are_no_drawings_are_left_out(history, tmp_path):
    published(history.output_dir, "cat")
    whole = history.output_dir / "cat"
    for number, missing in enumerate(("cat.mp4", "cat.png", "cat.svg", "cat_config.json")):
        broken = history.output_dir / f"broken{number}"
        shutil.copytree(whole, broken)
        (broken / missing).unlink()
    (history.output_dir / "cat.txt").write_text("a note", encoding="utf-8")
    (history.output_dir / "link").symlink_to(whole)
    damaged = history.output_dir / "damaged"
    shutil.copytree(whole, damaged)
    (damaged / "cat_config.json").write_text("{", encoding="utf-8")
    history.recover()
    assert [row.folder for row in history.drawings()] == ["cat"]


def test_drawing_whose_folder_went_comes_back_with_it(history, tmp_path):
    published(history.output_dir, "cat")
    history.recover()
    (row,) = history.drawings()
    history.set_favorite(row.id, True)
    (history.output_dir / "cat").rename(tmp_path / "aside")
    assert history.recover().changes.gone == 1
    assert history.drawings() == []
    (tmp_path / "aside").rename(history.output_dir / "cat")
    assert history.recover().changes.back == 1
    (back,) = history.drawings()
    assert (back.id, back.favorite) == (row.id, True)


def test_delete_undo_and_empty(history, workspace):
    published(history.output_dir, "cat")
    history.recover()
    (row,) = history.drawings()
    before = hashes(history.output_dir / "cat")
    history.delete(row.id)
    assert not (history.output_dir / "cat").exists()
    assert [r.id for r in history.in_bin()] == [row.id]
    published(history.output_dir, "cat")
    history.recover()
    assert history.restore(row.id).folder == "cat_2"
    assert hashes(history.output_dir / "cat_2") == before
    assert history.open(row.id).planned.plan.concept == "a cat"
    history.delete(row.id)
    assert history.empty_bin() == 1
    assert list(workspace.bin.iterdir()) == []
    with pytest.raises(InvalidRequest):
        history.restore(row.id)


@pytest.mark.parametrize("point", ["folder.moving", "folder.moved"])
@pytest.mark.parametrize("action", ["delete", "restore"])
def test_interrupted_move_leaves_one_copy_that_is_found(history, point, action):
    published(history.output_dir, "cat")
    history.recover()
    (row,) = history.drawings()
    if action == "restore":
        history.delete(row.id)
    with faults.armed(point), pytest.raises(AppError):
        getattr(history, action)(row.id)
    history.recover()
    assert len(history.drawings()) + len(history.in_bin()) == 1
    if history.in_bin():
        history.restore(row.id)
    assert history.open(row.id).folder == history.output_dir / "cat"


def test_bin_on_another_disk_gets_a_whole_copy(history, monkeypatch):
    published(history.output_dir, "cat")
    history.recover()
    (row,) = history.drawings()
    rename = os.rename

    def other_disk(source, target):
        if Path(source).suffix == "" and not Path(source).name.startswith("."):
            raise OSError(18, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(folders.os, "rename", other_disk)
    before = hashes(history.output_dir / "cat")
    history.delete(row.id)
    assert not (history.output_dir / "cat").exists()
    history.restore(row.id)
    assert hashes(history.output_dir / "cat") == before


def test_export_copies_whole_folders_that_are_not_found_again(history):
    for place in (history.output_dir, history.output_dir / "batch"):
        published(place, "cat")
    history.recover()
    ids = [row.id for row in history.drawings()]
    first, second = history.export(ids), history.export(ids[:1])
    assert sorted(path.name for path in first.iterdir()) == ["cat", "cat_2"]
    assert first != second
    history.recover()
    assert history.count() == 2
    with pytest.raises(InvalidRequest):
        history.export([])


def test_row_that_points_outside_is_refused(history, tmp_path):
    published(tmp_path / "secret", "cat")
    published(history.output_dir, "cat")
    history.recover()
    (row,) = history.drawings()
    history._opened().set_here(row.id, root=row.root, folder="../secret/cat")
    with pytest.raises(ForbiddenPath):
        history.open(row.id)
    with pytest.raises(ForbiddenPath):
        history.delete(row.id)
    assert (tmp_path / "secret" / "cat" / "cat.mp4").is_file()


@pytest.mark.parametrize("key", ["", "x", "0" * 32, "../../etc", "' OR 1=1 --"])
def test_unknown_ids_are_refused(history, key):
    for ask in (history.drawing, history.open, history.delete, history.restore, history.rerun):
        with pytest.raises(InvalidRequest):
            ask(key)


def test_plan_survives_its_way_through_the_database():
    planned = drawn("cat").planned
    assert planned_from_mapping(planned_to_mapping(planned)) == planned
