"""Adapters are added while a block lasts, in any way the same, and leave no trace."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch

from tests.models.lora.made import made, modules_of
from videosketcher_app.core.errors import AppError
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.engines.text import SamplerSettings, denoise
from videosketcher_app.models.coordinates import input_channels
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.applying import applied
from videosketcher_app.models.lora.layouts import LAYOUTS
from videosketcher_app.models.lora.levels import EVERY_LEVEL, first_level_in, with_first_level
from videosketcher_app.models.lora.merging import merge_into, merged
from videosketcher_app.models.lora.writing import named_as, write_lora
from videosketcher_app.models.noise_level import at_noise_level, noise_level
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import predict_velocity
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

TOLERANCE = 5e-6


def pocket_shaped():
    """Pocket's widths with two of its seven layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build_transformer(TransformerConfig(num_layers=2))
    return network.eval().requires_grad_(False)


NETWORKS = {"tiny": lambda: tiny_model().transformer, "pocket": pocket_shaped}


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]()


@pytest.fixture
def tiny():
    return tiny_model().transformer


def adapter_for(network, seed=0, **how):
    return adapter_from(made(modules_of(network), seed=seed, **how), source=f"lora {seed}")


def velocity(network):
    generator = torch.Generator().manual_seed(9)
    latents = torch.randn(1, input_channels(), 2, 6, 9, generator=generator)
    text_dim = network.text_embedding[0].in_features
    context = torch.randn(1, 5, text_dim, generator=generator)
    with torch.inference_mode():
        return predict_velocity(network, latents, torch.full((1, 1), 700.0), context)


def fingerprint(network):
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def largest(a, b):
    return float((a - b).abs().max())


def test_hot_merged_and_peft_agree(network):
    from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict

    adapter = adapter_for(network, size=0.1)
    plain = velocity(network)
    with applied(network, [(adapter, 1.0)]):
        hot = velocity(network)
    with applied(network, [(adapter, 1.0)], merge=True):
        in_place = velocity(network)
    weights = merged(network.state_dict(), adapter)
    network.load_state_dict(weights)
    written = velocity(network)
    fresh = NETWORKS["tiny" if network.dim == 48 else "pocket"]()
    config = LoraConfig(r=4, lora_alpha=4, target_modules=sorted(adapter.pairs))
    wrapped = inject_adapter_in_model(config, fresh)
    set_peft_model_state_dict(wrapped, named_as(adapter, LAYOUTS["plain"]))
    assert largest(hot, plain) > 1e-3, "the adapter does nothing: the comparison means nothing"
    assert largest(hot, in_place) <= TOLERANCE
    assert largest(in_place, written) == 0.0
    assert largest(hot, velocity(wrapped)) <= TOLERANCE


def test_equals_diffsynths_own_loader(network, tmp_path):
    from diffsynth.diffusion.base_pipeline import BasePipeline

    adapter = adapter_for(network)
    write_lora(tmp_path / "x.safetensors", adapter)
    with applied(network, [(adapter, 1.0)]):
        hot = velocity(network)
    with applied(network, [(adapter, 1.0)], merge=True):
        in_place = velocity(network)
    pipe = BasePipeline(device="cpu", torch_dtype=torch.float32)
    pipe.load_lora(network, str(tmp_path / "x.safetensors"), hotload=False)
    assert largest(velocity(network), in_place) == 0.0
    assert largest(velocity(network), hot) <= TOLERANCE


def test_adapters_add_up_with_their_scales(tiny):
    one, two = adapter_for(tiny, 1, size=0.05), adapter_for(tiny, 2, rank=2, size=0.05)
    with applied(tiny, [(one, 0.5), (two, -0.25)]):
        stacked = velocity(tiny)
    weights = merged(merged(tiny.state_dict(), one, 0.5), two, -0.25)
    with applied(tiny, [(one, 0.25)]), applied(tiny, [(one, 0.25), (two, -0.25)]):
        nested = velocity(tiny)
    with applied(tiny, [(one, 0.0), (two, 0.0)]):
        switched_off = velocity(tiny)
    assert largest(switched_off, velocity(tiny)) == 0.0
    assert largest(stacked, nested) <= TOLERANCE
    tiny.load_state_dict(weights)
    assert largest(stacked, velocity(tiny)) <= TOLERANCE


@pytest.mark.row("F6", "loads and unloads with the base unchanged", cases=100)
def test_a_hundred_rounds_leave_the_base_as_it_was(tiny):
    before, plain = fingerprint(tiny), velocity(tiny)
    places = [value.data_ptr() for value in tiny.parameters()]
    adapters = [adapter_for(tiny, seed, rank=seed + 1) for seed in range(4)]
    biased = adapter_from(
        {"blocks.0.norm3.diff": torch.ones(48), "blocks.1.self_attn.q.diff_b": torch.ones(48)}
    )
    for number in range(100):
        stack = [(adapter, 0.1 * (number % 7) - 0.2) for adapter in adapters[: number % 5]]
        with applied(tiny, [*stack, (biased, 0.5)], merge=number % 3 == 0):
            changed = velocity(tiny)
        assert largest(changed, plain) > 0
        assert fingerprint(tiny) == before
    assert largest(velocity(tiny), plain) == 0.0
    assert [value.data_ptr() for value in tiny.parameters()] == places


def test_hot_adapters_are_invisible_in_the_state_dict(tiny):
    before = fingerprint(tiny)
    with applied(tiny, [(adapter_for(tiny), 1.0)]):
        assert fingerprint(tiny) == before


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_an_error_inside_takes_them_off(tiny, merge, error):
    before, plain = fingerprint(tiny), velocity(tiny)
    with pytest.raises(error), applied(tiny, [(adapter_for(tiny), 1.0)], merge=merge):
        raise error
    assert fingerprint(tiny) == before
    assert largest(velocity(tiny), plain) == 0.0


@pytest.mark.parametrize("merge", [False, True])
def test_one_that_does_not_fit_keeps_all_of_them_off(tiny, merge):
    before, plain = fingerprint(tiny), velocity(tiny)
    good, foreign = adapter_for(tiny), adapter_for(pocket_shaped(), 5)
    with (
        pytest.raises(AppError, match=r"lora 5 does not fit tiny: .* looks made for Pocket"),
        applied(tiny, [(good, 1.0), (foreign, 1.0)], base="tiny", merge=merge),
    ):
        raise AssertionError("unreachable")
    assert fingerprint(tiny) == before
    assert largest(velocity(tiny), plain) == 0.0


def test_half_precision_keeps_its_number_format(tiny):
    adapter = adapter_for(tiny)
    with applied(tiny, [(adapter, 1.0)]):
        exact = velocity(tiny)
    tiny.to(torch.bfloat16)
    for merge in (False, True):
        with applied(tiny, [(adapter, 1.0)], merge=merge), torch.inference_mode():
            assert tiny.blocks[0].self_attn.q.weight.dtype == torch.bfloat16
            q = tiny.blocks[0].self_attn.q(torch.ones(1, 3, 48, dtype=torch.bfloat16))
            assert q.dtype == torch.bfloat16
    assert exact.dtype == torch.float32


class _Wrapper(torch.nn.Module):
    """As memory management and compiling wrap: the wrapped one is called `name`."""

    def __init__(self, wrapped, name):
        super().__init__()
        self._modules[name] = wrapped

    def __getattr__(self, name):
        (wrapped,) = self.__dict__["_modules"].values()
        return getattr(wrapped, name)

    def forward(self, *inputs):
        (wrapped,) = self._modules.values()
        return wrapped(*inputs)


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("name", ["module", "_orig_mod", "_fsdp_wrapped_module"])
def test_wrapped_networks_are_seen_through(tiny, name, merge):
    adapter = adapter_for(tiny, size=0.1)
    with applied(tiny, [(adapter, 1.0)]):
        expected = velocity(tiny)
    tiny.blocks[0] = _Wrapper(tiny.blocks[0], name)
    tiny.blocks[1].self_attn.o = _Wrapper(tiny.blocks[1].self_attn.o, name)
    with applied(tiny, [(adapter, 1.0)], merge=merge):
        assert largest(velocity(tiny), expected) <= TOLERANCE


def test_training_can_go_on_through_hot_adapters(tiny):
    """A sample drawn in between leaves tensors that a pass with gradients can use."""
    x = torch.randn(2, 48, dtype=torch.bfloat16, requires_grad=True)
    tiny.to(torch.bfloat16)
    with applied(tiny, [(adapter_for(tiny), 1.0)]):
        with torch.inference_mode():
            tiny.blocks[0].self_attn.q(x.detach())
        tiny.blocks[0].self_attn.q(x).sum().backward()
    assert x.grad is not None


def test_convolutions_work_on_a_changed_copy(tiny):
    """The patch embedding is no linear layer, so it gets no hook."""
    outputs, *rest = tiny.patch_embedding.weight.shape
    pair = {
        "patch_embedding.lora_down.weight": torch.ones(2, *rest),
        "patch_embedding.lora_up.weight": torch.full((outputs, 2, 1, 1, 1), 0.5),
    }
    before = tiny.patch_embedding.weight.clone()
    with applied(tiny, [(adapter_from(pair), 1.0)]):
        torch.testing.assert_close(tiny.patch_embedding.weight.data, before + 1)
    assert torch.equal(tiny.patch_embedding.weight, before)


def test_merge_into_leaves_its_inputs_alone(tiny):
    base = tiny.state_dict()
    copies = {name: value.clone() for name, value in base.items()}
    tensors = made(modules_of(tiny))
    weights = merge_into(base, tensors, 0.5)
    assert all(torch.equal(base[name], copies[name]) for name in base)
    adapted = {f"{module}.weight" for module in modules_of(tiny)}
    assert {name for name in base if weights[name] is not base[name]} == adapted
    name = "blocks.1.ffn.2"
    pair = tensors[f"{name}.lora_B.default.weight"] @ tensors[f"{name}.lora_A.default.weight"]
    torch.testing.assert_close(weights[f"{name}.weight"], base[f"{name}.weight"] + 0.5 * pair)


def test_an_adapter_waits_for_its_noise_level(tiny):
    at_once = adapter_for(tiny, seed=1)
    late = replace(adapter_for(tiny, seed=2), metadata=with_first_level({}, 0.6))

    def drawn(level, *stack):
        with applied(tiny, [(adapter, 1.0) for adapter in stack]), at_noise_level(level):
            return velocity(tiny)

    assert torch.equal(drawn(0.8, late), velocity(tiny))
    assert torch.equal(drawn(0.8, at_once, late), drawn(0.8, at_once))
    always = replace(late, metadata={})
    for level in (0.6, 0.2):
        assert torch.equal(drawn(level, late), drawn(level, always))
        together = drawn(level, at_once, late)
        assert torch.allclose(together, drawn(level, at_once, always), atol=TOLERANCE)
        assert not torch.allclose(together, drawn(level, at_once))
    assert noise_level() == 0, "where nobody says it, all adapters draw"


@pytest.mark.parametrize("text", ["nonsense", "", "nan", "-1", "0", "7", "1e999"])
def test_a_level_that_is_none_is_every_level(text):
    assert first_level_in({"from_noise_level": text}) == EVERY_LEVEL


def test_the_first_steps_of_a_drawing_are_the_models_own():
    model = tiny_model()
    settings = SamplerSettings(
        num_inference_steps=4, cfg_scale=1.0, shift=5.0, num_frames=9, width=48, height=48
    )
    levels = sigmas(4, 5.0)
    late = replace(adapter_for(model.transformer), metadata=with_first_level({}, levels[2]))
    plain = [x for _, x, _ in denoise(model, ["a cat"], [3], settings)]
    with applied(model.transformer, [(late, 1.0)]):
        styled = [x for _, x, _ in denoise(model, ["a cat"], [3], settings)]
    same = [torch.equal(a, b) for a, b in zip(plain, styled, strict=True)]
    assert same == [True, True, False, False]
