"""Eighty injections of NaN and infinity: each is seen where it happens, and nothing is kept of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from tests.training.style_cases import PLAN
from tests.training.test_loop import SmallRecipe, weights_of
from videosketcher_app.core.errors import AppError
from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_metadata, read_safetensors
from videosketcher_app.training.loop import LoopConfig, Moment, train
from videosketcher_app.training.state import STATE_FILE, StepRandom
from videosketcher_app.training.style_folder import RunFolder
from videosketcher_app.training.style_preset import StylePreset
from videosketcher_app.training.style_recipe import style_network
from videosketcher_app.training.style_samples import draw_samples

NUM = 20
BAD = (float("nan"), float("inf"))
PRESET = StylePreset(width=48, height=48, num_frames=9, sample_width=48, sample_height=48, rank=2)

pytestmark = pytest.mark.faults


class Poisoned(SmallRecipe):
    """Every second step's loss or gradient is no number."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.step = -1

    def loss(self, model: torch.nn.Module, batch: torch.Tensor, random: StepRandom) -> dict:
        self.step += 1
        terms = super().loss(model, batch, random)
        if self.step % 2 == 0:
            return terms
        if self.where == "loss":
            return {"loss": terms["loss"] * BAD[self.step // 2 % 2]}
        weight = next(iter(model.parameters()))
        zero = (weight * 0).sum()
        return {"loss": terms["loss"] + zero.sqrt()}  # 0, with a gradient that is none


@pytest.mark.row("F7", "injections into loss, gradient, latents and pixels", cases=NUM)
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_step_without_numbers_changes_nothing(tmp_path: Path, where: str) -> None:
    recipe, seen = Poisoned(where), []

    def look(moment: Moment) -> bool:
        seen.append((moment.state.skipped, weights_of(recipe), [*moment.state.ema.values()]))
        seen[-1][2][:] = [value.clone() for value in seen[-1][2]]
        return True

    config = LoopConfig(num_steps=2 * NUM, warmup_steps=1, cooldown=0.0, save_every=1)
    state = train(recipe, config, tmp_path, Accelerator(cpu=True), between_steps=look)
    seen.append((state.skipped, weights_of(recipe), [*state.ema.values()]))
    assert state.skipped == NUM
    for step in range(2 * NUM):
        (skipped, *before), (skipped_now, *after) = seen[step], seen[step + 1]
        is_bad = step % 2 == 1
        assert skipped_now - skipped == is_bad
        same = [torch.equal(a, b) for x, y in zip(before, after, strict=True) for a, b in zip(x, y, strict=True)]  # fmt: skip
        assert all(same) if is_bad else not all(same)
    kept = read_safetensors(tmp_path / STATE_FILE)
    assert all(bool(value.isfinite().all()) for value in kept.values() if value.is_floating_point())
    assert json.loads(read_metadata(tmp_path / STATE_FILE)["state"])["skipped"] == NUM


@pytest.fixture(scope="module")
def drawing() -> tuple:
    """A tiny model of twenty steps, and a LoRA that changes nothing."""
    model = tiny_model()
    model.defaults = type(model.defaults)(num_inference_steps=NUM, width=48, height=48)
    network = style_network(model, PRESET, 0)
    adapter: LoraAdapter = network.adapter(dict(network.named_parameters()))
    return model, adapter


def refused(folder: Path, drawing: tuple) -> str:
    """Why nothing was drawn."""
    model, adapter = drawing
    learned = applied(model.transformer, [(adapter, 1.0)])
    with pytest.raises(AppError) as error:
        draw_samples(RunFolder(folder), 0, model, learned, [PLAN], PRESET, may_go_on=lambda: True)
    assert not list(folder.rglob("*.mp4"))
    assert error.value.hint
    return error.value.message


@pytest.mark.row("F7", "injections into loss, gradient, latents and pixels", cases=NUM)
def test_latents_without_numbers_end_the_drawing_at_their_step(
    tmp_path: Path, drawing: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = drawing[0]
    velocity = type(model).velocity
    for bad_step in range(1, NUM + 1):
        done = iter(range(1, NUM + 1))

        def poisoned(*given, _done=done, _bad=bad_step, **named):
            answer = velocity(model, *given, **named)
            if next(_done) == _bad:
                answer = answer.clone()
                answer.view(-1)[_bad] = BAD[_bad % 2]
            return answer

        monkeypatch.setattr(model, "velocity", poisoned, raising=False)
        assert f"step {bad_step} of {NUM}." in refused(tmp_path, drawing)


@pytest.mark.row("F7", "injections into loss, gradient, latents and pixels", cases=NUM)
def test_pixels_without_numbers_are_no_video(
    tmp_path: Path, drawing: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = drawing[0]
    model.defaults = type(model.defaults)(num_inference_steps=2, width=48, height=48)
    decode = type(model).decode
    for case in range(NUM):

        def poisoned(latents, *given, _case=case, **named):
            clip = decode(model, latents, *given, **named)
            clip = clip.clone(memory_format=torch.contiguous_format)
            clip.view(-1)[_case * clip.numel() // NUM] = BAD[_case % 2]
            return clip

        monkeypatch.setattr(model, "decode", poisoned, raising=False)
        assert "the decoder" in refused(tmp_path, drawing)
