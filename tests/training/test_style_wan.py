"""A LoRA for a Wan model: taught in place, at all noise levels, in whatever memory there is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.tiny_wan import tiny_pipeline
from tests.training.style_cases import small_run
from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted, InvalidRequest
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.training_memory import RESERVE_BYTES, memory_terms, ways
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.text_to_video import TEXT_DEFAULTS, WanTextModel
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_memory import size_of
from videosketcher_app.training.style_preset import PRESETS, StylePreset, read_preset

RESULT = "lora.safetensors"
DEFAULTS = replace(TEXT_DEFAULTS, num_inference_steps=2, width=48, height=48)
ALL_LEVELS: dict[str, Any] = {"kept_share": 0.0, "keep_plans": 0, "keep_batch": 0, "variants": 1}


def wan(*_: str) -> Any:
    pipe = tiny_pipeline(in_dim=16, require_vae_embedding=False)
    return WanTextModel(name="wan", pipe=pipe, defaults=DEFAULTS)


def wan_run(folder: Path, **changes: object) -> Path:
    return small_run(folder, name="ink", **ALL_LEVELS, **changes)


def visiting(folder: Path) -> int:
    """The smallest budget: everything visits the device."""
    size = size_of(wan(), StylePreset(**{**ALL_LEVELS, "width": 48, "height": 48, "rank": 2}))
    return min(sum(memory_terms(size, way).values()) for way in ways(size)) + RESERVE_BYTES


def test_a_wan_model_learns_shows_samples_and_leaves_a_lora(tmp_path: Path) -> None:
    folder, made = wan_run(tmp_path / "run"), []

    def load(*names: str) -> Any:
        made.append(wan(*names))
        return made[0]

    run_style(folder, resume=False, load=load)
    assert (folder / "samples" / "0").is_dir()
    assert (folder / "samples" / "4").is_dir()
    adapter = read_lora(folder / RESULT)
    assert adapter.ranks == (2,)
    assert all(float(pair.factors(1.0)[1].abs().max()) > 0 for pair in adapter.pairs.values())
    # The LoRA fits the plain model, and it draws something else with it.
    model = wan()
    how = {"num_inference_steps": 2, "cfg_scale": 1.0, "shift": 5.0}
    canvas = {"num_frames": 9, "width": 48, "height": 48}

    def drawn() -> torch.Tensor:
        *_, (_, latents, _) = model.denoise(["a cat"], [0], **how, **canvas)
        return latents

    plain = drawn()
    with applied(model.transformer, [(adapter, 1.0)]):
        assert not torch.equal(drawn(), plain)
    assert torch.equal(drawn(), plain)


def test_a_killed_run_of_a_wan_model_goes_on_exactly(tmp_path: Path) -> None:
    whole, killed = (wan_run(tmp_path / name, sample_every=0) for name in ("whole", "killed"))
    run_style(whole, resume=False, load=wan)
    with faults.armed("training.before_step", skip=2), pytest.raises(Interrupted):
        run_style(killed, resume=False, load=wan)
    run_style(killed, resume=True, load=wan)
    assert (killed / RESULT).read_bytes() == (whole / RESULT).read_bytes()


def test_a_wan_model_learns_the_same_within_a_budget(tmp_path: Path) -> None:
    whole, small = (wan_run(tmp_path / name) for name in ("whole", "small"))
    run_style(whole, resume=False, load=wan)
    run_style(small, resume=False, load=wan, budget_bytes=visiting(small))
    expected, found = read_lora(whole / RESULT).pairs, read_lora(small / RESULT).pairs
    for name, pair in expected.items():
        for mine, theirs in zip(found[name].factors(1.0), pair.factors(1.0), strict=True):
            torch.testing.assert_close(mine, theirs, atol=2e-3, rtol=2e-2)


def test_a_preset_for_few_steps_is_refused(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run")
    with pytest.raises(InvalidRequest, match="draws in many steps"):
        run_style(folder, resume=False, load=wan)


def test_a_model_that_draws_from_a_picture_is_refused(tmp_path: Path) -> None:
    def image_model(*_: str) -> Any:
        return WanImageModel(name="wan-i2v", pipe=tiny_pipeline())

    with pytest.raises(InvalidRequest, match="draws from a picture"):
        run_style(wan_run(tmp_path / "run"), resume=False, load=image_model)


def test_the_preset_for_studio_has_the_references_numbers() -> None:
    preset = read_preset(str(PRESETS / "lora_studio.yaml"))
    assert (preset.rank, preset.rate, preset.width, preset.height) == (32, 1e-4, 832, 480)
    assert preset.targets == ("q", "k", "v", "o", "ffn.0", "ffn.2")
    assert preset.kept_share == preset.keep_plans == 0
