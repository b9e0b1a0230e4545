"""Row-scaled linear layers: near what they were made of, under the same names."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from videosketcher_app.models import row_scaled
from videosketcher_app.models.fp8 import FP8, Fp8Linear, quantized_rows
from videosketcher_app.models.row_scaled import RowScaledLinear, keep_in_rows


@pytest.fixture
def layer():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Linear(48, 32)


def inputs(*shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_layer_multiplies_by_what_its_numbers_mean(layer, dtype):
    small, x = RowScaledLinear.of(layer.to(dtype)), inputs(2, 5, 48, dtype=dtype)
    rows, scale = quantized_rows(layer.weight.detach())
    meant = (rows.float() * scale[:, None]).to(dtype)
    assert small(x).dtype == dtype
    torch.testing.assert_close(small(x), F.linear(x, meant, layer.bias))
    assert torch.equal(small.exact(), meant)
    difference = (small.exact().float() - layer.weight.float()).abs()
    assert (difference <= layer.weight.float().abs() / 16 + scale[:, None] * 2**-8).all()
    assert not torch.equal(small(x), layer(x))


def test_another_weight_is_taken_as_it_is(layer):
    small, x = RowScaledLinear.of(layer), inputs(3, 48)
    kept = small.weight.data
    small.weight.data = layer.weight.detach() + 1
    torch.testing.assert_close(small(x), F.linear(x, layer.weight + 1, layer.bias))
    small.weight.data = kept
    assert small.weight.dtype == FP8


def test_layers_keep_their_names_and_norms_their_digits(layer):
    root = nn.Sequential(layer, nn.LayerNorm(32), nn.Sequential(nn.Linear(32, 16, bias=False)))
    names = set(root.state_dict())
    keep_in_rows(root)
    assert set(root.state_dict()) == names | {"0.scale_N", "2.0.scale_N"}
    assert root[1].weight.dtype == torch.float32
    assert root[2][0].bias is None
    assert root(inputs(4, 48)).shape == (4, 16)


def test_an_input_is_quantized_the_same_in_pieces(monkeypatch):
    x = inputs(37, 24) * torch.logspace(-3, 3, 37)[:, None]
    monkeypatch.setattr(row_scaled, "PIECE_ROWS", 8)
    rows, scale = row_scaled._quantized_in_pieces(x)
    expected_rows, expected_scale = quantized_rows(x)
    assert torch.equal(rows.float(), expected_rows.float())
    assert torch.equal(scale, expected_scale)


@pytest.mark.gpu
def test_a_card_multiplies_what_the_emulation_says(layer):
    x = inputs(64, 48, dtype=torch.bfloat16).cuda()
    layer = layer.to("cuda", torch.bfloat16)
    torch.testing.assert_close(RowScaledLinear.of(layer)(x), Fp8Linear.of(layer)(x))
