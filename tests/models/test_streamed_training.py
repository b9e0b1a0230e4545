"""Training in little memory: the gradients are those of the plain pass, wherever the weights are."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from videosketcher_app.models.adapters import AdapterConfig, inject, stored_name
from videosketcher_app.models.frozen_fp8 import FrozenFp8Linear
from videosketcher_app.models.lean_pass import LeanPass
from videosketcher_app.models.streamed_training import arranged
from videosketcher_app.models.training_memory import TrainingWay
from videosketcher_app.models.wan.forward import (
    BlockCausalAttention,
    predict_velocity,
    with_condition,
)
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

CONFIG = TransformerConfig(
    dim=48, in_dim=16, ffn_dim=64, text_dim=32, freq_dim=32, num_heads=2, num_layers=4, patch=2
)
HOLDINGS = ("resident", "checkpointed", "streamed")


@pytest.fixture
def network():
    return injected(CONFIG)


def injected(config: TransformerConfig, **how: bool) -> Any:
    """A network with pairs that change something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dit = build_transformer(config, **how).requires_grad_(False)
        for parameter in dit.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.1)
        inject(dit, AdapterConfig(rank=3))
        for name, parameter in dit.named_parameters():
            if ".lora_B." in name:
                nn.init.normal_(parameter, std=0.1)
    return dit


@pytest.fixture
def given():
    random = torch.Generator().manual_seed(1)
    x = torch.randn(2, 16, 5, 4, 6, generator=random)
    words = torch.randn(2, 7, 32, generator=random)
    goal = torch.randn(2, 16, 5, 4, 6, generator=random)
    return x, words, goal


def gradients(dit: nn.Module, given: tuple, timesteps: Tensor | None = None, **how) -> dict:
    """Of the pairs by stored name, the velocity and the gradient of the tokens that come in."""
    x, words, goal = given
    x = x.clone().requires_grad_()
    level = torch.full((2, 1), 700.0) if timesteps is None else timesteps
    dit.zero_grad()
    velocity = predict_velocity(dit, x, level, words, **how)
    (velocity - goal).square().mean().backward()
    trained = dit.named_parameters()
    found = {stored_name(name): p.grad.clone() for name, p in trained if p.grad is not None}
    return {**found, "velocity": velocity.detach(), "x": x.grad}


def prepared(dit: Any, holding: Any, **how: Any) -> LeanPass:
    """The network's blocks are held in a way; everything that is kept leaves the device."""
    how = {"kept_on_host": True, "frames_at_a_time": 2} | how
    lean = arranged(dit, TrainingWay(holding=holding, **how), "cpu")
    lean.keeper._small_bytes = 0
    return lean


def assert_same(found: dict, expected: dict, atol: float = 1e-6) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = float(value.abs().max())
        assert torch.allclose(found[name], value, atol=atol * scale, rtol=1e-5), name


@pytest.mark.parametrize("holding", HOLDINGS)
@pytest.mark.parametrize("frames", [0, 1, 2])
@pytest.mark.parametrize("on_host", [False, True])
def test_gradients_are_those_of_the_plain_pass(network, given, holding, frames, on_host):
    expected = gradients(network, given)
    lean = prepared(network, holding, kept_on_host=on_host, frames_at_a_time=frames)
    for _ in range(2):  # buffers are used again
        assert_same(gradients(network, given, through=lean), expected)


@pytest.mark.parametrize("holding", HOLDINGS)
def test_gradients_beside_a_frame_and_the_keys_of_its_picture(given, holding):
    """Image-to-video's blocks read a picture's tokens by frozen weights of their own."""
    dit = injected(replace(CONFIG, in_dim=36), reads_picture=True)
    x, words, goal = given
    random = torch.Generator().manual_seed(2)
    y, picture = (
        torch.randn(2, *shape, generator=random) for shape in ((20, 5, 4, 6), (257, 1280))
    )

    def reading(picture: Tensor) -> tuple:
        x_B36Fhw, tokens_BSD = with_condition(dit, x, words, picture, y)
        return x_B36Fhw, [tokens_BSD] * CONFIG.num_layers, goal

    expected, given = gradients(dit, reading(picture)), reading(picture)
    assert not any("_img" in name for name in expected)
    other = gradients(dit, reading(-picture))
    lean = prepared(dit, holding)
    assert_same(gradients(dit, given, through=lean), expected)
    # The picture is seen: with another one the queries' pairs learn something else.
    name = "blocks.0.cross_attn.q.lora_A.weight"
    assert not torch.allclose(other[name], expected[name], rtol=0.01)


def test_gradients_in_8_bits_are_those_of_the_stored_weights(network, given):
    stored = copy.deepcopy(network)
    lean = prepared(stored, "streamed", in_8_bits=True)
    for name, layer in stored.blocks.named_modules():
        if isinstance(layer, FrozenFp8Linear):
            plain = network.blocks.get_submodule(name)
            plain.weight.data = layer.weight_NK.float() * layer.scale_N[:, None]
    assert isinstance(stored.blocks[0].ffn[2].base_layer, FrozenFp8Linear)
    expected = gradients(network, given)
    assert_same(gradients(stored, given, through=lean), expected)
    prepared(network, "streamed")
    assert stored.blocks.num_bytes < 0.6 * network.blocks.num_bytes


@pytest.mark.parametrize("holding", HOLDINGS)
def test_frames_at_noise_levels_of_their_own_and_a_causal_attention(network, given, holding):
    levels = torch.tensor([[900.0, 700.0, 300.0, 100.0, 0.0]]).expand(2, -1)
    how = {"timesteps": levels, "attention": BlockCausalAttention(2 * 6)}
    expected = gradients(network, given, **how)
    assert_same(gradients(network, given, through=prepared(network, holding), **how), expected)


@pytest.mark.parametrize("holding", HOLDINGS)
def test_dropout_draws_the_same_again(network, given, holding):
    for name, module in list(network.named_modules()):
        if name.endswith("lora_dropout"):
            module["default"] = nn.Dropout(0.3)
    network.train()
    torch.manual_seed(5)
    expected = gradients(network, given)
    torch.manual_seed(6)
    assert not torch.equal(gradients(network, given)["velocity"], expected["velocity"])
    lean = prepared(network, holding, frames_at_a_time=0)
    network.train()
    torch.manual_seed(5)
    found = gradients(network, given, through=lean)
    assert_same(found, expected)


def test_gradients_add_up_over_passes(network, given):
    x, words, goal = given
    lean = prepared(network, "streamed")
    once = gradients(network, given, through=lean)
    velocity = predict_velocity(network, x, torch.full((2, 1), 700.0), words, through=lean)
    (velocity - goal).square().mean().backward()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(parameter.grad, 2 * once[stored_name(name)], rtol=1e-5), name


@pytest.mark.parametrize("holding", HOLDINGS)
def test_the_masters_keep_what_half_precision_cannot(network, given, holding):
    network.to(torch.bfloat16)
    lean = prepared(network, holding)
    pairs = [p for p in network.parameters() if p.requires_grad]
    assert {p.dtype for p in pairs} == {torch.float32}
    with torch.no_grad():
        pairs[0].fill_(1 + 2**-12)
    x, words, _ = (each.bfloat16() for each in given)
    velocity = predict_velocity(network, x, torch.full((2, 1), 700.0), words, through=lean)
    velocity.float().square().mean().backward()
    assert {p.grad.dtype for p in pairs} == {torch.float32}
    assert all(bool(p.grad.isfinite().all()) for p in pairs)
    assert pairs[0].detach()[0, 0].item() == 1 + 2**-12


@pytest.mark.parametrize("holding", HOLDINGS)
def test_blocks_draw_with_their_pairs_without_gradients(network, given, holding):
    x, words, _ = given
    level = torch.full((2, 1), 700.0)
    with torch.no_grad():
        expected = predict_velocity(network, x, level, words)
        lean = prepared(network, holding)
        assert torch.equal(predict_velocity(network, x, level, words), expected)
        assert torch.equal(predict_velocity(network, x, level, words, through=lean), expected)


def test_a_pass_that_failed_leaves_the_masters_in_place(network, given):
    lean = prepared(network, "streamed")
    expected = gradients(network, given, through=lean)
    calls = iter(range(100))

    def fail() -> None:
        if next(calls) == 6:  # in the backward pass
            raise RuntimeError("stopped")

    lean.before_block = fail
    with pytest.raises(RuntimeError, match="stopped"):
        gradients(network, given, through=lean)
    lean.before_block = lambda: None
    assert_same(gradients(network, given, through=lean), expected)


def test_parameters_have_the_names_of_the_injected_network(network):
    expected = {name for name, p in network.named_parameters() if p.requires_grad}
    for holding in HOLDINGS:
        dit = copy.deepcopy(network)
        prepared(dit, holding)
        assert {name for name, p in dit.named_parameters() if p.requires_grad} == expected


@pytest.mark.slow
@pytest.mark.parametrize("holding", HOLDINGS)
def test_compiled_halves_give_the_same_gradients_and_compile_once(network, given, holding):
    expected = gradients(network, given)
    torch._dynamo.reset()
    counters.clear()
    how = TrainingWay(holding=holding, frames_at_a_time=0 if holding == "resident" else 5)
    lean = arranged(network, how, "cpu", is_compiled=True)
    assert_same(gradients(network, given, through=lean), expected, atol=1e-5)
    compiled_so_far = counters["stats"]["unique_graphs"]
    assert compiled_so_far <= 4, "two halves, with and without gradients"
    assert_same(gradients(network, given, through=lean), expected, atol=1e-5)
    assert counters["stats"]["unique_graphs"] == compiled_so_far
