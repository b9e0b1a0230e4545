"""Every training loss equals its published formula, worked out in numpy in float64.

The networks' answers are recorded while a recipe computes its loss; the formula is then applied to
the recorded answers, the data and the drawn noise, independently of the package's own arithmetic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffsynth.diffusion.flow_match import FlowMatchScheduler

from tests.conftest import ROOT
from videosketcher_app.models.causal_wan import CausalWan
from videosketcher_app.models.published import load_causal
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training.causal_recipe import (
    CausalConfig,
    LatentNetwork,
    RegressionRecipe,
)
from videosketcher_app.training.causal_recipe_dmd import MatchingNetworks, MatchingRecipe
from videosketcher_app.training.causal_recipe_ode import StoredOdeRecipe
from videosketcher_app.training.latents import TextStore
from videosketcher_app.training.losses import bell_weights, level_table, weighted_flow_loss
from videosketcher_app.training.state import StepRandom

FIXTURE = ROOT / "tests" / "fixtures" / "ar_reference"
STEPS = (1000.0, 757.0, 522.0, 0.0)
CPU = torch.device("cpu")
NO_ROWS: Any = ()  # batches are given


@pytest.fixture(scope="module")
def wan(tmp_path_factory) -> CausalWan:
    return load_causal(FIXTURE / "checkpoint.pt", cache=tmp_path_factory.mktemp("converted"))


@pytest.fixture(scope="module")
def recorded():
    return read_safetensors(FIXTURE / "tensors.safetensors")


@pytest.fixture
def words(wan, recorded):
    return wan._padded(recorded["prompt_embeds"])


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def published_sigma(timestep: float) -> float:
    """The level of the nearest timestep of 1000 levels with shift 8."""
    u = np.arange(1000, 0, -1) / 1000
    table = 8 * u / (1 + 7 * u)
    return float(table[np.abs(1000 * table - timestep).argmin()])


def record(network: torch.nn.Module, calls: list) -> None:
    """Keeps a copy of what a network is asked and what it answers."""

    def hook(_module, args, kwargs, answer):
        tensors = [a.detach().double().numpy().copy() for a in args[:2]]
        words = args[2].detach().clone()
        calls.append((*tensors, words, kwargs, answer.detach().double().numpy().copy()))

    network.register_forward_hook(hook, with_kwargs=True)


def copy_of(wan: CausalWan, seed: int) -> LatentNetwork:
    """A network that answers differently from the others of its shape."""
    from copy import deepcopy
    from dataclasses import replace

    transformer = deepcopy(wan.transformer)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return LatentNetwork(replace(wan, transformer=transformer))


def no_texts() -> TextStore:
    return TextStore(Path("unused"))


# --- LoRA flow matching -----------------------------------------------------------------------------


def test_levels_and_weights_are_those_of_diffsynth_s_training():
    scheduler = FlowMatchScheduler("Wan")
    scheduler.set_timesteps(1000, training=True, shift=5)
    sigma = level_table()
    torch.testing.assert_close(sigma.float(), scheduler.sigmas, atol=2e-7, rtol=0)
    weights = bell_weights(sigma)
    theirs = scheduler.linear_timesteps_weights.double()
    torch.testing.assert_close(weights, theirs, atol=1e-4, rtol=0)  # theirs is float32
    assert float(weights.sum()) == pytest.approx(1000, abs=1e-9)


def test_weighted_flow_matching_is_the_formula():
    clean, noise, velocity = (normal(seed, 3, 16, 2, 4, 6) for seed in range(3))
    index = np.array([0, 417, 999])
    u = 1 - np.arange(1000) / 1000
    sigma = 5 * u / (1 + 4 * u)
    bell = np.exp(-2 * ((1000 * sigma - 500) / 1000) ** 2)
    weight = (bell - bell.min()) * 1000 / (bell - bell.min()).sum()
    v, n, x = (t.double().numpy() for t in (velocity, noise, clean))
    per_clip = ((v - (n - x)) ** 2).reshape(3, -1).mean(1)
    expected = (weight[index] * per_clip).mean()
    assert weight[999] == 0 or weight[0] == 0  # the far end does not count at all
    loss = weighted_flow_loss(velocity, noise, clean, bell_weights(level_table())[index])
    assert float(loss) == pytest.approx(expected, abs=1e-6)


# --- regression on clips ----------------------------------------------------------------------------


@pytest.mark.parametrize("checkpointed", [False, True])
def test_the_training_pass_is_that_of_the_reference(wan, recorded, words, checkpointed):
    network = LatentNetwork(wan, checkpointed=checkpointed)
    flow = network(recorded["noise"].transpose(1, 2), recorded["train_timesteps"], words)
    torch.testing.assert_close(flow.transpose(1, 2), recorded["train_flow"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("seed", range(4))
def test_regression_is_the_formula(wan, recorded, words, seed):
    clean = recorded["start_latents"][:, :6]
    network = LatentNetwork(wan)
    config = CausalConfig(checkpointed=False)
    recipe = RegressionRecipe(config, network, NO_ROWS, no_texts(), CPU)
    calls: list = []
    record(network, calls)
    batch = (0, clean, words)
    terms = recipe.loss(network, batch, StepRandom(seed, 0, 0, "cpu"))

    [(noisy, timesteps, _, _, velocity)] = calls
    blocks, noise = _regression_draws(seed, clean.shape)
    assert timesteps.tolist() == np.repeat(blocks, 3, axis=1).tolist()
    x0 = clean.double().numpy().transpose(0, 2, 1, 3, 4)
    total, count = 0.0, 0
    for frame in range(6):
        t = timesteps[0, frame]
        s = published_sigma(t)
        expected_input = (1 - s) * x0[:, :, frame] + s * noise[:, :, frame]
        np.testing.assert_allclose(noisy[:, :, frame], expected_input, atol=1e-6)
        if t != 0:
            error = expected_input - s * velocity[:, :, frame] - x0[:, :, frame]
            total, count = total + (error**2).sum(), count + error.size
    assert terms["loss"].item() == pytest.approx(total / count, abs=1e-6)


def _regression_draws(seed: int, shape: torch.Size) -> tuple[np.ndarray, np.ndarray]:
    """Timesteps by block and the noise, drawn as the recipe does."""
    random, frames = StepRandom(seed, 0, 0, "cpu"), shape[1]
    blocks = np.zeros((1, frames // 3))
    while not blocks.any():
        index = (random.uniform(1, frames // 3) * 4).long().numpy()
        blocks = np.array(STEPS)[index]
    noise = random.normal(shape[0], shape[2], frames, *shape[3:])
    return blocks, noise.double().numpy()


def test_a_clean_block_is_told_0_and_means_the_smallest_level():
    assert published_sigma(0) == pytest.approx(0.0079, abs=1e-4)
    assert published_sigma(757) == pytest.approx(0.756757, abs=1e-6)
    assert published_sigma(522) == pytest.approx(0.521739, abs=1e-6)


# --- regression on paths ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_path_regression_is_the_formula(wan, words, recorded, seed):
    shape = (1, 4, 6, *recorded["start_latents"].shape[2:])
    path = normal(7, *shape)
    network = LatentNetwork(wan)
    recipe = StoredOdeRecipe(CausalConfig(), network, NO_ROWS, no_texts(), CPU)
    calls: list = []
    record(network, calls)
    loss = recipe.loss(network, (0, path, words), StepRandom(seed, 0, 0, "cpu"))["loss"]

    [(noisy, timesteps, _, _, velocity)] = calls
    states = path.double().numpy()
    total, count = 0.0, 0
    for frame in range(6):
        t = timesteps[0, frame]
        state = states[0, STEPS.index(t), frame]
        np.testing.assert_allclose(noisy[0, :, frame], state, atol=0)
        if t != 0:
            error = state - published_sigma(t) * velocity[0, :, frame] - states[0, -1, frame]
            total, count = total + (error**2).sum(), count + error.size
    assert loss.item() == pytest.approx(total / count, abs=1e-6)


# --- distribution matching --------------------------------------------------------------------------


class Matching:
    """One loss of the recipe with everything that its networks said."""

    def __init__(self, wan: CausalWan, words: torch.Tensor, clean: torch.Tensor, step: int) -> None:
        self.away = 0.1 * normal(3, *words.shape[1:])
        student, critic, teacher = (copy_of(wan, seed) for seed in (1, 2, 3))
        config = CausalConfig(checkpointed=False)
        networks = MatchingNetworks(student, critic, teacher, self.away, config)
        recipe = MatchingRecipe(config, networks, NO_ROWS, no_texts(), CPU)
        self.calls: dict[str, list] = {"student": [], "critic": [], "teacher": []}
        for network, name in ((student, "student"), (critic, "critic"), (teacher, "teacher")):
            record(network, self.calls[name])
        self.drawings: list[torch.Tensor] = []
        self.terms = recipe.loss(networks, (step, clean, words), StepRandom(5, step, 0, "cpu"))
        self.terms["loss"].backward()
        self.student, self.critic, self.teacher = student, critic, teacher

    def drawing(self) -> np.ndarray:
        """What the student drew: its input minus the level times its velocity."""
        noisy, timesteps, _, _, velocity = self.calls["student"][0]
        sigma = np.array([published_sigma(t) for t in timesteps[0]])
        return noisy - sigma[None, None, :, None, None] * velocity


def test_the_student_s_loss_is_the_formula(wan, words, recorded):
    case = Matching(wan, words, recorded["start_latents"], step=0)
    x = case.drawing()
    noisy, timesteps, _, kwargs, fake_velocity = case.calls["critic"][1]
    assert kwargs == {"causal": False}
    assert len(set(timesteps[0])) == 1  # one level a clip
    assert 20 <= timesteps[0, 0] <= 980
    s = published_sigma(timesteps[0, 0])
    (given, told), (away_given, away_told) = ((call[0], call[2]) for call in case.calls["teacher"])
    np.testing.assert_array_equal(given, noisy)
    np.testing.assert_array_equal(away_given, noisy)
    assert torch.equal(told, words)
    assert torch.equal(away_told[0], case.away)
    conditional, away = (noisy - s * call[4] for call in case.calls["teacher"])
    real = conditional + 3.5 * (conditional - away)
    fake = noisy - s * fake_velocity
    gradient = (fake - real) / np.abs(x - real).mean()
    expected = 0.5 * (gradient**2).mean()
    assert case.terms["loss_student"].item() == pytest.approx(expected, rel=0, abs=1e-6)


def test_the_critic_s_loss_is_the_formula(wan, words, recorded):
    case = Matching(wan, words, recorded["start_latents"], step=1)
    noisy, timesteps, _, kwargs, velocity = case.calls["critic"][0]
    assert kwargs == {"causal": False}
    s, x = published_sigma(timesteps[0, 0]), case.drawing()
    noise = (noisy - (1 - s) * x) / s
    x0 = noisy - s * velocity  # as published: the velocity is recovered from the clean estimate
    expected = ((((noisy - x0) / s) - (noise - x)) ** 2).mean()
    assert case.terms["loss_critic"].item() == pytest.approx(expected, rel=0, abs=1e-6)


def test_the_student_learns_in_every_fifth_step_and_only_from_its_own_loss(wan, words, recorded):
    for step, learns in ((0, True), (1, False), (4, False), (5, True)):
        case = Matching(wan, words, recorded["start_latents"], step)
        gradients = [p.grad for p in case.student.parameters()]
        assert all(g is not None for g in gradients) is learns
        assert ("loss_student" in case.terms) is learns
        assert all(p.grad is not None for p in case.critic.parameters())
        assert all(p.grad is None for p in case.teacher.parameters())
