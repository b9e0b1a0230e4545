"""The manager's answers over the true services: budget, fit, calibration, self-test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.services.model_manager.machines import card
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest, OutOfMemory
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.machine import look_at
from videosketcher_app.models.memory_plan import PAGEABLE
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.model_facts import all_facts
from videosketcher_app.services.model_manager import self_test
from videosketcher_app.services.model_manager.budget import BudgetNote
from videosketcher_app.services.model_manager.calibration import Calibration, CalibrationStore
from videosketcher_app.services.model_manager.cards import CARDS
from videosketcher_app.services.model_manager.rates import known_rates
from videosketcher_app.services.model_manager.views import GIB, duration, gigabytes

SMALL = {"width": 144, "height": 96, "num_frames": 9}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def test_the_slider_and_the_flag_set_the_same_budget(services: Services, tmp_path: Path) -> None:
    manager = services.model_manager
    assert not manager.memory().is_budget_set
    picture = manager.set_budget(2)
    assert (picture.budget_bytes, picture.is_budget_set) == (2 * GIB, True)
    assert services.lease.memory().total_bytes == 2 * GIB
    settings = services.settings
    with build(settings) as again:
        assert again.lease.limit_bytes == 2 * GIB
    with build(settings.model_copy(update={"memory_gb": 3.0})) as flagged:
        assert flagged.model_manager.memory().budget_bytes == 3 * GIB
    manager.set_budget(None)
    with build(settings) as free:
        assert free.lease.limit_bytes is None


def test_weights_that_stream_from_ordinary_memory_are_told(services: Services) -> None:
    assert services.model_manager.memory().said == ()
    model = SimpleNamespace(memory={"waiting_weights": PAGEABLE}, device="cpu")
    services.shelf._models["wan"] = model
    (sentence,) = services.model_manager.memory().said
    assert sentence.startswith("wan: the system does not lock enough memory")
    del services.shelf._models["wan"]
    assert services.model_manager.memory().said == ()


@pytest.mark.parametrize("wrong", [0, -1, 0.4, 1e9, float("nan"), float("inf")])
def test_an_impossible_budget_is_refused(services: Services, wrong: float) -> None:
    with pytest.raises(InvalidRequest, match="The memory budget is 1 to"):
        services.model_manager.set_budget(wrong)
    assert services.lease.limit_bytes is None


def test_a_budget_below_what_a_session_holds_is_refused(services: Services) -> None:
    services.lease.keep("a drawing together", 2 * GIB)
    with pytest.raises(InvalidRequest, match="a drawing together"):
        services.model_manager.set_budget(1)
    services.lease.release("a drawing together")
    services.model_manager.set_budget(1)


def test_a_damaged_note_of_the_budget_is_no_budget(tmp_path: Path) -> None:
    note = BudgetNote(tmp_path)
    assert note.read() is None
    for text in (
        "",
        "[]",
        "{",
        '{"budget_gb": "much"}',
        '{"budget_gb": -2}',
        '{"budget_gb": true}',
    ):
        (tmp_path / "memory.json").write_text(text, encoding="utf-8")
        assert note.read() is None
    note.keep(6.5)
    assert note.read() == 6.5


def test_whether_it_fits_is_said_in_a_sentence(services: Services) -> None:
    manager = services.model_manager
    services.lease.set_limit(3 * GIB)
    too_much = manager.will_it_fit("wan2.1-t2v-14b")
    assert not too_much.fits
    assert too_much.plan is None
    assert "832x480 and 81 frames needs" in too_much.sentence
    assert too_much.hint
    with pytest.raises(OutOfMemory):
        manager.plan_for("wan2.1-t2v-14b")
    smaller = manager.will_it_fit("wan2.1-t2v-1.3b", fields=SMALL)
    assert smaller.fits, smaller
    assert smaller.needed_bytes <= 3 * GIB
    assert "It fits" in smaller.sentence
    assert manager.will_it_fit("pocket-t2v", "careful").fits
    assert manager.will_it_fit("tiny").needed_bytes == 645_000
    assert manager.plan_for("tiny").tier == "resident"
    with pytest.raises(InvalidRequest, match="no preset named"):
        manager.will_it_fit("tiny", "no such preset")
    with pytest.raises(InvalidRequest, match="no model named"):
        manager.will_it_fit("no such model")
    with pytest.raises(InvalidRequest, match="does not draw by itself"):
        manager.will_it_fit("videosketcher-t2v-lora")


def test_a_drawing_that_cannot_fit_is_refused_before_anything_is_loaded(
    services: Services,
) -> None:
    services.lease.set_limit(2 * GIB)
    request = SketchRequest(prompt="a cat", model="wan2.1-t2v-14b")
    with pytest.raises(OutOfMemory, match="832x480 and 81 frames needs"):
        list(services.generation.run(request, destination=Destination()))
    assert services.shelf.loaded() == ()
    drawn = list(services.generation.run(SketchRequest(prompt="a cat", model="tiny", **SMALL)))
    assert len(drawn[-1].drawing.frames) == 9


def test_calibration_is_kept_for_this_machine_only(services: Services) -> None:
    manager = services.model_manager
    assert manager.calibration is None
    assert manager.will_it_fit("pocket-t2v").seconds is None
    told: list[float] = []
    measured = manager.calibrate(told.append, seconds=0.05)
    assert told == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert manager.calibration == measured
    assert "FLOP/s" in measured.sentence
    fit = manager.will_it_fit("pocket-t2v")
    assert fit.seconds is not None
    assert fit.seconds > 0
    assert "measured on this machine" in fit.sentence
    machine = look_at("cpu")
    assert measured.is_of(machine)
    assert not measured.is_of(replace(machine, driver="another"))
    assert not measured.is_of(replace(machine, name="another"))


def test_a_damaged_calibration_is_none(tmp_path: Path) -> None:
    store = CalibrationStore(tmp_path)
    good = Calibration(
        device="cuda:0",
        name="A card",
        driver="CUDA 13",
        torch="2.15",
        matmul_flops=1e14,
        attention_flops=1e14,
        memory_bytes_s=1e12,
        copy_bytes_s=1e10,
        seconds=10.0,
    )
    store.keep(good)
    assert store.read() == good
    text = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    for change in ({"matmul_flops": 0}, {"copy_bytes_s": "fast"}, {"more": 1}, {"name": 3}):
        (tmp_path / "calibration.json").write_text(json.dumps({**text, **change}), encoding="utf-8")
        assert store.read() is None
    (tmp_path / "calibration.json").write_bytes(b"\xff")
    assert store.read() is None


def test_an_unmeasured_machine_goes_by_its_data_sheet(tmp_path: Path) -> None:
    rates = known_rates(CalibrationStore(tmp_path))
    known = rates(card(24, name="NVIDIA GeForce RTX 4090"))
    assert known is not None
    assert "data sheet" in known.source
    assert known == next(c for c in CARDS if c.memory_gb == 24).rates
    assert rates(card(24)) is None
    assert rates(look_at("cpu")) is None


def test_every_model_that_is_here_draws_in_the_self_test(services: Services) -> None:
    told: list[str] = []
    result = services.model_manager.self_test(lambda testing: told.append(testing.name))
    here = [facts.name for facts in all_facts() if facts.here]
    assert told == [row.name for row in result.rows] == here
    assert result.good, result
    assert all("It drew 9 frames" in row.sentence for row in result.rows)


def test_a_broken_model_fails_the_self_test_and_the_others_are_tested() -> None:
    facts = tuple(replace(one, here=True) for one in all_facts() if one.family == "tiny")
    assert len(facts) == 2

    def draw(request: SketchRequest, _cancel: CancelToken) -> Iterator[object]:
        if request.model == "tiny":
            raise RuntimeError("no kernel")
        raise MemoryError
        yield

    test = self_test.run(facts, draw, lambda _name: 24, CancelToken())  # type: ignore[arg-type]
    result = self_test._drained(test)
    assert [row.good for row in result.rows] == [False, False]
    assert all(row.hint for row in result.rows)
    assert "RuntimeError" in result.rows[0].sentence
    assert "memory" in result.rows[1].sentence


def test_a_clip_of_one_shade_is_no_drawing() -> None:
    import numpy as np

    assert not self_test._judged(np.zeros((9, 4, 4, 3), np.uint8))[0]
    assert not self_test._judged(np.zeros((0, 4, 4, 3), np.uint8))[0]
    assert self_test._judged(np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3))[0]


def test_sizes_and_times_read_like_people_say_them() -> None:
    assert [gigabytes(n) for n in (0, 30 * 1024**2, GIB, int(6.34 * GIB))] == [
        "0 MB",
        "30 MB",
        "1.0 GB",
        "6.3 GB",
    ]
    assert [duration(s) for s in (0.2, 12.4, 99, 119, 5_990, 7_800, 90_000)] == [
        "less than a second",
        "12 s",
        "99 s",
        "2 min",
        "1 h 40 min",
        "2 h 10 min",
        "25 h",
    ]
