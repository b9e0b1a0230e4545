"""The ladder: every rung once, the same drawing in the end, or one clear sentence."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
import torch

from tests.services.model_manager.machines import as_if_large, card, lease_of, processor
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.models.machine import Machine, is_device_lost, is_out_of_memory
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.lease import DeviceLease
from videosketcher_app.services.model_manager.ladder import FREED, Ladder
from videosketcher_app.services.model_manager.plans import MemoryPlans
from videosketcher_app.services.model_manager.trouble import DeviceLost
from videosketcher_app.services.model_shelf import ModelShelf

LARGE = "tiny-brush"
ASKED = SketchRequest(prompt="a cat", model=LARGE, seed=3)
Plan = tuple[str, str, bool]


class Rig:
    """A ladder over a machine that is not here, with a true shelf and true (tiny) weights."""

    def __init__(self, machine: Machine) -> None:
        self.lease = lease_of(machine)
        self.plans = MemoryPlans(self.lease, look=lambda _: machine, sizes=as_if_large)
        self.shelf = ModelShelf(device="cpu", lease=self.lease, place=self.plans.place)
        self.ladder = Ladder(self.plans, self.shelf)
        self.tried: list[Plan] = []

    def climb(self, fails: Callable[[Plan], bool]) -> tuple[str, tuple[str, ...]]:
        """Draws until the plan does not fail; returns a result and what was given up."""

        def attempt() -> Generator[str, None, str]:
            yield "loading"
            self.shelf.get(LARGE)
            placed = {model.name: model.placed for model in self.shelf.loaded()}[LARGE]
            assert placed is not None
            plan = placed.plan
            self.tried.append((plan.tier, plan.weights_dtype, plan.vae_tiled))
            if fails(self.tried[-1]):
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.")
            return "drawn"

        return drained(self.ladder.climb(LARGE, attempt, asked=ASKED))


def drained(events: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


WAY_DOWN = [
    ("resident", "bf16", False),
    ("stream_ram", "bf16", False),
    ("stream_ram", "bf16", True),
    ("stream_ram", "fp8", True),
    ("stream_disk", "fp8", True),
]


@pytest.mark.row("F8", "rungs of the ladder")
@pytest.mark.parametrize("rung", range(len(WAY_DOWN)))
def test_the_work_is_repeated_once_a_rung_until_it_fits(rung: int) -> None:
    rig = Rig(card(80))
    result, given_up = rig.climb(lambda plan: plan != WAY_DOWN[rung])
    assert result == "drawn"
    # First with what nobody used let go, then rung by rung.
    repeated = WAY_DOWN[: rung + 1] if rung == 0 else [WAY_DOWN[0], *WAY_DOWN[: rung + 1]]
    assert rig.tried == repeated
    assert given_up == (() if rung == 0 else (FREED, *given_up[1:]))
    assert len(given_up) == len(set(given_up)) == len(rig.tried) - 1
    assert len(rig.ladder.said) == len(given_up)
    rig.tried.clear()
    assert rig.climb(lambda plan: plan != WAY_DOWN[rung]) == ("drawn", ())
    assert rig.tried == [WAY_DOWN[rung]], "what was learned is remembered"


def test_the_end_is_one_clear_sentence_and_the_next_job_works() -> None:
    rig = Rig(card(80))
    with pytest.raises(OutOfMemory) as caught:
        rig.climb(lambda _plan: True)
    assert rig.tried == [WAY_DOWN[0], *WAY_DOWN]
    message = caught.value.message
    assert message.startswith("tiny-brush at 832x480 and 81 frames needs about")
    assert "Tried in vain" in message
    assert "Choose a smaller size" in caught.value.hint
    rig.plans.forget()
    rig.shelf.plan_again()
    rig.tried.clear()
    assert rig.climb(lambda _plan: False) == ("drawn", ())
    assert rig.tried == [WAY_DOWN[0]]


def test_a_processor_has_fewer_rungs() -> None:
    rig = Rig(processor(64))
    with pytest.raises(OutOfMemory):
        rig.climb(lambda _plan: True)
    assert [plan[0] for plan in rig.tried] == ["resident"] * 4 + ["stream_disk"]


def test_other_errors_are_not_repeated() -> None:
    rig = Rig(card(80))

    def attempt() -> Generator[str, None, str]:
        yield "loading"
        raise ValueError("no picture")

    with pytest.raises(ValueError, match="no picture"):
        drained(rig.ladder.climb(LARGE, attempt, asked=ASKED))
    assert rig.ladder.said == ()


def test_memory_that_ran_out_while_loading_is_a_rung_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(card(80))
    loads: list[str] = []
    load = rig.shelf._load

    def failing(name: str, plan: Any) -> Any:
        loads.append(plan.tier)
        if plan.tier == "resident":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return load(name, plan)

    monkeypatch.setattr(rig.shelf, "_load", failing)
    assert rig.climb(lambda _plan: False)[0] == "drawn"
    assert loads == ["resident", "resident", "stream_ram"]
    assert rig.shelf.state(LARGE).state == "ready"


def test_a_clip_that_needs_another_plan_has_the_model_loaded_anew() -> None:
    rig = Rig(card(48))
    small, large = ASKED.replaced(width=416, height=240), ASKED.replaced(width=1280, height=720)

    def tier(asked: SketchRequest) -> str:
        drained(rig.ladder.climb(LARGE, attempt, asked=asked))
        placed = rig.shelf.loaded()[0].placed
        assert placed is not None
        return placed.plan.tier

    def attempt() -> Generator[str, None, str]:
        yield "loading"
        rig.shelf.get(LARGE)
        return "drawn"

    assert tier(small) == "resident"
    assert tier(large) == "stream_ram"
    streamed = rig.shelf.get(LARGE)
    assert tier(small) == "stream_ram", "it suits, so it is not loaded again"
    assert rig.shelf.get(LARGE) is streamed
    with pytest.raises(OutOfMemory, match="1920x1080 and 401 frames needs"):
        tier(ASKED.replaced(width=1920, height=1080, num_frames=401))
    assert rig.shelf.get(LARGE) is streamed


def test_errors_are_told_apart() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("x"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory: you tried"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes differ"))
    assert not is_out_of_memory(OSError("out of memory"))
    lost = [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: unspecified launch failure"),
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("CUDA error: uncorrectable ECC error encountered"),
        torch.AcceleratorError("CUDA error: misaligned address"),
    ]
    assert all(is_device_lost(error) for error in lost)
    assert not is_device_lost(RuntimeError("CUDA error: invalid argument"))
    assert not is_device_lost(RuntimeError("CUDA error: out of memory"))
    assert not is_device_lost(ValueError("CUDA error: unspecified launch failure"))


@pytest.fixture
def lease() -> Iterator[DeviceLease]:
    return lease_of(card(8))


def test_a_job_that_runs_out_of_memory_says_so_and_gives_the_device_back(
    lease: DeviceLease,
) -> None:
    with pytest.raises(OutOfMemory, match="ran out"), lease.lease("A turn"):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    assert lease.grants() == ()
    with lease.lease("A turn"):
        pass


def test_after_a_sticky_error_nothing_is_computed_any_more(lease: DeviceLease) -> None:
    with pytest.raises(DeviceLost, match="graphics driver"), lease.lease("A turn"):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")
    assert lease.grants() == ()
    for _ in range(2):
        with pytest.raises(DeviceLost) as caught, lease.lease("A turn"):
            raise AssertionError("never inside")
        assert "Start the app again" in caught.value.hint
        with pytest.raises(DeviceLost):
            lease.keep("weights", 1)


STICKY = (
    "illegal memory access was encountered",
    "unspecified launch failure",
    "device-side assert triggered",
    "misaligned address",
    "uncorrectable ECC error encountered",
)


@pytest.mark.row("F9", "kinds of lost devices")
@pytest.mark.parametrize("kind", STICKY)
def test_no_job_that_waits_touches_a_lost_device(lease: DeviceLease, kind: str) -> None:
    begun: list[int] = []
    gate = threading.Event()

    def failing(_cancel: CancelToken) -> Iterator[int]:
        gate.wait()
        raise RuntimeError(f"CUDA error: {kind}")
        yield

    def counting(_cancel: CancelToken) -> Iterator[int]:
        begun.append(1)
        yield 0

    with JobQueue(lease=lease) as queue:
        jobs = [queue.submit(body, name="A sketch") for body in (failing, counting, counting)]
        gate.set()
        for job in jobs:
            with pytest.raises(DeviceLost, match="graphics driver"):
                job.result()
    assert begun == []


def test_what_a_failed_attempt_held_is_free_before_the_next() -> None:
    rig = Rig(card(80))
    held: list[weakref.ref[Any]] = []

    def attempt() -> Generator[str, None, str]:
        yield "loading"
        assert all(ref() is None for ref in held)
        large = torch.zeros(1000)
        held.append(weakref.ref(large))
        if len(held) < 4:
            error = torch.OutOfMemoryError("CUDA out of memory.")
            raise error  # its frame knows it, and it knows its frame
        return "drawn"

    gc.disable()
    try:
        assert drained(rig.ladder.climb(LARGE, attempt, asked=ASKED))[0] == "drawn"
    finally:
        gc.enable()
    assert len(held) == 4
