"""A LoRA for a model that draws with a brush: the frame is read once, and every step learns by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from tests.training.style_cases import PLAN, SMALL, brush_set, small_run
from tests.training.test_style_wan import ALL_LEVELS, wan, wan_brush, wan_brush_without_clip
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.data.brushes.boxed import brush_called
from videosketcher_app.data.brushes.clause import BRUSH_CLAUSE, with_clause
from videosketcher_app.data.brushes.condition import frame_of_brush
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.media import read_image
from videosketcher_app.training.losses import bell_weights, level_table
from videosketcher_app.training.state import StepRandom
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_calibration import calibrate
from videosketcher_app.training.style_data import (
    num_steps_of,
    read_drawings,
    variants_of,
    with_trigger,
)
from videosketcher_app.training.style_prepare import Prepared, base_velocity, prepare
from videosketcher_app.training.style_preset import StylePreset, read_preset
from videosketcher_app.training.style_recipe import StyleRecipe, style_network
from videosketcher_app.training.style_request import StyleRunRequest, read_request

PRESET = StylePreset(**{**SMALL, **ALL_LEVELS, "ink_weight": 0.0, "published_levels": True})
CPU = torch.device("cpu")


def tiny_brush(*_: str) -> Any:
    return tiny_model(name="tiny-brush", image_conditioned=True)


def request_of(folder: Path) -> StyleRunRequest:
    return StyleRunRequest(dataset=str(folder), name="ink")


def prepared_with(model: Any, folder: Path, preset: StylePreset = PRESET) -> Prepared:
    variants = variants_of(read_drawings(folder), preset, trigger="", seed=0, own_size=(48, 48))
    ready = prepare(
        model, model.transformer, variants, preset, request_of(folder), may_go_on=lambda: True
    )
    assert ready is not None
    return ready


@pytest.fixture(scope="module")
def brushes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return brush_set(tmp_path_factory.mktemp("data") / "brushes")


@pytest.mark.parametrize("load", [wan_brush, wan_brush_without_clip])
def test_every_clip_is_read_by_its_own_first_frame(brushes: Path, load: Any) -> None:
    model, drawings = load(), read_drawings(brushes)
    prepared = prepared_with(model, brushes)
    assert prepared.draws_by_frame
    for number in (0, len(drawings) - 1):
        frame = drawings[number].clip(PRESET, 9)[0]
        drawn_by = model.conditioned(frame).first_frame(9)
        stored = prepared.condition_VCFhw[number : number + 1]
        torch.testing.assert_close(stored.float(), drawn_by.y_B20Fhw, atol=1e-3, rtol=1e-3)
        if drawn_by.clip_feature_BSD is None:
            assert prepared.picture_VSD.shape == (4, 0, 0)
        else:
            stored = prepared.picture_VSD[number : number + 1].float()
            torch.testing.assert_close(stored, drawn_by.clip_feature_BSD, atol=1e-3, rtol=1e-3)
    # The first clips are blue, the last ones red.
    assert not torch.equal(prepared.condition_VCFhw[0], prepared.condition_VCFhw[-1])
    assert prepared.sample_frame_HW3.shape == (48, 48, 3)


@pytest.mark.parametrize("load", [wan_brush, wan_brush_without_clip])
def test_a_step_needs_no_encoder_and_has_the_published_loss(brushes: Path, load: Any) -> None:
    model = load()
    prepared = prepared_with(model, brushes)
    drawing = replace(model)
    drawing._first = replace(
        model.conditioned(read_drawings(brushes)[2].clip(PRESET, 9)[0]).first_frame(9),
        y_B20Fhw=prepared.condition_VCFhw[2:3].float(),
        clip_feature_BSD=prepared.picture_VSD[2:3].float() if load is wan_brush else None,
    )
    pipe = model.pipe
    pipe.vae = pipe.text_encoder = pipe.image_encoder = None
    recipe = StyleRecipe(
        PRESET, model, model.transformer, style_network(model, PRESET, 0), prepared, seed=0
    )
    batch = (np.array([2, 2]), np.zeros(0, np.int64))
    loss = recipe.loss(recipe.module, batch, StepRandom(0, 0, 0, CPU))["loss"]
    loss.backward()
    # The formula, with the pass that draws: the pairs change nothing yet.
    random, clean = StepRandom(0, 0, 0, CPU), prepared.clean_VCFhw[[2, 2]].float()
    noise = random.normal(*clean.shape)
    level = (random.uniform(2) * 1000).long()
    table = level_table()
    expected = 0.0
    for row in range(2):
        sigma = float(table[level[row]])
        x = (1 - sigma) * clean[row : row + 1] + sigma * noise[row : row + 1]
        velocity = drawing.velocity(x, sigma, prepared.context_VLD[2:3].float())
        error = (velocity - (noise - clean)[row : row + 1]).square().mean()
        expected += float(bell_weights(table)[level[row]] * error) / 2
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    names = {name for name, value in recipe.module.named_parameters() if value.grad is not None}
    assert any("cross_attn/q" in name for name in names)
    assert not any("_img" in name for name in names)


def test_pocket_steps_and_keepsakes_are_made_by_the_frame(brushes: Path) -> None:
    model = tiny_brush()
    preset = StylePreset(**SMALL)
    prepared = prepared_with(model, brushes, preset)
    frame = read_drawings(brushes)[0].clip(preset, 9)[0]
    x, context = torch.randn(1, 16, 3, 6, 6), prepared.keep_context_KLD[:1].float()
    condition = prepared.condition_VCFhw[:1]
    velocity = base_velocity(model, model.transformer, x, 0.9, context, condition)
    drawn = model.conditioned(frame).velocity(x, 0.9, context)
    torch.testing.assert_close(velocity, drawn, atol=1e-3, rtol=1e-3)
    plain = base_velocity(model, model.transformer, x, 0.9, context, condition[:, :0])
    assert not torch.allclose(velocity, plain, atol=1e-3)
    recipe = StyleRecipe(
        preset, model, model.transformer, style_network(model, preset, 0), prepared, seed=0
    )
    # A kept drawing's first velocity is what the network still says, by the frame of its number.
    batch = (np.array([3]), np.array([0, 1]))
    terms = recipe.loss(recipe.module, batch, StepRandom(0, 0, 0, CPU))
    assert float(terms["loss_keep"].detach()) < 1e-5


def test_a_pocket_brush_run_learns_and_shows_samples(tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", dataset=str(brush_set(tmp_path / "brushes")))
    run_style(folder, resume=False, load=tiny_brush)
    assert read_image(folder / "samples" / "4" / "0.png").shape[:2] == (48, 48)
    assert BRUSH_CLAUSE in (folder / "samples" / "4" / "index.json").read_text("utf-8")
    assert read_lora(folder / "lora.safetensors").ranks == (2,)


def test_a_sketchbook_is_painted_with_a_brush_of_the_shelf(tmp_path: Path) -> None:
    brush = "marker_blue:#1d3fa6"
    folder = small_run(tmp_path / "run", brush=brush, variants=2)
    request, preset = read_request(folder), read_preset(read_request(folder).preset)
    drawings = read_drawings(Path(request.dataset))
    variants = variants_of(
        drawings, preset, trigger="inkhand", seed=0, own_size=(48, 48), brush=request.brush
    )
    assert len(variants) == 2 * len(drawings)
    for variant in variants:
        clip = variant.drawing.clip(preset, 9)
        assert np.array_equal(clip, variant.drawing.clip(preset, 9)), "drawn anew, it is the same"
        box = frame_of_brush(brush_called(brush).brush, (48, 48)).pixels_HW3
        assert np.array_equal(clip[0], np.minimum(clip[0], box)), "the box stands from the start"
        new_ink = clip[-1][clip[0].min(axis=-1) - clip[-1].min(axis=-1).astype(int) > 60]
        assert len(new_ink)
        red, _, blue = new_ink.mean(axis=0)
        assert blue > red + 40, "painted in the brush's color"
        assert f"inkhand{BRUSH_CLAUSE}" in variant.caption
    run_style(folder, resume=False, load=tiny_brush)
    assert read_lora(folder / "lora.safetensors").ranks == (2,)


@pytest.mark.parametrize("load", [wan_brush, tiny_brush])
def test_clips_that_begin_with_blank_paper_are_refused(tmp_path: Path, load: Any) -> None:
    how = ALL_LEVELS if load is wan_brush else {}
    with pytest.raises(InvalidFile, match="Sketch s0 begins with blank paper") as caught:
        run_style(small_run(tmp_path / "run", **how), resume=False, load=load)
    assert "--style" in caught.value.hint


def test_a_run_begun_before_there_were_brushes_still_reads(brushes: Path) -> None:
    tensors = prepared_with(wan(), brushes).tensors()
    old = {k: v for k, v in tensors.items() if k[:5] not in {"condi", "pictu", "sampl"}}
    prepared = Prepared.from_tensors(old)
    assert not prepared.draws_by_frame
    assert all(torch.equal(prepared.tensors()[name], value) for name, value in tensors.items())


def test_rounds_count_this_runs_own_clips(brushes: Path, tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", dataset=str(brushes), epochs=3, repeat=2, **ALL_LEVELS)
    request = read_request(folder)
    preset = read_preset(request.preset)
    assert num_steps_of(request, preset) == 3 * 2 * 4 // 2
    assert num_steps_of(request.model_copy(update={"num_steps": 5}), preset) == 5
    book = small_run(tmp_path / "book run", epochs=3, variants=2)  # three sketches, moved once
    request = read_request(book)
    assert num_steps_of(request, read_preset(request.preset)) == 3 * 6 // 2


def test_rounds_end_when_every_clip_has_come_that_often(brushes: Path, tmp_path: Path) -> None:
    folder = small_run(
        tmp_path / "run", dataset=str(brushes), epochs=1, sample_every=0, **ALL_LEVELS
    )
    run_style(folder, resume=False, load=wan_brush_without_clip)
    status = yaml.safe_load((folder / "status.json").read_text("utf-8"))
    assert (status["state"], status["step"], status["num_steps"]) == ("done", 2, 2)


def test_published_levels_are_all_levels() -> None:
    with pytest.raises(InvalidRequest, match="published_levels are all levels"):
        StylePreset(published_levels=True, kept_share=0.3)


def test_a_trigger_stands_before_the_clause() -> None:
    expected = with_clause(with_trigger(PLAN, "in ink"))
    assert "a cat in ink, using the color" in expected
    assert with_trigger(with_clause(PLAN), "in ink") == expected
    assert with_trigger(f"a cat{BRUSH_CLAUSE}", "in ink") == f"a cat in ink{BRUSH_CLAUSE}"


def test_a_brush_run_is_measured(brushes: Path, tmp_path: Path) -> None:
    folder = small_run(tmp_path / "run", model="tiny-brush", dataset=str(brushes))
    estimate = calibrate(read_request(folder))
    assert estimate.num_steps == 4
    assert estimate.disk_bytes > 4 * 2 * 16 * 6 * 6
