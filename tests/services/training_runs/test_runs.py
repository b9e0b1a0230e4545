"""A real run of the model `tiny` from start to use; and what needs no process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.training_runs.small_runs import (
    await_view,
    has_ended,
    make_book,
    settings_of,
    small_request,
)
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import AppError, Forbidden, InvalidRequest
from videosketcher_app.services.container import Services, build


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    make_book(tmp_path)
    with build(settings_of(tmp_path)) as built:
        yield built


def test_a_run_trains_and_is_used(services: Services, tmp_path: Path) -> None:
    training = services.training
    started = training.start(small_request(tmp_path, num_steps=4))
    assert started.state in ("waiting", "preparing")
    with pytest.raises(InvalidRequest, match="Stop it first"):
        training.remove(started.id)
    done = await_view(training, started.id, has_ended)
    assert (done.state, done.step, done.num_steps) == ("done", 4, 4)
    assert [step for step, _ in done.losses] == [1, 2, 3, 4]
    assert [strip.step for strip in done.samples] == [0, 4]
    assert done.checkpoints == (4,)
    assert not done.can_go_on

    before, after = training.compare(started.id, 0, 4, 0)
    assert before.mp4.is_file()
    assert before.png != after.png
    with pytest.raises(InvalidRequest, match="sample 1 of step 0"):
        training.compare(started.id, 0, 4, 1)

    entry = training.use(started.id)
    assert (entry.name, entry.trigger_words, entry.flaw) == ("inky", ("inkstyle",), "")
    assert training.use(started.id) == entry
    assert training.use(started.id, 4).name == "inky_4"
    with pytest.raises(InvalidRequest, match="no checkpoint of step 3"):
        training.use(started.id, 3)

    cost = training.cost(small_request(tmp_path, name="next", num_steps=8))
    assert cost.seconds is not None
    assert cost.seconds > 0
    assert cost.memory_bytes

    training.remove(started.id)
    assert training.runs() == ()
    assert [entry.name for entry in services.loras.entries()] == ["inky", "inky_4"]


def test_a_run_that_waits_can_be_paused_stopped_and_survives_a_restart(
    services: Services, tmp_path: Path
) -> None:
    training = services.training
    run = training.prepare(small_request(tmp_path))
    view = training.view(run.id)
    assert (view.state, view.can_go_on) == ("interrupted", True)
    assert "before this run began" in view.message
    with pytest.raises(InvalidRequest, match="nothing to pause"):
        training.pause(run.id)
    assert training.stop(run.id).state == "stopped"
    with pytest.raises(InvalidRequest, match="nothing to stop"):
        training.stop(run.id)
    with pytest.raises(InvalidRequest, match="nothing to use"):
        training.use(run.id)
    training.remove(run.id)
    assert training.runs() == ()
    with pytest.raises(InvalidRequest, match="no training run"):
        training.view(run.id)


@pytest.mark.parametrize("run_id", ["../outside", "", ".", "nothing", "a\x00b", "x" * 5000])
def test_a_run_id_leads_nowhere_else(services: Services, run_id: str) -> None:
    with pytest.raises(InvalidRequest, match="no training run"):
        services.training.view(run_id)


def test_a_guest_may_not_train(services: Services, tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        services.training.start(small_request(tmp_path), role=Role.GUEST)
    for change in (services.training.pause, services.training.remove, services.training.use):
        with pytest.raises(Forbidden):
            change("any", role=Role.GUEST)


def test_the_cost_of_the_first_run_is_said_to_be_unknown(
    services: Services, tmp_path: Path
) -> None:
    cost = services.training.cost(small_request(tmp_path))
    assert (cost.seconds, cost.memory_bytes) == (None, None)
    assert "Nothing of this kind" in cost.note


def test_one_step_tells_the_cost_of_the_first_run(services: Services, tmp_path: Path) -> None:
    request = small_request(tmp_path, num_steps=40, sample_every=20)
    with pytest.raises(Forbidden):
        services.training.measure(request, role=Role.GUEST)
    measured = services.training.measure(request)
    assert measured == services.training.cost(request)
    assert measured.seconds is not None
    assert measured.seconds > 0
    assert (measured.memory_bytes or 0) > 10_000_000
    assert (measured.disk_bytes or 0) > 1_000
    assert "one step" in measured.note
    assert "3 samples" in measured.note
    longer = services.training.cost(request.model_copy(update={"num_steps": 400}))
    assert (longer.seconds or 0) > measured.seconds
    assert services.training.runs() == ()
    assert not list(services.training.folder.glob("*"))


def test_what_cannot_be_measured_says_why(services: Services, tmp_path: Path) -> None:
    request = small_request(tmp_path)
    broken = tmp_path / "datasets" / "ink" / "sketches"
    next(broken.glob("*.json")).write_text("{", "utf-8")
    with pytest.raises(AppError, match=r"file of sketch .* is not JSON"):
        services.training.measure(request)


def test_building_services_makes_no_thread_and_no_folder(tmp_path: Path) -> None:
    before = threading.active_count()
    with build(settings_of(tmp_path / "empty")) as built:
        assert built.training.runs() == ()
        assert threading.active_count() == before
        assert not (tmp_path / "empty" / "training").exists()
