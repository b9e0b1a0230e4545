"""F8 on a true card: under five limits that the allocator enforces, a drawing or a clear end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.machine import free_unused, hold_to
from videosketcher_app.services.container import Services, build

pytestmark = pytest.mark.gpu
MIB = 1024**2
LIMITS_MIB = (64, 128, 256, 512, 2048)
REQUEST = SketchRequest(prompt="a cat", model="pocket-t2v", planner="library", seed=3)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out")
    with build(settings) as built:
        yield built
    hold_to("cuda:0", None)


@pytest.mark.row("F8", "memory limits of a true GPU", cases=5)
def test_five_limits_end_clearly_and_the_next_drawing_is_the_same(services: Services) -> None:
    import torch

    whole = list(services.generation.run(REQUEST))[-1].drawing.frames
    hints: list[str] = []
    for limit in LIMITS_MIB:
        services.shelf.clear()
        free_unused()
        before = torch.cuda.memory_allocated()
        services.lease.set_limit(limit * MIB)
        try:
            drawn = list(services.generation.run(REQUEST))[-1].drawing.frames
            assert (drawn == whole).all()
        except OutOfMemory as error:
            hints.append(error.hint)
        services.lease.set_limit(None)
        services.shelf.clear()
        free_unused()
        assert torch.cuda.memory_allocated() - before < 64 * MIB
        assert (list(services.generation.run(REQUEST))[-1].drawing.frames == whole).all()
    assert 0 < len(hints) < len(LIMITS_MIB)
    assert all(hints)


def test_a_card_is_measured_and_its_rates_are_used(services: Services) -> None:
    measured = services.model_manager.calibrate(seconds=2.0)
    assert measured.device.startswith("cuda")
    assert measured.matmul_flops > 1e12
    assert measured.copy_bytes_s < measured.memory_bytes_s
    fit = services.model_manager.will_it_fit("wan2.1-t2v-1.3b")
    assert fit.seconds is None or fit.seconds > 0
    assert services.model_manager.memory().device.startswith("cuda")
