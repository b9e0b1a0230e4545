"""Blocks by hand-written kernels equal their twin; Triton's interpreter runs the kernels here."""

from __future__ import annotations

import pytest
import torch

from tests.conftest import RunPython
from videosketcher_app.models.fp8 import quantized
from videosketcher_app.models.fused import SplitBlock
from videosketcher_app.models.wan import row_block
from videosketcher_app.models.wan.forward import block_forward, predict_velocity
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

pytest.importorskip("triton")

PRELUDE = """
import os
os.environ["TRITON_INTERPRET"] = "1"
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from videosketcher_app.models import row_kernels as rows
from videosketcher_app.models.fp8 import quantized_rows
from videosketcher_app.models.wan.forward import predict_velocity, prompt_keys, rotate
torch.manual_seed(0)
B, L, D, FRAMES, E = 2, 6, 48, 3, 24
def random(*shape):
    return torch.randn(*shape).to(dtype)
def by_token(x_GD):
    return x_GD.float().view(B, FRAMES, 1, D).expand(B, FRAMES, L // FRAMES, D).reshape(B, L, D)
"""

ROWS = """
for dtype, near in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
    x, more, modulation = random(B, L, D), random(B, L, D), random(B * FRAMES, 6, D)
    scale, shift, gate = modulation[:, 0], modulation[:, 1], modulation[:, 2]
    total, out = rows.added_and_normed(
        x, more, gate, rows.Affine(scale, shift, True), 1e-6, small=False)
    wanted = (x.float() + by_token(gate) * more.float()).to(dtype)
    assert_close(total, wanted, atol=near, rtol=0)
    normed = F.layer_norm(total.float(), (D,), eps=1e-6)
    assert_close(out.float(), normed * (1 + by_token(scale)) + by_token(shift), atol=near, rtol=0)
    assert out.dtype == total.dtype == dtype
    weight, bias = random(1, D), random(1, D)
    out = rows.normed(x, rows.Affine(weight, bias, False), 1e-6, small=False)
    wanted = F.layer_norm(x.float(), (D,), weight[0].float(), bias[0].float(), 1e-6)
    assert_close(out.float(), wanted, atol=near, rtol=0)
    assert_close(rows.added(x, more, None).float(), (x + more).float(), atol=near, rtol=0)
    weight, table = random(D), (torch.rand(L, E // 2), torch.rand(L, E // 2))
    inverse = torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-6)
    wanted = x.float() * inverse * weight.float()
    assert_close(rows.rms_normed(x, weight, 1e-6).float(), wanted, atol=near, rtol=0)
    turned = rotate(wanted.unflatten(-1, (-1, E)).transpose(1, 2), table).transpose(1, 2)
    out = rows.rms_normed(x, weight, 1e-6, table)
    assert_close(out.float(), turned.flatten(2), atol=2 * near, rtol=0)
"""

# The interpreter rounds e4m3 down a power of two where rounding carries over to the next one.
QUANTIZED = """
dtype = torch.float32
x_MD = random(40, D) * torch.logspace(-3, 3, 40)[:, None]
for found, wanted in (
    (rows.quantized(x_MD), quantized_rows(x_MD)),
    (rows.quantized_gelu(x_MD), quantized_rows(F.gelu(x_MD, approximate="tanh"))),
    (rows.normed(x_MD.view(B, -1, D), rows.Affine(*torch.ones(2, B, D), False), 1e-6, small=True),
     quantized_rows(F.layer_norm(x_MD, (D,), eps=1e-6) + 1)),
):
    assert_close(found.scale_M, wanted[1])
    values, meant = found.values_MD.float(), wanted[0].float()
    assert (values == meant).float().mean() > 0.95
    is_next = (values - meant).abs() <= meant.abs() / 8 + 2**-9  # a step of e4m3
    assert (is_next | ((2 * values - meant).abs() <= meant.abs() / 8)).all()
"""

BLOCKS = """
from videosketcher_app.models.fused import SplitBlock
from videosketcher_app.models.wan import row_block
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer
config = TransformerConfig(dim=D, num_layers=2, num_heads=2, ffn_dim=96)
network = build_transformer(config).eval().requires_grad_(False)
for p in network.parameters():
    p.copy_(torch.randn_like(p) * 0.15 if p.ndim > 1 else torch.rand_like(p) + 0.2)
latents, words = torch.randn(2, config.in_dim, 3, 4, 4), torch.randn(2, 5, config.text_dim)
times = torch.tensor([[900.0, 300.0, 20.0], [10.0, 500.0, 999.0]])
by_rows = SplitBlock(row_block.before_by_rows, row_block.after_by_rows)
with torch.inference_mode():
    assert row_block.is_plain(network.blocks[0])
    for context in (words, prompt_keys(network, words)):
        wanted = predict_velocity(network, latents, times, context)
        found = predict_velocity(network, latents, times, context, run_block=by_rows)
        assert_close(found, wanted, atol=1e-4, rtol=1e-5)
"""


@pytest.mark.parametrize("what", [ROWS, QUANTIZED, BLOCKS], ids=["rows", "quantized", "blocks"])
def test_kernels_equal_their_twin(what: str, run_python: RunPython) -> None:
    done = run_python(PRELUDE + what)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture
def network() -> torch.nn.Module:
    config = TransformerConfig(dim=48, num_layers=2, num_heads=2, ffn_dim=96)
    return build_transformer(config).eval().requires_grad_(False)


def test_what_kernels_cannot_compute_goes_elsewhere(network: torch.nn.Module) -> None:
    block = network.blocks[0]
    with torch.enable_grad():
        assert not row_block.is_plain(block)
    with torch.no_grad():
        assert row_block.is_plain(block)
        with quantized(network.blocks):
            assert row_block.is_plain(block)
            hook = block.ffn[0].register_forward_hook(lambda *_: None)  # what a LoRA is
            assert not row_block.is_plain(block)
            hook.remove()
        block.norm1 = torch.nn.Sequential(block.norm1)  # weights that are moved around
        assert not row_block.is_plain(block)


def test_a_processor_takes_the_other_block(network: torch.nn.Module) -> None:
    latents, words = torch.randn(1, 57, 3, 4, 4), torch.randn(1, 5, 256)
    times = torch.tensor([[500.0]])
    with torch.inference_mode():
        wanted = predict_velocity(network, latents, times, words)
        block = row_block.RowBlock(block_forward)
        found = predict_velocity(network, latents, times, words, run_block=block)
    assert torch.equal(found, wanted)


@pytest.mark.gpu
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize(("dim", "ffn_dim"), [(1536, 8960), (5120, 13824)])
def test_a_card_computes_what_the_twin_says(dim: int, ffn_dim: int, small: bool) -> None:
    config = TransformerConfig(
        dim=dim, num_layers=1, num_heads=dim // 128, ffn_dim=ffn_dim, patch=2, in_dim=16
    )
    with torch.device("cuda"):
        network = build_transformer(config).eval().requires_grad_(False).bfloat16()
        latents = torch.randn(1, 16, 3, 60, 104).bfloat16()
        words, times = torch.randn(1, 512, 256).bfloat16(), torch.tensor([[900.0, 300.0, 20.0]])
    by_rows = SplitBlock(row_block.before_by_rows, row_block.after_by_rows)

    def velocity(run_block: object) -> torch.Tensor:
        return predict_velocity(network, latents, times, words, run_block=run_block).float()

    with torch.inference_mode():
        exact = velocity(block_forward)
        if small:
            with quantized(network.blocks):
                twin, found = velocity(block_forward), velocity(by_rows)
        else:
            twin, found = exact, velocity(by_rows)
    own = (twin - exact).norm() if small else exact.norm() * 0.01
    assert (found - twin).norm() < own
