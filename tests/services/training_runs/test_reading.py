"""Whatever lies in a run's folder, the list of runs can be shown, and says what is true."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.services.training_runs.small_runs import make_book, settings_of, small_request
from videosketcher_app.services.container import build
from videosketcher_app.services.process_mark import own_mark
from videosketcher_app.services.training_runs.reading import MAX_POINTS, losses_of, view_of
from videosketcher_app.services.training_runs.run_folder import RunFolder

DEAD = "999999999:0.00:00000000"


def write(folder: Path, name: str, value: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = value if isinstance(value, str) else json.dumps(value)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    write(tmp_path, "request.json", {"name": "ink", "dataset": "/books/ink"})
    write(tmp_path, "ticket.json", {"created": 5.0, "keeper": DEAD, "queued_at": None})
    return RunFolder(tmp_path)


def register(run: RunFolder, pid: int) -> None:
    write(run.path, "process.json", {"mark": own_mark(), "pid": pid})


def test_a_live_process_speaks_for_itself(run: RunFolder) -> None:
    status = {"state": "training", "step": 7, "num_steps": 9, "loss": 0.5, "pid": os.getpid()}
    write(run.path, "status.json", {**status, "seconds": 4.5, "seconds_left": 3, "hint": "x"})
    register(run, os.getpid())
    view = view_of(run)
    assert (view.state, view.step, view.num_steps, view.loss) == ("training", 7, 9, 0.5)
    assert (view.seconds, view.seconds_left, view.is_alive) == (4.5, 3.0, True)
    assert (view.name, view.dataset, view.created, view.flaw) == ("ink", "/books/ink", 5.0, "")


def test_what_an_earlier_process_said_does_not_count(run: RunFolder) -> None:
    write(run.path, "status.json", {"state": "training", "step": 7, "pid": os.getpid() + 1})
    register(run, os.getpid())
    assert view_of(run).state == "preparing"


@pytest.mark.parametrize("state", ["preparing", "training", "yielding", "stopping"])
def test_work_without_a_process_was_interrupted(run: RunFolder, state: str) -> None:
    write(run.path, "status.json", {"state": state, "step": 7, "pid": 1, "seconds_left": 3})
    view = view_of(run)
    assert (view.state, view.is_alive, view.can_go_on) == ("interrupted", False, True)
    assert view.seconds_left is None
    assert view.message
    assert view.hint


@pytest.mark.parametrize("code", [-9, 1, 75])
def test_how_a_process_ended_is_told_if_it_was_seen(run: RunFolder, code: int) -> None:
    write(run.path, "status.json", {"state": "training", "pid": 1})
    run.note(exit_code=code)
    assert str(abs(code)) in view_of(run).message


@pytest.mark.parametrize("state", ["paused", "stopped", "failed", "done"])
def test_an_end_stays_an_end(run: RunFolder, state: str) -> None:
    write(run.path, "status.json", {"state": state, "pid": 1, "message": "Why.", "hint": "What."})
    view = view_of(run)
    assert (view.state, view.message, view.hint) == (state, "Why.", "What.")
    assert view.can_go_on is (state in ("paused", "failed"))


def test_a_run_waits_only_for_somebody_who_lives(run: RunFolder) -> None:
    run.note(queued_at=1.0, keeper=own_mark())
    assert view_of(run).state == "waiting"
    run.note(keeper=DEAD)
    view = view_of(run)
    assert view.state == "interrupted"
    assert "before this run began" in view.message


def test_a_saved_pause_is_on_its_way_out(run: RunFolder) -> None:
    write(run.path, "status.json", {"state": "paused", "pid": os.getpid()})
    register(run, os.getpid())
    view = view_of(run)
    assert (view.state, view.can_go_on) == ("stopping", False)


GARBAGE = [
    "", "null", "[]", "{", "7", '"text"', "\x00\x01", '{"state": 3, "step": "x", "loss": []}',
    '{"state": "training", "step": -4, "seconds": 1e999, "num_steps": 1' + "0" * 400 + "}",
    "[" * 100_000, '{"want": "fly", "yield": 1, "mark": 5, "pid": "x", "keeper": []}',
]  # fmt: skip
FILES = ("request", "status", "ticket", "control", "process")


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_broken_files_never_break_a_view(run: RunFolder, text: str) -> None:
    for name in FILES:
        write(run.path, f"{name}.json", text)
    write(run.path, "log.csv", text)
    write(run.path, "samples/3/index.json", text)
    view = view_of(run)
    assert not view.is_alive
    assert view.step >= 0
    assert view.samples == ()
    assert run.control().want == "run"
    assert not run.control().yields


def test_foreign_folders_and_files_stay_in_the_list_or_out_of_it(tmp_path: Path) -> None:
    make_book(tmp_path)
    with build(settings_of(tmp_path)) as services:
        run = services.training.prepare(small_request(tmp_path))
        folder = services.training.folder
        (folder / "holiday photos").mkdir()
        (folder / ".hidden").mkdir()
        (folder / "notes.txt").write_text("mine", encoding="utf-8")
        (folder / "loop").symlink_to(folder, target_is_directory=True)
        (folder / "status.json").mkdir()
        views = {view.id: view for view in services.training.runs()}
        assert views[run.id].flaw == ""
        assert views["holiday photos"].flaw
        assert not views["holiday photos"].can_go_on
        assert ".hidden" not in views
        assert "notes.txt" not in views
        services.training.remove("holiday photos")
        assert not (folder / "holiday photos").exists()


def test_a_long_log_is_thinned_evenly_and_keeps_both_ends(tmp_path: Path) -> None:
    rows = [f"{step},{step / 2}" for step in range(1, 5001)]
    write(tmp_path, "log.csv", "\n".join(["step,loss", *rows]))
    losses = losses_of(tmp_path)
    assert len(losses) == MAX_POINTS
    assert (losses[0], losses[-1]) == ((1, 0.5), (5000, 2500.0))
    gaps = {b[0] - a[0] for a, b in itertools.pairwise(losses)}
    assert gaps <= {12, 13}


def test_rows_that_hold_no_numbers_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "log.csv", "step,loss,more\n1,0.5,x\n2,nan,x\nthree,1,x\n4\n5,0.25,x,y\n")
    assert losses_of(tmp_path) == ((1, 0.5), (5, 0.25))


def test_samples_outside_the_folder_or_not_there_are_left_out(run: RunFolder) -> None:
    write(run.path, "secret.png", "x")
    write(run.path, "secret.mp4", "x")
    write(run.path, "samples/4/0.png", "x")
    write(run.path, "samples/4/0.mp4", "x")
    entries = [
        {"prompt": "a cat", "png": "0.png", "mp4": "0.mp4"},
        {"prompt": "out", "png": "../../secret.png", "mp4": "../../secret.mp4"},
        {"prompt": "gone", "png": "1.png", "mp4": "1.mp4"},
        {"prompt": "odd", "png": 3, "mp4": None},
        "nothing",
    ]
    write(run.path, "samples/4/index.json", entries)
    write(run.path, "samples/elsewhere/index.json", entries)
    write(run.path, "samples/9/index.json", "{")
    (strip,) = view_of(run).samples
    assert strip.step == 4
    assert [item.prompt for item in strip.items] == ["a cat"]
    prompt, png, mp4 = strip.items[0]
    assert (prompt, png.name, mp4.name) == ("a cat", "0.png", "0.mp4")


def test_only_checkpoints_count_as_checkpoints(run: RunFolder) -> None:
    for name in (
        "lora_25.safetensors",
        "lora_100.safetensors",
        "lora_x.safetensors",
        ".lora_5.tmp",
    ):
        write(run.path, f"checkpoints/{name}", "x")
    assert view_of(run).checkpoints == (25, 100)
