"""A rollout in a quick mode asks for room for its second set of layers before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.services.model_manager.machines import card, lease_of
from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.core.requests import RolloutRequest, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.machine import Machine
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.services.codraw.rollouts import RolloutService
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.loras import library_of
from videosketcher_app.services.model_manager.footprint import cache_bytes, footprint, twin_bytes
from videosketcher_app.services.model_manager.ladder import Ladder
from videosketcher_app.services.model_manager.plans import MemoryPlans, clip_of
from videosketcher_app.services.model_manager.sizes import CAUSAL_1_3B
from videosketcher_app.services.model_manager.views import GIB
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.request_planner import RequestPlanner

NAME = "tiny"  # booked like a causal 1.3B


def request(mode: str) -> RolloutRequest:
    sketch = SketchRequest(
        prompt="a cat",
        model=NAME,
        num_frames=21,
        width=48,
        height=48,
        num_inference_steps=1,
        mode=mode,  # type: ignore[arg-type]
    )
    return RolloutRequest(sketch=sketch)


def needed_bytes(mode: str, *, multiplies_8_bits: bool = True) -> int:
    clip = clip_of(CAUSAL_1_3B, request(mode).sketch.to_mapping())
    plan = MemoryPlan(budget_bytes=1)
    needs = footprint(CAUSAL_1_3B, clip, plan, multiplies_8_bits=multiplies_8_bits)
    return needs.device_bytes


def machine_of(device_bytes: int, *, has_fp8: bool = True) -> Machine:
    gigabytes = device_bytes / GIB
    return card(gigabytes, free_bytes=device_bytes, total_bytes=device_bytes, has_fp8=has_fp8)


class Rig:
    """Rollouts on a machine that is not here, with a true shelf and the tiny causal model."""

    def __init__(self, machine: Machine, root: Path) -> None:
        self.lease = lease_of(machine)
        self.queue = JobQueue(lease=self.lease)
        plans = MemoryPlans(self.lease, look=lambda _: machine, sizes=lambda _: CAUSAL_1_3B)
        self.shelf = ModelShelf(device="cpu", lease=self.lease, place=plans.place)
        self.service = RolloutService(
            queue=self.queue,
            models=self.shelf,
            planner=RequestPlanner(),
            loras=library_of(load_settings(workspace=root)),
            ladder=Ladder(plans, self.shelf),
        )

    def drawn(self, mode: str) -> Any:
        *_, done = self.service.run(request(mode))
        return done.drawing


@contextmanager
def rig(machine: Machine, root: Path) -> Iterator[Rig]:
    opened = Rig(machine, root)
    try:
        yield opened
    finally:
        opened.queue.shutdown()


@pytest.mark.parametrize("mode", ["fast", "sketch"])
def test_layers_in_8_bits_are_counted_before_anything_is_loaded(tmp_path: Path, mode: str) -> None:
    between = needed_bytes(mode) - 1
    assert needed_bytes("exact") < between
    with rig(machine_of(between), tmp_path) as short:
        with pytest.raises(OutOfMemory, match="tiny at 48x48 and 21 frames needs") as raised:
            short.drawn(mode)
        assert 'Use the mode "exact"' in raised.value.hint
        assert short.shelf.loaded() == ()
        assert short.drawn("exact").settings["mode"] == "exact"
    with rig(machine_of(between + 1), tmp_path) as enough:
        assert enough.drawn(mode).settings["mode"] == mode


def test_they_are_not_counted_where_the_device_has_no_such_product(tmp_path: Path) -> None:
    assert needed_bytes("fast", multiplies_8_bits=False) == needed_bytes("exact")
    with rig(machine_of(needed_bytes("exact"), has_fp8=False), tmp_path) as older:
        assert older.drawn("fast").settings["mode"] == "fast"


def test_the_other_mode_is_no_way_out_where_it_does_not_fit_either(tmp_path: Path) -> None:
    with (
        rig(machine_of(needed_bytes("exact") - 1), tmp_path) as short,
        pytest.raises(OutOfMemory) as raised,
    ):
        short.drawn("fast")
    assert "exact" not in raised.value.hint


def test_weights_are_booked_without_what_each_drawing_books(tmp_path: Path) -> None:
    """A session of co-drawing books its cache and its layers in 8 bits: not twice."""
    clip = clip_of(CAUSAL_1_3B, request("fast").sketch.to_mapping())
    assert twin_bytes(CAUSAL_1_3B, clip) > 0
    with rig(machine_of(80 * GIB), tmp_path) as roomy:
        roomy.drawn("fast")
        (weights,) = roomy.lease.grants()
    drawing = cache_bytes(CAUSAL_1_3B, clip, 2) + twin_bytes(CAUSAL_1_3B, clip)
    assert weights.num_bytes == needed_bytes("fast") - drawing
