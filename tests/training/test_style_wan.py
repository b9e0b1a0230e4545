"""A LoRA for a Wan model: taught in place, at all noise levels, in whatever memory there is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import ROOT
from tests.models.tiny_wan import tiny_pipeline
from tests.training.style_cases import brush_set, small_run
from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted, InvalidRequest
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.training_memory import RESERVE_BYTES, memory_terms, ways
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.text_to_video import TEXT_DEFAULTS, WanTextModel
from videosketcher_app.storage.media import read_image
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_memory import size_of
from videosketcher_app.training.style_model import painter
from videosketcher_app.training.style_preset import PRESETS, StylePreset, read_preset

RESULT = "lora.safetensors"
DEFAULTS = replace(TEXT_DEFAULTS, num_inference_steps=2, width=48, height=48)
ALL_LEVELS: dict[str, Any] = {"kept_share": 0.0, "keep_plans": 0, "keep_batch": 0, "variants": 1}


def wan(*_: str) -> Any:
    pipe = tiny_pipeline(in_dim=16, require_vae_embedding=False)
    return WanTextModel(name="wan", pipe=pipe, defaults=DEFAULTS)


def wan_brush(*_: str) -> Any:
    """In Wan 2.1's style: with an image encoder."""
    return WanImageModel(name="wan-i2v", pipe=tiny_pipeline(clip=True), defaults=DEFAULTS)


def wan_brush_without_clip(*_: str) -> Any:
    """In Wan 2.2's style."""
    return WanImageModel(name="wan-i2v", pipe=tiny_pipeline(), defaults=DEFAULTS)


both = pytest.mark.parametrize("load", [wan, wan_brush])


def wan_run(folder: Path, load: Any = wan, **changes: object) -> Path:
    if load is not wan:
        book = folder.parent / "brushes"
        changes["dataset"] = str(book if book.exists() else brush_set(book))
    return small_run(folder, name="ink", **ALL_LEVELS, **changes)


def visiting(model: Any) -> int:
    """The smallest budget: everything visits the device."""
    size = size_of(model, StylePreset(**{**ALL_LEVELS, "width": 48, "height": 48, "rank": 2}))
    return min(sum(memory_terms(size, way).values()) for way in ways(size)) + RESERVE_BYTES


@pytest.mark.parametrize("load", [wan, wan_brush, wan_brush_without_clip])
def test_a_wan_model_learns_shows_samples_and_leaves_a_lora(tmp_path: Path, load: Any) -> None:
    folder = wan_run(tmp_path / "run", load)
    run_style(folder, resume=False, load=load)
    assert (folder / "samples" / "0").is_dir()
    assert (folder / "samples" / "4").is_dir()
    adapter = read_lora(folder / RESULT)
    assert adapter.ranks == (2,)
    assert all(float(pair.factors(1.0)[1].abs().max()) > 0 for pair in adapter.pairs.values())
    # The LoRA fits the plain model, and it draws something else with it.
    model: Any = painter(load(), read_image(folder / "samples" / "0" / "0.png"))
    how = {"num_inference_steps": 2, "cfg_scale": 1.0, "shift": 5.0}
    canvas = {"num_frames": 9, "width": 48, "height": 48}

    def drawn() -> torch.Tensor:
        *_, (_, latents, _) = model.denoise(["a cat"], [0], **how, **canvas)
        return latents

    plain = drawn()
    with applied(model.transformer, [(adapter, 1.0)]):
        assert not torch.equal(drawn(), plain)
    assert torch.equal(drawn(), plain)


@both
def test_a_killed_run_of_a_wan_model_goes_on_exactly(tmp_path: Path, load: Any) -> None:
    whole, killed = (wan_run(tmp_path / name, load, sample_every=0) for name in ("whole", "killed"))
    run_style(whole, resume=False, load=load)
    with faults.armed("training.before_step", skip=2), pytest.raises(Interrupted):
        run_style(killed, resume=False, load=load)
    run_style(killed, resume=True, load=load)
    assert (killed / RESULT).read_bytes() == (whole / RESULT).read_bytes()


@both
def test_a_wan_model_learns_the_same_within_a_budget(tmp_path: Path, load: Any) -> None:
    whole, small = (wan_run(tmp_path / name, load) for name in ("whole", "small"))
    run_style(whole, resume=False, load=load)
    run_style(small, resume=False, load=load, budget_bytes=visiting(load()))
    expected, found = read_lora(whole / RESULT).pairs, read_lora(small / RESULT).pairs
    for name, pair in expected.items():
        for mine, theirs in zip(found[name].factors(1.0), pair.factors(1.0), strict=True):
            torch.testing.assert_close(mine, theirs, atol=2e-3, rtol=2e-2)


@both
def test_a_preset_for_few_steps_is_refused(tmp_path: Path, load: Any) -> None:
    folder = small_run(tmp_path / "run")
    with pytest.raises(InvalidRequest, match="draws in many steps") as caught:
        run_style(folder, resume=False, load=load)
    named = re.search(r"presets/training/\w+\.yaml", caught.value.hint)
    assert named is not None
    assert read_preset(str(ROOT / named[0])).kept_share == 0


def test_the_preset_for_studio_has_the_references_numbers() -> None:
    preset = read_preset(str(PRESETS / "lora_studio.yaml"))
    assert (preset.rank, preset.rate, preset.width, preset.height) == (32, 1e-4, 832, 480)
    assert preset.targets == ("q", "k", "v", "o", "ffn.0", "ffn.2")
    assert preset.kept_share == preset.keep_plans == 0


@pytest.mark.parametrize(
    ("name", "repeat", "epochs"),
    [("text", 100, 7), ("brush", 1, 7), ("brush_more", 1, 6)],
)
def test_the_presets_of_the_published_stages(name: str, repeat: int, epochs: int) -> None:
    """Facts: reference 5.1 and 5.2."""
    preset = read_preset(str(PRESETS / f"lora_studio_{name}.yaml"))
    assert (preset.rank, preset.rate, preset.beta2, preset.weight_decay) == (32, 1e-4, 0.999, 0.01)
    assert (preset.width, preset.height, preset.num_frames) == (832, 480, 81)
    assert preset.targets == ("q", "k", "v", "o", "ffn.0", "ffn.2")
    assert preset.published_levels
    assert preset.ink_weight == preset.ema_decay == preset.kept_share == preset.keep_plans == 0
    assert preset.steps_for(num_clips=20) == 20 * repeat * epochs
