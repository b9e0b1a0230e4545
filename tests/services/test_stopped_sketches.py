"""A sketch that is stopped and kept is a drawing of its own, and can be drawn whole."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.events import Preview
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.svg import read_svg
from videosketcher_app.services.changes import Changes
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.exports import ExportService
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.job import Job, State
from videosketcher_app.services.outputs import Drawing, Stopped, stopped_of
from videosketcher_app.services.rerender import rerender
from videosketcher_app.services.saved import open_saved
from videosketcher_app.storage.media import read_video

CAT = SketchRequest(prompt="a cat", model="tiny", seed=7, num_frames=9, num_inference_steps=6)


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def stopped_job(services: Services, step: int, request: SketchRequest = CAT) -> Job:
    """A job that is asked to finish early when the preview of a step is there; it has ended."""
    jobs: list[Job] = []
    is_queued = threading.Event()

    def look() -> None:
        assert is_queued.wait(60)
        shown = jobs[0].last(Preview)
        if shown is not None and shown.step >= step:
            jobs[0].finish_early()

    destination = Destination(folder=services.settings.output_dir)
    with faults.armed("jobs.event", look):
        jobs.append(services.generation.submit(request, destination=destination))
        is_queued.set()
        jobs[0].wait(120)
    return jobs[0]


def kept(services: Services, step: int = 2, request: SketchRequest = CAT) -> Drawing:
    return stopped_job(services, step, request).result()


def whole(services: Services, request: SketchRequest = CAT, planned=None) -> Drawing:
    destination = Destination(folder=services.settings.output_dir)
    job = services.generation.submit(request, planned=planned, destination=destination)
    return job.result()


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith("_run.json")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_stopped_sketch_is_a_folder_of_its_own_and_says_so(services):
    drawing = kept(services)
    assert drawing.folder == services.settings.output_dir / "cat_stopped"
    names = {path.name for path in drawing.folder.iterdir()}
    kinds = ("mp4", "png", "svg")
    assert names == {f"cat_stopped.{kind}" for kind in kinds} | {
        "cat_stopped_config.json",
        "cat_stopped_run.json",
    }
    run = json.loads((drawing.folder / "cat_stopped_run.json").read_text("utf-8"))
    assert run["stopped"] == {"step": 2, "num_steps": 6}
    assert drawing.stopped == Stopped(step=2, num_steps=6)
    assert open_saved(drawing.folder).stopped == drawing.stopped
    assert len(read_video(drawing.files["mp4"]).frames_THW3) == 9
    assert read_svg(drawing.files["svg"].read_text("utf-8")).num_frames == 9


def test_it_is_in_the_history_and_its_job_is_done(services):
    drawing = kept(services)
    (row,) = services.history.drawings()
    assert services.history.folder_of(row) == drawing.folder
    assert services.history.interrupted() == []


def test_drawn_whole_it_is_what_nobody_stopped(services, tmp_path):
    saved = open_saved(kept(services).folder)
    with build(load_settings(workspace=tmp_path / "b", output_dir=tmp_path / "never")) as others:
        never = whole(others)
    drawing = whole(services, saved.request, saved.planned)
    assert drawing.folder.name == never.folder.name == "cat"
    assert hashes(drawing.folder) == hashes(never.folder)
    assert drawing.stopped is None
    assert saved.folder.is_dir(), "the stopped one stays"


def test_it_takes_the_place_of_no_other_drawing(services):
    finished = hashes(whole(services).folder)
    first = kept(services, 2)
    before = hashes(first.folder)
    later = kept(services, 4)
    assert later.folder != first.folder
    assert hashes(first.folder) == before
    assert hashes(services.settings.output_dir / "cat") == finished
    assert kept(services, 2).folder == first.folder
    assert hashes(first.folder) == before, "the same request, stopped at the same step"


def test_it_becomes_what_any_drawing_becomes(services):
    folder = kept(services).folder
    exports = ExportService()
    for kind in ("mp4", "mp4_raw", "gif", "png", "svg", "config", "zip"):
        assert exports.export(folder, kind).stat().st_size > 0, kind
    again = rerender(open_saved(folder), Changes(height_px=720))
    assert again.stopped == Stopped(step=2, num_steps=6)


def test_who_waits_has_nothing_to_keep(services):
    running = services.generation.submit(CAT.replaced(num_inference_steps=200))
    next(iter(running.events()))
    waiting = services.generation.submit(CAT)
    waiting.finish_early()
    assert waiting.state is State.CANCELLED
    running.cancel()


def test_before_the_first_step_there_is_nothing_to_keep(services):
    with pytest.raises(Cancelled):
        _early_job(services).result()
    assert list(services.settings.output_dir.iterdir()) == []


def _early_job(services: Services) -> Job:
    """A job that is asked to finish early before it draws."""
    release = threading.Event()
    with faults.armed("jobs.started", lambda: release.wait(60)):
        destination = Destination(folder=services.settings.output_dir)
        job = services.generation.submit(CAT, destination=destination)
        while job.state is State.WAITING:
            release.wait(0.01)
        job.finish_early()
        release.set()
        job.wait(120)
    return job


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stopped_after": 3},
        {"stopped_after": 6, "num_inference_steps": 6},
        {"stopped_after": 0, "num_inference_steps": 6},
        {"stopped_after": "2", "num_inference_steps": 6},
        {"stopped_after": True, "num_inference_steps": 6},
        {"stopped_after": [2], "num_inference_steps": 6},
    ],
)
def test_settings_of_anybody_that_tell_no_step_are_those_of_a_whole_sketch(settings):
    assert stopped_of(settings) is None


def test_what_fails_while_it_is_kept_leaves_the_old_state_and_can_be_saved_again(services):
    finished = hashes(whole(services).folder)
    with faults.armed("folder.filled", skip=1):  # the first pass keeps its frames
        job = stopped_job(services, 2)
    with pytest.raises(AppError, match=r"save|fault"):
        job.result()
    output_dir = services.settings.output_dir
    assert [path.name for path in output_dir.iterdir()] == ["cat"]
    assert hashes(output_dir / "cat") == finished
    (waiting,) = services.unfinished.all()
    saved = services.unfinished.retry(waiting.key)
    assert saved.folder == output_dir / "cat_stopped"
    assert open_saved(saved.folder).stopped == Stopped(step=2, num_steps=6)


@pytest.mark.parametrize(
    "changes",
    [
        {"brush": {"name": "crayon_red"}},
        {"sparse": {"kept_fraction": 0.5}},
        {"mode": "sketch", "sparse": {"kept_fraction": 0.5}},
    ],
    ids=["brush", "sparse", "sketch"],
)
def test_every_way_of_drawing_can_be_stopped_and_kept(services, changes):
    drawing = kept(services, 2, CAT.replaced(**changes))
    assert drawing.stopped == Stopped(step=2, num_steps=6)
    assert drawing.folder.name == "cat_stopped"
