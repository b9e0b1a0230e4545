"""A request becomes a folder of files: whole or not at all, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from videosketcher_app.core import faults
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import (
    AppError,
    Cancelled,
    CannotWrite,
    InvalidRequest,
    MissingModel,
    QueueFull,
)
from videosketcher_app.core.events import Done, Planned, Preview, Progress, Waiting
from videosketcher_app.core.requests import LoraSpec, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.svg import read_svg
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.outputs import Drawing, read_request
from videosketcher_app.storage.media import read_image, read_video

CAT = SketchRequest(prompt="a cat", model="tiny", seed=7)
SHORT = CAT.replaced(num_frames=9)


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def draw(services: Services, request: SketchRequest, **where) -> Drawing:
    folder = services.settings.output_dir
    events = services.generation.run(request, destination=Destination(folder=folder, **where))
    return [event for event in events if isinstance(event, Done)][-1].drawing


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith("_run.json")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_sketch_leaves_five_files(services):
    drawing = draw(services, CAT)
    folder = services.settings.output_dir / "cat"
    assert drawing.folder == folder
    assert {path.name for path in folder.iterdir()} == {
        "cat.mp4",
        "cat.png",
        "cat.svg",
        "cat_config.json",
        "cat_run.json",
    }
    clip = read_video(folder / "cat.mp4")
    assert clip.frames_THW3.shape == (81, 96, 144, 3)
    assert clip.fps == 16
    assert (read_image(folder / "cat.png") == drawing.frames[-1]).all()
    assert read_svg((folder / "cat.svg").read_text(encoding="utf-8")).num_frames == 81
    run = json.loads((folder / "cat_run.json").read_text(encoding="utf-8"))
    assert {"started", "seconds", "device", "version", "versions"} <= set(run)


def test_config_holds_request_plan_and_weights_but_no_date(services):
    drawing = draw(services, SHORT)
    text = drawing.files["config"].read_text(encoding="utf-8")
    config = json.loads(text)
    assert config["request"] == SHORT.to_mapping()
    assert config["plan"]["text"] == str(drawing.plan)
    assert config["plan"]["planner"] == "library"
    assert config["model"]["name"] == "tiny"
    assert config["settings"]["num_inference_steps"] > 0
    assert drawing.run["started"][:10] not in text


def test_same_request_writes_the_same_bytes_into_the_same_folder(services):
    first = draw(services, SHORT)
    before = hashes(first.folder)
    second = draw(services, SHORT)
    assert second.folder == first.folder
    assert hashes(second.folder) == before
    assert [path.name for path in services.settings.output_dir.iterdir()] == ["cat"]


def test_folder_of_another_request_is_never_overwritten(services):
    requests = [SHORT, SHORT.replaced(seed=8), SHORT.replaced(seed=8, num_inference_steps=1)]
    folders = [draw(services, request).folder.name for request in requests]
    assert folders == ["cat", "cat_s8", "cat_s8_2"]
    assert draw(services, requests[1]).folder.name == "cat_s8"


def test_gif_is_written_on_request(services):
    assert draw(services, SHORT, gif=True).files["gif"].stat().st_size > 0


def test_config_replays_to_the_same_bytes(services):
    first = draw(services, SHORT)
    before = hashes(first.folder)
    request, planned = read_request(first.files["config"].read_text(encoding="utf-8"))
    assert request == SHORT
    events = services.generation.run(
        request, planned=planned, destination=Destination(folder=services.settings.output_dir)
    )
    assert list(events)[-1].drawing.folder == first.folder
    assert hashes(first.folder) == before


def test_events_come_in_order_and_end_with_done(services):
    events = list(services.generation.run(SHORT))
    kinds = [type(event) for event in events]
    assert kinds.index(Planned) < kinds.index(Preview) < kinds.index(Done) == len(kinds) - 1
    drawing_steps = [e.step for e in events if isinstance(e, Progress) and e.stage == "drawing"]
    assert drawing_steps == [0, 1, 2]
    assert events[-1].drawing.folder is None


def test_composited_ink_never_disappears(services):
    frames = draw(services, SHORT).frames.astype(int)
    assert (frames[1:].min(axis=-1) <= frames[:-1].min(axis=-1) + 1).all()


def test_written_plan_is_drawn_as_it_is(services):
    prompt = "Step by step sketch process of a cat, following this drawing order: 1. Head. 2. Tail."
    drawing = draw(services, SHORT.replaced(prompt=prompt))
    assert [part.name for part in drawing.plan.parts] == ["Head", "Tail"]
    assert drawing.folder.name == "cat"


def test_prompt_as_written_reaches_the_model_unplanned(services):
    drawing = draw(services, SHORT.replaced(prompt="a cat, quickly", as_written=True))
    config = json.loads(drawing.files["config"].read_text(encoding="utf-8"))
    assert config["plan"]["model_text"] == "a cat, quickly"


def test_plan_of_an_unknown_concept_says_so(services):
    drawing = draw(services, SHORT.replaced(prompt="a quasar engine"))
    assert drawing.planned.note


@pytest.mark.parametrize("mode", ["fast", "sketch"])
def test_a_mode_of_speed_is_named_in_the_files(services, mode):
    drawing = draw(services, SHORT.replaced(mode=mode, num_inference_steps=6))
    assert drawing.settings["acceleration"]["mode"] == mode
    assert len(drawing.settings["acceleration"]) > 1
    exact = draw(services, SHORT.replaced(num_inference_steps=6))
    assert "acceleration" not in exact.settings


IMPOSSIBLE = [
    ({"model": "no-such-model"}, AppError),
    ({"width": 152}, InvalidRequest),
    ({"loras": (LoraSpec(path="ink.safetensors"),)}, MissingModel),
    ({"negative_prompt": "color"}, InvalidRequest),
    ({"planner": "openai"}, InvalidRequest),
    ({"prompt": "?!"}, InvalidRequest),
]


@pytest.mark.parametrize(("changes", "error"), IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_what_a_model_cannot_do_is_refused_and_leaves_nothing(services, changes, error):
    loras = changes.get("loras")
    fields = {**SHORT.to_mapping(), **changes, "loras": loras or ()}
    with pytest.raises(error) as caught:
        draw(services, SketchRequest(**fields))
    assert caught.value.hint
    assert list(services.settings.output_dir.iterdir()) == []


def test_missing_model_has_its_own_error(services):
    with pytest.raises((MissingModel, InvalidRequest)):
        draw(services, SHORT.replaced(model="wan2.1-t2v-14b"))


def test_closing_the_run_cancels_it_and_leaves_nothing(services):
    folder = services.settings.output_dir
    run = services.generation.run(
        SHORT.replaced(num_inference_steps=200), destination=Destination(folder=folder)
    )
    for event in run:
        if isinstance(event, Preview):
            run.close()
    assert list(services.generation.run(SHORT))[-1].drawing.folder is None  # the worker is free
    assert list(folder.iterdir()) == []


def test_cancelled_job_raises_cancelled(services):
    job = services.generation.submit(SHORT.replaced(num_inference_steps=200))
    follow = services.generation.follow(job)
    next(follow)
    job.cancel()
    with pytest.raises(Cancelled):
        list(follow)


def test_second_job_is_told_that_it_waits(services):
    first = services.generation.submit(SHORT.replaced(num_inference_steps=200))
    next(iter(first.events()))
    second = services.generation.submit(SHORT)
    told = next(services.generation.follow(second))
    assert isinstance(told, Waiting)
    assert told.position == 1
    first.cancel()
    second.cancel()


def test_guest_may_have_two_sketches_waiting(services):
    running = services.generation.submit(SHORT.replaced(num_inference_steps=200))
    next(iter(running.events()))
    jobs = [services.generation.submit(SHORT, role=Role.GUEST, session="visitor") for _ in range(2)]
    with pytest.raises(QueueFull):
        services.generation.submit(SHORT, role=Role.GUEST, session="visitor")
    for job in [running, *jobs]:
        job.cancel()


def test_failing_publication_leaves_nothing(services):
    with faults.armed("folder.filled"), pytest.raises(AppError):
        draw(services, SHORT)
    assert list(services.settings.output_dir.iterdir()) == []


def test_failing_publication_keeps_the_earlier_run(services):
    before = hashes(draw(services, SHORT).folder)
    with faults.armed("folder.moved_aside"), pytest.raises(AppError):
        draw(services, SHORT)
    assert hashes(services.settings.output_dir / "cat") == before


def test_unwritable_folder_is_said_before_any_work(services, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(CannotWrite):
        services.generation.submit(SHORT, destination=Destination(folder=tmp_path / "file"))


KILLED = """
import os, sys
from pathlib import Path
from videosketcher_app.core import faults
from videosketcher_app.cli.main import main
point, skip, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
words = ["sketch", "a cat", "--model", "tiny", "--num-frames", "9", "--output-dir", folder]
with faults.armed(point, lambda: os._exit(9), skip=skip):
    sys.exit(main(words))
"""
UNHARMED = KILLED.replace("with faults.armed(point, lambda: os._exit(9), skip=skip)", "if True")


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.parametrize(("point", "skip"), [("atomic.written", 1), ("folder.moved_aside", 0)])
def test_killed_run_leaves_nothing_half_written_and_runs_again(run_python, tmp_path, point, skip):
    folder = tmp_path / "out"
    killed = run_python(KILLED, point, str(skip), str(folder))
    assert killed.returncode == 9
    assert [path for path in folder.iterdir() if not path.name.startswith(".")] == []
    assert run_python(UNHARMED, point, str(skip), str(folder)).returncode == 0
    assert [path.name for path in folder.iterdir()] == ["cat"]
    assert len(list((folder / "cat").iterdir())) == 5
