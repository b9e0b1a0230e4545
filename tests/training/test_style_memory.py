"""A style run within a budget of memory: the same LoRA, and killed runs go on exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.style_cases import SMALL, small_run
from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted, OutOfMemory
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.training_memory import (
    RESERVE_BYTES,
    memory_terms,
    plain_bytes,
    ways,
)
from videosketcher_app.models.wan.network import build_transformer
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_calibration import calibrate
from videosketcher_app.training.style_memory import size_of, told_way, way_within
from videosketcher_app.training.style_preset import StylePreset
from videosketcher_app.training.style_request import read_request

PRESET = StylePreset(**SMALL)
RESULT = "lora.safetensors"


def deep_model(*_: str) -> PocketModel:
    """The tiny model with more blocks, so that it matters how many are on the device."""
    model = tiny_model()
    config = replace(model.transformer_config, num_layers=6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        transformer = build_transformer(config).eval().requires_grad_(False)
    return replace(model, transformer=transformer, transformer_config=config)


def budget_for(holding: str, model: PocketModel) -> int:
    """Bytes that make the product choose a way to hold the weights, for the small run."""
    size = size_of(model, PRESET)
    fitting = [way for way in ways(size) if way.holding == holding and not way.in_8_bits]
    return min(sum(memory_terms(size, way).values()) for way in fitting) + RESERVE_BYTES


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small_run(tmp_path_factory.mktemp("plain") / "run", sample_every=0)
    run_style(folder, resume=False, load=deep_model)
    return folder


def test_the_fastest_way_within_a_budget_is_chosen() -> None:
    model = deep_model()
    plenty = plain_bytes(size_of(model, PRESET)) + RESERVE_BYTES
    assert way_within(model, PRESET, None) is None
    assert way_within(model, PRESET, plenty) is None
    for holding in ("resident", "checkpointed", "streamed"):
        way = way_within(model, PRESET, budget_for(holding, model))
        assert way is not None
        assert way.holding == holding
        assert str(way) in told_way(model, PRESET, way)
    with pytest.raises(OutOfMemory, match=r"Training needs 0\.6 GB"):
        way_within(model, PRESET, RESERVE_BYTES)


@pytest.mark.parametrize("holding", ["resident", "checkpointed", "streamed"])
def test_a_run_within_a_budget_learns_the_same(plain: Path, tmp_path: Path, holding: str) -> None:
    folder = small_run(tmp_path / "run", sample_every=0)
    run_style(folder, resume=False, load=deep_model, budget_bytes=budget_for(holding, deep_model()))
    expected, found = read_lora(plain / RESULT).pairs, read_lora(folder / RESULT).pairs
    assert found.keys() == expected.keys()
    for name, pair in expected.items():
        down, up = pair.factors(1.0)
        for mine, theirs in zip(found[name].factors(1.0), (down, up), strict=True):
            # Adam's first steps turn rounding of tiny gradients into steps: near, not equal.
            torch.testing.assert_close(mine, theirs, atol=2e-3, rtol=2e-2)


def test_a_killed_run_goes_on_exactly_where_weights_visit(tmp_path: Path) -> None:
    how = {"load": deep_model, "budget_bytes": budget_for("streamed", deep_model())}
    whole, killed = (
        small_run(tmp_path / name, name="ink", sample_every=0) for name in ("whole", "killed")
    )
    run_style(whole, resume=False, **how)
    with faults.armed("training.before_step", skip=2), pytest.raises(Interrupted):
        run_style(killed, resume=False, **how)
    run_style(killed, resume=True, **how)
    assert (killed / RESULT).read_bytes() == (whole / RESULT).read_bytes()


def test_the_cost_says_how_the_steps_fit(plain: Path) -> None:
    request = read_request(plain)
    assert calibrate(request).way == ""
    told = calibrate(request, budget_bytes=budget_for("checkpointed", tiny_model())).way
    assert told.startswith("all weights on the device, activations computed twice")
