"""F8: memory that runs out at any allocation ends in the same drawing or in one clear sentence."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests import thorough
from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.core.events import Done
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.generation import Destination

pytestmark = pytest.mark.faults
REQUEST = SketchRequest(
    prompt="a cat", model="tiny", seed=5, num_frames=5, width=48, height=48, num_inference_steps=1
)
POINTS = thorough.of(30, sample=10)
MOST_GROWTH_BYTES = 64_000_000


class FailingAt(TorchDispatchMode):
    """From an operation's number on, so many operations find no memory."""

    def __init__(self, first: int, times: int) -> None:
        super().__init__()
        self.seen, self.failing = 0, range(first, first + times)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen += 1
        if self.seen in self.failing:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1 GiB.")
        return func(*args, **(kwargs or {}))


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


def draw(services: Services) -> Any:
    """On this thread, where operations can be counted; as the worker would."""

    def events() -> Generator[Any, None, Any]:
        with services.lease.lease("A sketch"):
            return (
                yield from services.generation.draw(
                    REQUEST, None, Destination(), Role.OWNER, CancelToken()
                )
            )

    running = events()
    while True:
        try:
            next(running)
        except StopIteration as end:
            return end.value


@pytest.mark.row("F8", "allocations that fail", cases=POINTS)
def test_allocations_fail_and_the_drawing_is_the_same_or_the_end_is_clear(
    services: Services,
) -> None:
    whole = draw(services).frames
    with FailingAt(0, 0) as counting:
        draw(services)
    points = np.linspace(1, counting.seen, POINTS).astype(int)
    gc.collect()
    before = psutil.Process().memory_info().rss
    for passing, lasting in zip(points[::2], points[1::2], strict=True):
        with FailingAt(int(lasting), 10**9), pytest.raises(OutOfMemory) as caught:
            draw(services)
        assert "tiny needs about" in caught.value.message
        assert caught.value.hint
        assert services.lease.grants()[0].holder == "tiny", "the weights stay, the job is gone"
        with FailingAt(int(passing), 1):
            drawing = draw(services)
        assert (drawing.frames == whole).all(), passing
        assert drawing.run["given_up"] == ["What nobody used was let go."]
    gc.collect()
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES
    done = list(services.generation.run(REQUEST))[-1]
    assert isinstance(done, Done)
    assert (done.drawing.frames == whole).all()
