"""What a style run minimizes, against the same written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.style_cases import PLAN, SMALL, small_sketch
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.models.coordinates import coordinate_channels, transformer_input
from videosketcher_app.models.lora.merging import merged
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import predict_velocity
from videosketcher_app.models.wan.network import build_transformer
from videosketcher_app.training.state import StepRandom
from videosketcher_app.training.style_data import variants_of, with_trigger
from videosketcher_app.training.style_path import (
    carried,
    noised,
    trajectory_point,
    velocity_to,
)
from videosketcher_app.training.style_prepare import Prepared, prepare
from videosketcher_app.training.style_preset import StylePreset, preset_names, read_preset
from videosketcher_app.training.style_recipe import StyleNetwork, StyleRecipe, style_network
from videosketcher_app.training.style_request import StyleRunRequest

OWN = (144, 96)


def recipe_of(**changes: object) -> StyleRecipe:
    """A recipe on the tiny model whose LoRA does something."""
    preset = StylePreset(**{**SMALL, **changes})  # type: ignore[arg-type]
    model = tiny_model()
    network = style_network(model, preset, seed=3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(
                0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
            )
    drawings = tuple(small_sketch(number) for number in range(3))
    variants = variants_of(drawings, preset, trigger="", seed=0, own_size=OWN)
    request = StyleRunRequest(dataset="book", name="ink")
    prepared = prepare(model, model.transformer, variants, preset, request, may_go_on=lambda: True)
    assert prepared is not None
    return StyleRecipe(preset, model, model.transformer, network, prepared, seed=0)


def velocity_by_merging(
    recipe: StyleRecipe, x: torch.Tensor, sigma: torch.Tensor, context: torch.Tensor
) -> torch.Tensor:
    """The same network with the LoRA merged into its weights, sample by sample."""
    assert isinstance(recipe.module, StyleNetwork)
    weights = recipe.model.transformer.state_dict()
    adapter = recipe.module.adapter(dict(recipe.module.named_parameters()))
    transformer = build_transformer(recipe.model.transformer_config)
    transformer.load_state_dict(merged(weights, adapter))
    coordinates = coordinate_channels(*x.shape[2:])
    rows = [
        predict_velocity(
            transformer,
            transformer_input(x[i : i + 1], coordinates),
            1000 * sigma[i].view(1, 1),
            context[i : i + 1].float(),
        )
        for i in range(len(x))
    ]
    return torch.cat(rows)


@torch.no_grad()
def test_flow_matching_of_a_lora_by_hand() -> None:
    recipe = recipe_of(kept_share=0.0, base_steps=0, ink_weight=0.0)
    style, keep = np.array([1, 4]), np.zeros(0, np.int64)
    terms = recipe.loss(recipe.module, (style, keep), StepRandom(0, 5, 0, "cpu"))
    random = StepRandom(0, 5, 0, "cpu")
    clean = recipe.prepared.clean_VCFhw[style].float()
    noise = random.normal(*clean.shape)
    levels = torch.tensor(sigmas(2, recipe.model.defaults.shift)[:-1])
    sigma = levels[(random.uniform(2) * 2).long()]
    wide = sigma.view(-1, 1, 1, 1, 1)
    x = (1 - wide) * clean + wide * noise
    predicted = velocity_by_merging(recipe, x, sigma, recipe.prepared.context_VLD[style])
    by_hand = float(((predicted - (noise - clean)) ** 2).mean())
    assert float(terms["loss"]) == pytest.approx(by_hand, abs=1e-6, rel=1e-6)


@torch.no_grad()
def test_the_model_is_held_to_its_own_first_steps_by_hand() -> None:
    recipe = recipe_of()
    assert recipe.kept == 1
    batch = (np.array([0, 2]), np.array([1]))
    terms = recipe.loss(recipe.module, batch, StepRandom(0, 5, 0, "cpu"))
    p = recipe.prepared
    noise = p.noise_KCFhw[[1]].float()
    predicted = velocity_by_merging(recipe, noise, torch.ones(1), p.keep_context_KLD[[1]])
    by_hand = float(((predicted - p.velocity_KSCFhw[[1], 0].float()) ** 2).mean())
    assert float(terms["loss_keep"]) == pytest.approx(by_hand, abs=1e-6, rel=1e-5)
    total = terms["loss_style"] + recipe.preset.keep_weight * terms["loss_keep"]
    assert float(terms["loss"]) == pytest.approx(float(total), abs=1e-6)


@torch.no_grad()
def test_a_fresh_lora_keeps_the_first_steps_exactly() -> None:
    recipe = recipe_of()
    fresh = style_network(recipe.model, recipe.preset, seed=3)
    terms = recipe.loss(fresh, (np.array([0]), np.array([0])), StepRandom(0, 5, 0, "cpu"))
    assert float(terms["loss_keep"]) < 1e-5  # half precision of what is kept
    assert float(terms["loss_style"]) > 0.1


def test_a_path_from_a_noisy_clip_is_flow_matching() -> None:
    clean, noise = torch.randn(2, 3, 2, 4, 4), torch.randn(2, 3, 2, 4, 4)
    sigma = torch.tensor([0.5, 0.2]).view(-1, 1, 1, 1, 1)
    x = carried(noised(clean, noise, 0.8), clean, 0.8, sigma)
    torch.testing.assert_close(x, (1 - sigma) * clean + sigma * noise)
    torch.testing.assert_close(velocity_to(clean, x, sigma), noise - clean)


def test_a_path_begins_at_its_start_and_leads_to_the_clip() -> None:
    start, clean = torch.randn(1, 3, 2, 4, 4), torch.randn(1, 3, 2, 4, 4)
    sigma = torch.tensor([0.8]).view(-1, 1, 1, 1, 1)
    x = carried(start, clean, 0.8, sigma)
    torch.testing.assert_close(x, start)
    torch.testing.assert_close(x - sigma * velocity_to(clean, x, sigma), clean)


def test_a_stored_drawing_is_walked_again() -> None:
    levels = [1.0, 0.9, 0.6, 0.0]
    noise, velocities = torch.randn(3, 2, 1, 3, 3), torch.randn(3, 2, 2, 1, 3, 3)
    x, velocity = trajectory_point(noise, velocities, levels, torch.tensor([0, 1, 1]))
    torch.testing.assert_close(x[0], noise[0])
    torch.testing.assert_close(x[1], noise[1] + (0.9 - 1.0) * velocities[1, 0])
    torch.testing.assert_close(velocity[2], velocities[2, 1])


def test_every_drawing_comes_equally_often_and_a_batch_depends_on_its_step_alone() -> None:
    recipe = recipe_of(batch_size=4)
    batches = recipe.batches(0, 0, 1)
    drawn = [next(batches)[0] for _ in range(6)]
    counts = np.bincount(np.concatenate(drawn), minlength=6)
    assert (counts == 4).all()
    again = recipe.batches(3, 0, 1)
    np.testing.assert_array_equal(next(again)[0], drawn[3])


def test_variants_stay_on_the_paper_and_their_lines_keep_their_width() -> None:
    preset = StylePreset(**{**SMALL, "variants": 5, "mirrored": True})  # type: ignore[arg-type]
    drawings = (small_sketch(0), small_sketch(1))
    variants = variants_of(drawings, preset, trigger="in ink", seed=0, own_size=OWN)
    assert len(variants) == 10
    for variant in variants:
        for stroke in variant.drawing.strokes:  # type: ignore[attr-defined]
            assert (stroke.points_N2 >= 0).all()
            assert (stroke.points_N2 <= 96).all()
            # 48 of 96 pixels are drawn, and lines as wide as on the model's own 144x96.
            assert stroke.pen.width_px * 0.5 == pytest.approx(5.0)
        assert "a cat in ink," in variant.caption
    mirrored = variants[2].caption
    assert parse_plan(mirrored).parts[0].description == "circle on the right"
    assert parse_plan(variants[0].caption).parts[0].description == "circle on the left"


def test_a_trigger_stands_at_the_end_of_the_concept() -> None:
    assert with_trigger(PLAN, "") == PLAN
    assert parse_plan(with_trigger(PLAN, "in ink")).concept == "a cat in ink"
    assert with_trigger("any words", "in ink") == "any words in ink"


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_are_read(name: str) -> None:
    assert read_preset(name).num_steps > 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rank": 0}, "rank"),
        ({"rate": float("nan")}, "rate"),
        ({"num_frames": 80}, "4n"),
        ({"rankk": 3}, "Did you mean rank"),
        ({"batch_size": "many"}, "batch_size"),
    ],
)
def test_an_impossible_preset_is_refused(change: dict, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_preset("style", **change)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"num_steps": 0},
        {"seed": -1},
        {"sample_prompts": [""]},
        {"trigger": 3},
        {"unknown": 1},
    ],
)
def test_an_impossible_request_is_refused(change: dict) -> None:
    with pytest.raises(InvalidRequest):
        StyleRunRequest(**{"dataset": "book", "name": "ink", **change})


def test_prepared_tensors_have_one_row_a_variant() -> None:
    prepared = recipe_of().prepared
    assert len(prepared.clean_VCFhw) == len(prepared.weight_VFhw) == len(prepared.context_VLD) == 6
    torch.testing.assert_close(
        prepared.weight_VFhw.float().mean((1, 2, 3)), torch.ones(6), atol=1e-3, rtol=0
    )
    again = Prepared.from_tensors(prepared.tensors())
    assert torch.equal(again.noise_KCFhw, prepared.noise_KCFhw)
