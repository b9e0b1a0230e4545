"""`train lora` in the shell: bad requests, a whole run in this process, and going on with one."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.services.training_runs.small_runs import (
    make_book,
    make_preset,
    settings_of,
    small_request,
)
from videosketcher_app.cli.main import main
from videosketcher_app.services.container import build


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("VIDEOSKETCHER_DEVICE", "cpu")
    make_book(tmp_path)
    return tmp_path


def run(capsys, *words):
    code = main(["train", "lora", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


BAD = [
    ([], "--dataset"),
    (["--name", "inky"], "--resume to go on with 'inky'"),
    (["--name", "inky", "--resume"], "no run named 'inky'"),
    (["--dataset", "nowhere"], "no dataset 'nowhere'"),
    (["--dataset", "ink", "--model", "clay"], "no model named 'clay'"),
    (["--dataset", "ink", "--name", "a/b"], "cannot be used here"),
    (["--dataset", "ink", "--model", "tiny", "--brush", "marker_blue"], "draws without a brush"),
    (["--dataset", "ink", "--model", "tiny-brush", "--brush", "broom"], "no brush 'broom'"),
    (["--dataset", "ink", "--steps", "0"], "num_steps"),
    (["--dataset", "ink", "--seed", "-1"], "seed"),
    (["--dataset", "ink", "--steps", "many"], "--steps"),
    (["--dataset", "ink", "--preset", "baroque"], "baroque"),
    (["--dataset", "ink", "--config", "gone.yaml"], "cannot be read"),
    (["--dataset", "ink", "--preset", "style", "--config", "x.yaml"], "exclude each other"),
    (["--dry-run"], "--dataset"),
    (["--dataset", "nowhere", "--dry-run"], "no dataset 'nowhere'"),
    (["--run-folder", "nowhere"], "no folder of a training run"),
    (["--run-folder", "nowhere", "--dataset", "ink"], "no other flags"),
]


def test_a_dry_run_says_what_it_will_take_and_makes_no_run(capsys, workspace):
    small = ["--model", "tiny", "--config", make_preset(workspace, num_steps=6, sample_every=2)]
    code, out, err = run(capsys, "--dataset", "ink", *small, "--dry-run", "--json")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert told["seconds"] > 0
    assert told["memory_bytes"] > 10_000_000
    assert 1_000 < told["disk_bytes"] < 20_000_000
    assert "one step" in told["note"]
    assert "8 samples of" in told["note"]  # two plans before, after, and at steps 2 and 4
    assert not list((workspace / "training").glob("*"))
    code, out, _ = run(capsys, "--dataset", "ink", *small, "--dry-run")
    assert code == 0
    assert "of memory" in out
    assert "on the disk" in out


@pytest.mark.parametrize(("words", "told"), BAD, ids=range(len(BAD)))
def test_bad_input_exits_2_with_one_line_and_makes_no_run(capsys, workspace, words, told):
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert len([line for line in err.splitlines() if line.startswith("error: ")]) == 1
    assert not list((workspace / "training").glob("[!.]*"))


def test_a_run_in_the_shell_is_a_run_of_the_app(capsys, workspace):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    preset = make_preset(workspace, num_steps=3)
    words = ["--dataset", "ink", "--model", "tiny", "--config", preset, "--steps", "2"]
    words += ["--name", "shell", "--trigger", "inkstyle", "--sample-prompt", "a cat"]
    code, out, err = run(capsys, *words, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["state"], told["step"], told["num_steps"]) == ("done", 2, 2)
    assert Path(told["lora"]).is_file()
    assert told["checkpoints"] == [2]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    with build(settings_of(workspace)) as services:
        (view,) = services.training.runs()
        assert (view.id, view.name, view.state) == (told["run"], "shell", "done")
        assert not view.is_alive
        assert services.training.use(view.id).trigger_words == ("inkstyle",)
        assert services.training.cost(small_request(workspace)).seconds is not None
    code, _, err = run(capsys, "--name", "shell", "--resume")
    assert code == 2
    assert "'shell' is done" in err


def test_a_run_that_was_prepared_is_found_and_fails_with_a_sentence(capsys, workspace):
    with build(settings_of(workspace)) as services:
        folder = services.training.prepare(small_request(workspace)).path
    for sketch in (workspace / "datasets" / "ink" / "sketches").glob("*.json"):
        sketch.write_text("{", encoding="utf-8")
    code, out, err = run(capsys, "--name", "inky", "--resume", "--json")
    assert code == 2
    told = json.loads(out)
    assert (told["state"], told["folder"]) == ("failed", str(folder))
    (line,) = err.splitlines()
    with build(settings_of(workspace)) as services:
        view = services.training.view(folder.name)
        assert view.message
        assert json.loads(line)["message"] == view.message
