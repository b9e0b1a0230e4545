"""Training processes under trouble: taking turns, kills on both sides, full disks (F1, F2, F4, F16).

The scenarios use real child processes; the kills of a single run are forks of one script, so that
each costs no start of Python.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import thorough
from tests.conftest import ROOT
from tests.ledger import Count
from tests.services.training_runs.small_runs import (
    LIMIT_S,
    POLL_S,
    await_view,
    has_ended,
    make_book,
    settings_of,
    small_request,
)
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.jobs import Priority
from videosketcher_app.services.training_runs.run_folder import RunFolder

NUM_STEPS = 4
CASES = thorough.of(9, sample=6)  # a third of them full disks
KILLS_OF_A_SIDE = thorough.of(38, sample=4)  # both sides together; two more are their own tests
CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"
# Starts one endless run, says its id, and lives until its input ends or it is killed.
APP = """
import sys
from pathlib import Path
from tests.services.training_runs.small_runs import settings_of, small_request
from videosketcher_app.services.container import build

workspace, detached = Path(sys.argv[1]), sys.argv[2] == "detached"
with build(settings_of(workspace)) as services:
    request = small_request(workspace, num_steps=10_000, save_every=5)
    print(services.training.start(request, detached=detached).id, flush=True)
    sys.stdin.read()
"""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


class Busy:
    """A job that computes until the test lets it end."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, _: CancelToken) -> Iterator[Any]:
        while not self.released.wait(POLL_S):
            yield "event"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    make_book(tmp_path)
    with build(settings_of(tmp_path)) as built:
        yield built


def await_true(condition: Callable[[], object]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(POLL_S)


def test_runs_take_turns_make_way_pause_and_go_on(services: Services, tmp_path: Path) -> None:
    training = services.training
    long = training.start(small_request(tmp_path, name="long", num_steps=10_000, save_every=50))
    short = training.start(small_request(tmp_path, name="short", num_steps=2))
    await_view(training, long.id, lambda view: view.step >= 2)
    assert training.view(short.id).state == "waiting"
    assert [view.id for view in training.runs()] == [short.id, long.id]

    busy = Busy()
    folder = RunFolder(training.folder / long.id)
    job = services.queue.submit(busy, name="a turn", priority=Priority.CO_DRAWING)
    at = await_view(training, long.id, lambda view: view.state == "yielding").step
    assert folder.control().yields
    busy.released.set()
    job.wait(LIMIT_S)
    await_view(training, long.id, lambda view: view.step > at)
    assert not folder.control().yields

    training.pause(long.id)
    paused = await_view(training, long.id, has_ended)
    assert (paused.state, paused.can_go_on) == ("paused", True)
    assert paused.step > at
    training.go_on(long.id)
    done = await_view(training, short.id, has_ended)
    assert (done.state, done.step) == ("done", 2)
    await_view(training, long.id, lambda view: view.state == "training" and view.step > paused.step)
    training.stop(long.id)
    stopped = await_view(training, long.id, has_ended)
    assert (stopped.state, stopped.has_result, stopped.can_go_on) == ("stopped", True, False)
    await_true(lambda: not [g for g in services.lease.grants() if g.holder.startswith("Training")])


@pytest.mark.row("F16", "kills of either side")
def test_a_killed_process_is_told_and_the_run_goes_on(services: Services, tmp_path: Path) -> None:
    training = services.training
    run = training.start(small_request(tmp_path, num_steps=10_000, save_every=2))
    at = await_view(training, run.id, lambda view: view.step >= 3).step
    pid = RunFolder(training.folder / run.id).process_pid
    assert pid is not None
    process = psutil.Process(pid)
    assert process.nice() != psutil.Process().nice()
    process.kill()
    how = "signal 9" if os.name == "posix" else "exit code"
    view = await_view(training, run.id, lambda view: how in view.message)
    assert (view.state, view.is_alive, view.can_go_on) == ("interrupted", False, True)
    assert "ended before the run did" in view.message
    training.go_on(run.id)
    await_view(training, run.id, lambda view: view.state == "training" and view.step > at)
    services.close()
    view = training.view(run.id)
    assert (view.state, view.is_alive) == ("paused", False)


def start_app(workspace: Path, how: str) -> tuple[subprocess.Popen[str], str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    app = subprocess.Popen(
        [sys.executable, "-c", APP, str(workspace), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert app.stdout is not None
    return app, app.stdout.readline().strip()


def end_app(app: subprocess.Popen[str]) -> None:
    app.kill()
    app.communicate()


@pytest.mark.row("F16", "kills of either side")
def test_the_process_of_a_killed_app_saves_and_ends(tmp_path: Path) -> None:
    make_book(tmp_path)
    app, run_id = start_app(tmp_path, "kept")
    run = RunFolder(tmp_path / "training" / run_id)
    try:
        with build(settings_of(tmp_path)) as later:
            await_view(later.training, run_id, lambda view: view.step >= 2)
            pid = run.process_pid
            assert pid is not None
            process = psutil.Process(pid)
            end_app(app)
            process.wait(LIMIT_S)
            view = later.training.view(run_id)
            assert view.is_alive is False
            assert view.state in ("paused", "interrupted")  # the latter if one step took too long
            assert view.can_go_on
            assert (run.path / "state.safetensors").is_file()
    finally:
        end_app(app)


def test_a_detached_process_stays_and_the_next_app_adopts_it(tmp_path: Path) -> None:
    make_book(tmp_path)
    app, run_id = start_app(tmp_path, "detached")
    run = RunFolder(tmp_path / "training" / run_id)
    try:
        with build(settings_of(tmp_path)) as between:
            at = await_view(between.training, run_id, lambda view: view.step >= 1).step
        end_app(app)
        with build(settings_of(tmp_path)) as later:
            view = await_view(later.training, run_id, lambda view: view.step >= at + 3)
            assert (view.is_alive, view.detached) == (True, True)
            busy = Busy()
            job = later.queue.submit(busy, name="a sketch")
            await_view(later.training, run_id, lambda view: view.state == "yielding")
            busy.released.set()
            job.wait(LIMIT_S)
            await_view(later.training, run_id, lambda view: view.state == "training")
            later.training.stop(run_id)
            stopped = await_view(later.training, run_id, has_ended)
            assert (stopped.state, stopped.has_result) == ("stopped", True)
    finally:
        end_app(app)
        if (pid := run.process_pid) is not None:
            psutil.Process(pid).kill()


@pytest.mark.row("F1", "kills over five recipes")
@pytest.mark.row("F4", "full disks at write points")
@pytest.mark.skipif(sys.platform == "win32", reason="victims are forks")
def test_kills_and_full_disks_cost_no_bit(run_python: Any, tmp_path: Path, ledger: Count) -> None:
    words = ("tests.faults.training_victims", str(tmp_path), str(CASES))
    done = run_python(CODE, *words, cwd=ROOT, timeout=850)
    assert done.returncode == 0, done.stderr
    reference, *cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(cases) == CASES
    assert max(case["saved"] for case in cases) > 0
    assert len({case["point"] for case in cases}) >= 3
    for case in cases:
        assert case["ended_by"] == case["kind"], case
        assert case["leftovers"] == [], case
        assert case["weights"] == reference["weights"], case
        assert case["losses"] == reference["losses"], case
        assert case["steps"] == NUM_STEPS - case["saved"], case
        if case["kind"] == "disk full":
            assert case["told"]["state"] == "paused", case
            assert "no room" in case["told"]["message"], case
    num_full = sum(case["kind"] == "disk full" for case in cases)
    ledger("F1", cases=len(cases) - num_full)
    ledger("F4", cases=num_full)


@pytest.mark.row("F16", "kills of either side", cases=KILLS_OF_A_SIDE)
@pytest.mark.skipif(sys.platform == "win32", reason="victims are forks")
def test_kills_of_either_side_leave_no_orphan(run_python: Any, tmp_path: Path) -> None:
    words = ("tests.faults.orphan_victims", str(tmp_path), str(KILLS_OF_A_SIDE))
    done = run_python(CODE, *words, cwd=ROOT, timeout=850)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == KILLS_OF_A_SIDE
    for row in rows:
        assert row["trained"], row
        assert not row["orphan"], row
        assert row["can_go_on"], row
        # One step may take longer than a process waits for it; the last save is there even so.
        states = ("paused", "interrupted") if row["side"] == "app" else ("interrupted",)
        assert row["state"] in states, row


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_pauses_with_the_state_saved_and_says_how_to_go_on(tmp_path: Path) -> None:
    make_book(tmp_path)
    preset = small_request(tmp_path, num_steps=10_000, save_every=5_000).preset
    words = ["--dataset", "ink", "--name", "shell", "--model", "tiny", "--config", preset]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "VIDEOSKETCHER_WORKSPACE": str(tmp_path),
    }
    shell = subprocess.Popen(
        [sys.executable, "-m", "videosketcher_app", "train", "lora", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        with build(settings_of(tmp_path)) as app:
            await_true(lambda: app.training.runs() or shell.poll() is not None)
            run_id = app.training.runs()[0].id
            await_view(app.training, run_id, lambda view: view.step >= 2)
            shell.send_signal(signal.SIGINT)
            out, err = shell.communicate(timeout=LIMIT_S)
            view = app.training.view(run_id)
        told = json.loads(out)
        assert shell.returncode == 130
        assert (told["state"], told["run"]) == ("paused", run_id) == (view.state, view.id)
        assert told["step"] == view.step >= 2
        assert "--run-folder" in err
        assert (tmp_path / "training" / run_id / "state.safetensors").is_file()
    finally:
        end_app(shell)
