"""Rewards of the part reader: what drawings owe, drawing with a gradient, the stages end to end."""

from __future__ import annotations

import copy
from collections.abc import Collection
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.test_pocket_ar import FixedSource
from videosketcher_app.data.continuation_source import Setting
from videosketcher_app.data.grammar.program import programs
from videosketcher_app.data.raster import ink_maps
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.engines.text import SamplerSettings, denoise, initial_noise
from videosketcher_app.evaluation.vocabulary import Vocabulary, part_names
from videosketcher_app.models.adapters import AdapterConfig, inject
from videosketcher_app.models.catalogue import CHECKPOINTS
from videosketcher_app.models.coordinates import coordinate_channels
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.training import part_reward as pr
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.part_reader import PartReader
from videosketcher_app.training.part_times import PartTimes
from videosketcher_app.training.pocket_ar_base import ArConfig
from videosketcher_app.training.pocket_ar_batches import WIDEST_NIB
from videosketcher_app.training.pocket_ar_pass import CausalNetwork
from videosketcher_app.training.pocket_ar_reward import ArRewardRecipe, ContinuedPartsDataset
from videosketcher_app.training.pocket_ar_rollout import Drawer
from videosketcher_app.training.pocket_reward import drawn, fading, some_steps, true_cells
from videosketcher_app.training.pocket_t2v import PocketNetwork
from videosketcher_app.training.pocket_weights import (
    load_vae,
)
from videosketcher_app.training.state import StepRandom

CPU = torch.device("cpu")
CANVAS = Canvas(width=144, height=96)
KEPT_STEPS = (1000.0, 960.0, 888.9, 727.3)
SURE, CELLS = pr.SURE + 1, 20.0


# What drawings owe.


def growing(*spans: tuple[int, int], frames: int = 21) -> Tensor:
    """Cells (1, F, Q) of parts that grow evenly from one latent frame to another."""
    frame = torch.arange(frames)[:, None]
    low, high = (torch.tensor(column) for column in zip(*spans, strict=True))
    return (CELLS * ((frame - low) / (high - low)).clamp(0, 1))[None].requires_grad_(True)


def all_of(cells_BFQ: Tensor) -> Tensor:
    return torch.ones(1, cells_BFQ.shape[2], dtype=torch.bool)


def test_parts_in_order_are_no_disorder_and_a_reversed_pair_is() -> None:
    in_order = growing((0, 6), (6, 13), (13, 20))
    assert float(pr.disorder(in_order.detach(), all_of(in_order))) < 0.01
    reversed_ = growing((10, 20), (0, 10))
    disorder = pr.disorder(reversed_, all_of(reversed_))
    assert disorder > 0.4
    (grad,) = torch.autograd.grad(disorder, reversed_)
    assert grad.isfinite().all()
    assert (grad[0, 1:9, 1] >= 0).all(), "the later part should have less by then"
    assert grad[0, :, 1].sum() > 0 > grad[0, :, 0].sum()


def test_disorder_is_of_pairs_that_are_there() -> None:
    reversed_ = growing((10, 20), (0, 10)).detach()
    missing = reversed_ * torch.tensor([1.0, 0.05])
    assert float(pr.disorder(missing, all_of(missing))) == 0
    unasked = torch.tensor([[True, False]])
    assert float(pr.disorder(reversed_, unasked)) == 0
    whole = growing((10, 20), (0, 10), (19, 20)).detach()
    assert float(pr.disorder(whole, all_of(whole))) == pytest.approx(
        float(pr.disorder(reversed_, all_of(reversed_))) / 3, abs=0.02
    )


def test_a_part_lacks_what_the_reader_is_not_sure_of_or_what_is_too_small() -> None:
    truth, asked = torch.tensor([[CELLS, 2.0]]), torch.ones(1, 2, dtype=torch.bool)
    sure, cells = torch.tensor([[SURE, SURE]]), torch.tensor([[0.7 * CELLS, 4.0]])
    assert float(pr.lacking(sure, cells, truth, asked)) == 0
    unsure = (sure - 2).requires_grad_(True)
    small = (0.5 * cells).requires_grad_(True)
    loss = pr.lacking(unsure, cells, truth, asked)
    assert loss > 0
    (grad,) = torch.autograd.grad(loss, unsure)
    assert (grad < 0).all()
    loss = pr.lacking(sure, small, truth, asked)
    assert loss > 0
    (grad,) = torch.autograd.grad(loss, small)
    assert (grad < 0).all()
    assert pr.lacking(unsure, small, truth, ~asked) == 0, "none is asked for"
    hopeless = pr.lacking(sure - 100, 0 * cells, truth, asked)
    assert float(hopeless) == 4, "a part owes so much at most"


@pytest.mark.parametrize(("shift", "owes"), [(0, 0), (1, 0), (-1, 0), (2, 1), (-2, 1), (4, 1)])
def test_one_latent_frame_off_the_schedule_is_free(shift: int, owes: int) -> None:
    frame = torch.arange(12)[None, :, None]
    truth = CELLS * (frame >= 5).float()
    sure = torch.where(frame >= 5 + shift, SURE, -SURE).requires_grad_(True)
    asked = torch.ones(1, 1, dtype=torch.bool)
    loss = pr.off_schedule(sure, truth, asked)
    assert bool(loss > 0) == bool(owes)
    (grad,) = torch.autograd.grad(loss, sure)
    assert grad.isfinite().all()
    assert (grad * shift <= 0).all(), "late parts want to be surer, early ones less so"
    assert bool(grad.any()) == bool(owes)
    assert pr.off_schedule(sure, truth, ~asked) == 0


@cache
def words() -> Vocabulary:
    names = ("cat", "fish", "house")
    labels = sorted(f"{name}/{part}" for name in names for part in part_names(programs()[name]))
    return Vocabulary(object_labels=tuple(labels), concepts=names)


def reader_of() -> PartReader:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return PartReader(words()).eval().requires_grad_(False)


def test_the_reward_of_a_drawing_reaches_its_latents_term_by_term() -> None:
    x = torch.randn(2, 16, 4, 12, 18, generator=torch.Generator().manual_seed(1))
    x.requires_grad_(True)
    labels = torch.tensor([[0, 1, -1], [2, 3, 4]])
    truth = torch.tensor([0.0, 0.0, 9.0, 9.0])[None, :, None].expand(2, -1, 3)
    weights = pr.RewardWeights(present=2.0, order=0.5, schedule=3.0)
    terms = pr.PartReward(reader_of(), weights)(x, labels, truth)
    total = 2 * terms["lacking"] + 0.5 * terms["disorder"] + 3 * terms["off_schedule"]
    torch.testing.assert_close(terms["reward_loss"], total)
    terms["reward_loss"].backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert x.grad.any()
    only = pr.PartReward(reader_of(), pr.RewardWeights(order=0.0))(x, labels, truth)
    assert only.keys() == {"reward_loss", "lacking", "missing"}


# Drawing with a gradient.


def velocity_of(model, ids_BL: Tensor):
    network = PocketNetwork(model.transformer, model.text_encoder)
    coordinates = coordinate_channels(3, 12, 18)

    def velocity(x: Tensor, sigma: float) -> Tensor:
        return network(x, x.new_full((len(x), 1), 1000 * sigma), ids_BL, coordinates).float()

    return velocity


def test_what_is_drawn_is_what_the_engine_draws() -> None:
    model, texts, seeds = tiny_model(), ["a cat step by step", "a circle"], [3, 4]
    settings = SamplerSettings(
        num_inference_steps=3, cfg_scale=1.0, shift=8.0, num_frames=9, width=144, height=96
    )
    *_, (_, expected, _) = denoise(model, texts, seeds, settings)
    noise = initial_noise(seeds, (16, 3, 12, 18), CPU)
    velocity = velocity_of(model, model.tokenizer.batch(texts))
    latents, moved = drawn(velocity, velocity, noise, sigmas(3, 8.0), range(3))
    torch.testing.assert_close(latents, expected, atol=1e-5, rtol=0)
    assert not torch.allclose(latents, noise, atol=1e-2)
    assert moved == 0


def test_checkpoints_change_no_gradient_and_a_moved_model_is_told() -> None:
    model = tiny_model()
    ids, levels = model.tokenizer.batch(["a cat"]), sigmas(3, 8.0)
    noise = torch.randn(1, 16, 3, 12, 18, generator=torch.Generator().manual_seed(2))
    velocity, first = velocity_of(model, ids), velocity_of(tiny_model(seed=1), ids)
    params = [*model.transformer.requires_grad_(True).parameters()]
    x, plain = noise, torch.zeros(())
    for sigma, after in pairwise(levels):
        now = velocity(x, sigma)
        plain = plain + (now - first(x.detach(), sigma)).square().mean() / 3
        x = x + (after - sigma) * now
    latents, moved = drawn(velocity, first, noise, levels, range(3))
    torch.testing.assert_close(latents, x)
    torch.testing.assert_close(moved, plain)
    assert moved > 0
    expected = torch.autograd.grad(x.square().mean() + plain, params, allow_unused=True)
    grads = torch.autograd.grad(latents.square().mean() + moved, params, allow_unused=True)
    assert any(grad is not None and grad.any() for grad in grads)
    for grad, want in zip(grads, expected, strict=True):
        torch.testing.assert_close(grad, want)


def test_a_few_watched_steps_tell_on_average_what_all_tell() -> None:
    levels, noise = sigmas(4, 8.0), torch.randn(1, 2, 2, 2, 2)

    def asked(watched: Collection[int]) -> float:
        return float(drawn(lambda x, s: 0 * x + s, lambda x, _: 0 * x, noise, levels, watched)[1])

    random = StepRandom(1, 1, 0, CPU)
    chosen = [some_steps(levels, random) for _ in range(600)]
    assert all(len(set(steps)) == len(steps) == 2 for steps in chosen)
    found = sum(asked(steps) for steps in chosen) / len(chosen)
    assert found == pytest.approx(asked(range(4)), rel=0.05)


def test_ink_that_stays_does_not_fade_and_lost_ink_does() -> None:
    vae, clip = load_vae(CHECKPOINTS / "pocket", CPU), torch.ones(1, 3, 17, 64, 80)
    clip[:, :, 1:, 20:24, 10:70] = -1
    losing = clip.clone()
    losing[:, :, 9:] = 1
    for shown, low, high in ((clip, 0.0, 0.1), (losing, 0.7, 1.0)):
        latents = vae.encode(shown).requires_grad_(True)
        faded = fading(vae, latents, StepRandom(0, 0, 0, CPU))
        assert low <= faded <= high
        (grad,) = torch.autograd.grad(faded, latents)
        assert grad.isfinite().all()


SETTINGS = [Setting(), Setting(first_block=5, given_blocks=4)]


def ar_recipe(model, setting: Setting) -> tuple[ArRewardRecipe, tuple[Tensor, ...]]:
    """A student with a random adapter, and its first batch of a setting."""
    student = CausalNetwork(model.transformer, model.text_encoder)
    inject(student.transformer, AdapterConfig(rank=4, full=("*.bias",)))
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for param in student.transformer.parameters():
            param.add_(0.1 * torch.randn(param.shape, generator=generator))
    config = ArConfig(
        canvas=CANVAS, batch_size=2, num_workers=0, timesteps=KEPT_STEPS, keeps_noise=True,
        compiled=False,
    )  # fmt: skip
    drawer = Drawer(model.transformer_config, KEPT_STEPS, CPU, keeps_noise=True)
    reward = pr.PartReward(reader_of(), pr.RewardWeights(schedule=1.0))
    first = copy.deepcopy(student)
    recipe = ArRewardRecipe(config, model.vae, model.tokenizer, student, first, drawer, reward, CPU)
    dataset = ContinuedPartsDataset(FixedSource(setting), model.tokenizer, CANVAS, 2, words())
    samples = zip(dataset[0], dataset[1], strict=True)
    return recipe, tuple(torch.from_numpy(np.stack(field)) for field in samples)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_blocks_drawn_again_are_the_rollouts_own(setting: Setting) -> None:
    model = tiny_model()
    recipe, batch = ar_recipe(model, setting)
    window, student = recipe.encode(batch[:4]), recipe.student
    context = student.text_encoder(window.ids_BL)
    rollout = recipe.drawer.draw(student.transformer, context, window, StepRandom(1, 0, 0, CPU))
    latents, moved = recipe._drawn_again(student, rollout.clean_BCFhw, rollout.states[0], window)
    torch.testing.assert_close(latents, rollout.clean_BCFhw, atol=5e-4, rtol=0)
    assert moved == 0
    latents.square().mean().backward()
    pairs = {n: p.grad for n, p in student.named_parameters() if "lora_" in n}
    assert pairs
    assert all(grad is not None and grad.isfinite().all() for grad in pairs.values())
    assert any(grad.any() for grad in pairs.values())
    assert all(param.grad is None for param in recipe.first.parameters())


def test_a_late_window_owes_what_the_whole_drawing_has_at_its_frames() -> None:
    setting = Setting(first_block=5, given_blocks=4)
    recipe, (stamps, *rest) = ar_recipe(tiny_model(), setting)
    window, parts = recipe.encode((stamps, *rest[:3])), PartTimes.of(rest[3:], CPU)
    maps = ink_maps(stamps, CANVAS.width, CANVAS.height, WIDEST_NIB)
    whole = true_cells(*maps, parts, list(range(3 * setting.num_blocks)))
    expected = torch.cat([whole[:, :3], whole[:, 3 * setting.first_block :]], dim=1)
    assert torch.equal(recipe._truth(stamps, parts, window), expected)
    assert expected[:, -1].any()
