"""8-bit layers, streamed blocks, halves of blocks: each against its slow twin."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from videosketcher_app.engines.memory.culling import (
    biased_attention,
    flex_biased,
    flex_part,
    partly_biased_attention,
)
from videosketcher_app.models.fp8 import (
    FP8,
    Fp8Blocks,
    Fp8Linear,
    QuickGelu,
    quantized,
    quantized_rows,
    scaled_product_slow,
)
from videosketcher_app.models.fused import SplitBlock, checkpointed_block, compiled_block
from videosketcher_app.models.partial_attention import attention_part, has_cudnn_attention, joined
from videosketcher_app.models.streaming import StreamedBlocks
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import predict_velocity


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dit = tiny_model().transformer
        for parameter in dit.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=0.1)
    return dit


@pytest.fixture
def velocity():
    random = torch.Generator().manual_seed(1)
    x = torch.randn(1, 57, 3, 6, 9, generator=random)
    words = torch.randn(1, 6, 32, generator=random)
    level = torch.full((1, 1), 700.0)

    @torch.inference_mode()
    def run(dit, **how):
        return predict_velocity(dit, x, level, words, **how)

    return run


def test_rows_are_quantized_within_a_sixteenth():
    x = torch.randn(7, 33) * torch.logspace(-4, 4, 7)[:, None]
    x[3] = 0
    rows, scale = quantized_rows(x)
    assert rows.dtype == FP8
    back = rows.float() * scale[:, None]
    assert (back - x).abs().le(x.abs() / 16 + scale[:, None] * 2**-9).all()
    assert not back[3].any()


def test_an_8_bit_layer_multiplies_its_quantized_values():
    layer = nn.Linear(24, 10)
    x = torch.randn(2, 5, 24)
    small = Fp8Linear.of(layer)
    rows, scale = quantized_rows(x.reshape(-1, 24))
    weight = small.weight_NK.float() * small.scale_N[:, None]
    expected = (rows.float() * scale[:, None]) @ weight.t() + layer.bias
    torch.testing.assert_close(small(x), expected.view(2, 5, 10), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(small(x), layer(x), atol=0.1, rtol=0.1)
    assert not torch.equal(small(x), layer(x))


@pytest.mark.gpu
def test_the_tensor_cores_give_the_emulated_product():
    from videosketcher_app.models.fp8 import scaled_product

    x8, scale_m = quantized_rows(torch.randn(256, 512, device="cuda"))
    w8, scale_n = quantized_rows(torch.randn(128, 512, device="cuda"))
    fast = scaled_product(x8, scale_m, w8, scale_n, torch.bfloat16)
    slow = scaled_product_slow(x8, scale_m, w8, scale_n, torch.bfloat16)
    torch.testing.assert_close(fast, slow, atol=0.5, rtol=0.02)


def test_quantized_blocks_come_back_as_they_were(network, velocity):
    exact = velocity(network)
    layer = network.blocks[0].ffn[0]
    with quantized(network.blocks):
        assert isinstance(network.blocks[0].ffn[0], Fp8Linear)
        near = velocity(network)
    assert network.blocks[0].ffn[0] is layer
    assert torch.equal(velocity(network), exact)
    assert 0 < float((near - exact).norm() / exact.norm()) < 0.05


def test_the_quick_gelu_is_the_usual_one():
    x = torch.cat([torch.linspace(-30, 30, 4001), torch.tensor([-1e4, 0.0, 1e4])])
    usual = nn.functional.gelu(x.double(), approximate="tanh")
    assert (QuickGelu()(x).double() - usual).abs().max() <= 1e-6
    assert QuickGelu()(x.bfloat16()).dtype == torch.bfloat16


def test_8_bit_blocks_take_the_quick_gelu_and_give_it_back(network):
    before = [type(module) for module in network.modules()]
    assert nn.GELU in before
    with quantized(network.blocks):
        inside = [type(module) for module in network.blocks.modules()]
        assert QuickGelu in inside
        assert nn.GELU not in inside
    assert [type(module) for module in network.modules()] == before


def test_quantized_blocks_come_back_after_a_failure(network):
    with pytest.raises(RuntimeError, match="stopped"), quantized(network.blocks):
        raise RuntimeError("stopped")
    assert type(network.blocks[1].self_attn.q) is nn.Linear


def test_head_and_embeddings_keep_their_precision(network):
    with quantized(network.blocks):
        others = {name for name, each in network.named_modules() if type(each) is nn.Linear}
    assert {"head.head", "text_embedding.0", "time_embedding.0"} <= others


@pytest.mark.parametrize("slots", [2, 3])
def test_streamed_blocks_draw_the_same(network, velocity, slots):
    exact = velocity(network)
    network.blocks = StreamedBlocks(list(network.blocks), "cpu", num_slots=slots)
    for _ in range(3):
        assert torch.equal(velocity(network), exact)
    assert len(network.blocks) == 2


def test_streamed_8_bit_blocks_are_half_as_large(network, velocity):
    blocks = list(copy.deepcopy(network.blocks))
    with quantized(network.blocks):
        expected = velocity(network)
    plain = StreamedBlocks(copy.deepcopy(blocks), "cpu")
    for block in blocks:
        Fp8Blocks(block).use(fp8=True)
    network.blocks = StreamedBlocks(blocks, "cpu")
    assert torch.equal(velocity(network), expected)
    assert network.blocks.num_bytes < 0.5 * plain.num_bytes


def test_streamed_blocks_hold_their_weights_once(network):
    blocks = list(network.blocks)
    room = []

    def moved(block):
        """What the block's weights lie in when the next one is asked for."""
        return {p.untyped_storage().data_ptr() for p in block.parameters()}

    def one_by_one():
        for block in blocks:
            yield block
            room.append(moved(block))

    streamed = StreamedBlocks(one_by_one(), "cpu", num_blocks=2, num_slots=2)
    assert [len(storages) for storages in room] == [1, 1], "one buffer a block"
    assert streamed.device_bytes == streamed.num_bytes  # two blocks in two slots


def test_a_changed_weight_is_seen_by_the_next_pass(network, velocity):
    network.blocks = StreamedBlocks(list(network.blocks), "cpu")
    before = velocity(network)
    network.blocks[1].ffn[0].weight.zero_()
    assert not torch.equal(velocity(network), before)


@pytest.mark.parametrize("chunks", [1, 4])
def test_halves_of_blocks_draw_the_same(network, velocity, chunks):
    exact = velocity(network)
    halves = velocity(network, run_block=SplitBlock(token_chunks=chunks))
    torch.testing.assert_close(halves, exact, atol=1e-6, rtol=1e-5)


@pytest.mark.slow
def test_compiled_blocks_draw_the_same(network, velocity):
    exact = velocity(network)
    compiled = velocity(network, run_block=compiled_block())
    torch.testing.assert_close(compiled, exact, atol=1e-5, rtol=1e-4)
    with quantized(network.blocks):
        small, fast = velocity(network), velocity(network, run_block=compiled_block())
    torch.testing.assert_close(fast, small, atol=1e-4, rtol=1e-3)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_adds_the_same_bias():
    q, k, v = torch.randn(3, 1, 2, 130, 32)
    bias = torch.rand(130) * 3
    torch.testing.assert_close(
        flex_biased(q, k, v, bias), biased_attention(q, k, v, bias), atol=1e-5, rtol=1e-4
    )


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_counted_keys_join_plain_ones():
    q, k, v = torch.randn(3, 2, 3, 140, 32)
    bias = torch.rand(40) * 3
    plain = attention_part(q, k[:, :, 40:], v[:, :, 40:])
    found = joined([plain, flex_part(q, k[:, :, :40], v[:, :, :40], bias)])
    expected = biased_attention(q, k, v, torch.cat([bias, torch.zeros(100)]))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("num_counted", [0, 70, 300])
@torch.inference_mode()
def test_a_card_attends_to_counted_and_plain_keys(num_counted):
    q, k, v = torch.randn(3, 1, 2, 300, 128, device="cuda", dtype=torch.bfloat16)
    bias = torch.rand(num_counted, device="cuda") * 3
    parts = (
        (k[:, :, :num_counted], v[:, :, :num_counted]),
        (k[:, :, num_counted:], v[:, :, num_counted:]),
    )
    if 0 < num_counted < 300:
        assert has_cudnn_attention(q, *parts[1])
    found = partly_biased_attention(q, parts[0], bias, parts[1])
    whole = torch.cat([bias, bias.new_zeros(300 - num_counted)])
    expected = biased_attention(*(x.float().cpu() for x in (q, k, v)), whole.cpu())
    torch.testing.assert_close(found.float().cpu(), expected, atol=0.02, rtol=0.02)


def test_checkpointed_halves_give_the_same_gradients(network):
    network.requires_grad_(True)
    random = torch.Generator().manual_seed(4)
    x = torch.randn(1, 57, 3, 6, 9, generator=random)
    words, level = torch.randn(1, 6, 32, generator=random), torch.full((1, 1), 700.0)

    def gradients(**how):
        network.zero_grad()
        predict_velocity(network, x, level, words, **how).square().mean().backward()
        return {
            name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None
        }

    expected = gradients()
    found = gradients(run_block=checkpointed_block(is_compiled=False))
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        assert torch.equal(gradient, expected[name]), name
