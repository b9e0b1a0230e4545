"""Training resumes bit for bit, whatever kills it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, Interrupted
from videosketcher_app.training.loop import LoopConfig, rate_at, train
from videosketcher_app.training.muon import Muon, orthogonalize
from videosketcher_app.training.state import STATE_FILE, StepRandom

CONFIG = LoopConfig(num_steps=24, warmup_steps=4, save_every=3, log_every=8)


class SmallRecipe:
    """A two-layer network that learns a random linear map, with Muon and AdamW."""

    def __init__(self) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.module = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Linear(8, 4))
        matrices = [p for p in self.module.parameters() if p.ndim == 2]
        others = [p for p in self.module.parameters() if p.ndim != 2]
        self.optimizers = [Muon(matrices, 0.01), torch.optim.AdamW(others, 0.01)]
        self.poisoned = False

    def batches(self, first_step, rank, world):
        step = first_step
        while True:
            yield torch.randn(5, 6, generator=torch.Generator().manual_seed(step * world + rank))
            step += 1

    def loss(self, model, batch, random):
        noise = 0.1 * random.normal(*batch.shape)
        target = batch[:, :4].flip(1)
        loss = (model(batch + noise) - target).square().mean()
        return {"loss": loss * float("nan") if self.poisoned else loss}


def weights_of(recipe: SmallRecipe) -> list[torch.Tensor]:
    return [p.detach().clone() for p in recipe.module.parameters()]


def run(folder: Path, config: LoopConfig = CONFIG, *, resume: bool = False):
    recipe = SmallRecipe()
    state = train(recipe, config, folder, Accelerator(cpu=True), resume=resume)
    return recipe, state


@pytest.mark.row("F1", "kills over five recipes", cases=20)
def test_twenty_kills_end_in_the_same_weights(tmp_path):
    whole, whole_state = run(tmp_path / "whole")
    dice = random.Random(3)
    kills = 0
    while kills < 20:
        point = dice.choice(["training.before_step", "training.before_save"])
        folder = tmp_path / f"killed_{kills}"
        with faults.armed(point, skip=dice.randrange(7)), pytest.raises(Interrupted):
            run(folder)
        kills += 1
        recipe, state = run(folder, resume=True)
        assert state.step == CONFIG.num_steps
        for a, b in zip(weights_of(recipe), weights_of(whole), strict=True):
            assert torch.equal(a, b)
        for name, average in state.ema.items():
            assert torch.equal(average, whole_state.ema[name])


def test_the_loop_learns(tmp_path):
    rows = []
    config = LoopConfig(num_steps=200, warmup_steps=5, log_every=20)
    train(SmallRecipe(), config, tmp_path, Accelerator(cpu=True), on_log=rows.append)
    assert rows[-1]["loss"] < 0.3 * rows[0]["loss"]
    assert (tmp_path / "log.csv").read_text().startswith("gradient_norm")


@pytest.mark.row("F7", "injections into loss, gradient, latents and pixels")
def test_a_loss_that_stays_nan_stops_the_run(tmp_path):
    recipe = SmallRecipe()
    recipe.poisoned = True
    before = weights_of(recipe)
    with pytest.raises(AppError, match="not finite"):
        train(recipe, LoopConfig(num_steps=50), tmp_path, Accelerator(cpu=True))
    for a, b in zip(weights_of(recipe), before, strict=True):
        assert torch.equal(a, b)
    assert not (tmp_path / STATE_FILE).exists()


def test_random_numbers_depend_on_seed_step_and_rank():
    first = StepRandom(1, 5, 0, "cpu").normal(4)
    assert torch.equal(first, StepRandom(1, 5, 0, "cpu").normal(4))
    for other in ((2, 5, 0), (1, 6, 0), (1, 5, 1)):
        assert not torch.equal(first, StepRandom(*other, "cpu").normal(4))
    coins = [StepRandom(1, 5, rank, "cpu").coin(0.5) for rank in range(4)]
    assert len(set(coins)) == 1


def test_rates_warm_up_and_cool_down():
    config = LoopConfig(num_steps=100, warmup_steps=10, cooldown=0.5)
    assert rate_at(0, 0.0, config) == pytest.approx(0.1)
    assert rate_at(30, 0.3, config) == 1.0
    assert rate_at(75, 0.75, config) == pytest.approx(0.5)
    assert rate_at(100, 1.0, config) == pytest.approx(0.02)


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 4, 12), (2, 12, 4)])
def test_orthogonalized_matrices_have_unit_singular_values(shape):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalize(matrix))
    assert values.min() > 0.4
    assert values.max() < 1.4
