"""Parts of an attention, put together, are the attention."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from videosketcher_app.models.partial_attention import (
    attention_part,
    attention_part_slow,
    has_cudnn_attention,
    joined,
)


@pytest.mark.parametrize("ends", [(60,), (1, 60), (20, 21, 60)])
def test_parts_of_the_keys_join(ends: tuple[int, ...]) -> None:
    q, k, v = torch.randn(3, 2, 3, 60, 16, generator=torch.Generator().manual_seed(1))
    spans = zip((0, *ends), ends, strict=False)
    parts = [attention_part(q, k[:, :, low:high], v[:, :, low:high]) for low, high in spans]
    torch.testing.assert_close(
        joined(parts), scaled_dot_product_attention(q, k, v), atol=2e-6, rtol=1e-5
    )


def test_a_causal_part_sees_no_later_keys() -> None:
    q, k, v = torch.randn(3, 1, 2, 30, 8, generator=torch.Generator().manual_seed(1))
    out, sums = attention_part(q, k, v, is_causal=True)
    expected = scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(out, expected, atol=2e-6, rtol=1e-5)
    assert sums.shape == (1, 2, 30)


@pytest.mark.gpu
@pytest.mark.parametrize("is_causal", [False, True])
@torch.inference_mode()
def test_a_card_computes_what_the_twin_says(is_causal: bool) -> None:
    q, k, v = torch.randn(3, 1, 4, 512, 128, device="cuda", dtype=torch.bfloat16)
    assert has_cudnn_attention(q, k, v, is_causal=is_causal)
    found = attention_part(q, k, v, is_causal=is_causal)
    expected = attention_part_slow(q, k, v, is_causal=is_causal)
    torch.testing.assert_close(found[0], expected[0], atol=0.02, rtol=0.02)
    torch.testing.assert_close(found[1].float(), expected[1], atol=0.01, rtol=0.01)
