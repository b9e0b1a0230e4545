"""Attention to fewer keys: those of blank paper are merged.

Legend: B batch, N heads, L tokens, E head width, K kept keys.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from videosketcher_app.engines.memory.paper import MergedKeys
from videosketcher_app.models.compiling import compiled


class CulledAttention:
    """Every token sees the kept keys, each counted as often as it stands for others.

    A key with the logarithm of a number added to its score weighs as much as so many equal keys, so
    that merging is exact where the merged keys are equal; rotary positions make it approximate.
    """

    def __init__(self, keys: MergedKeys) -> None:
        self._keys = keys

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        """(B, N, L, E) -> same shape."""
        kept_K = self._keys.kept_K
        return biased_attention(
            q_BNLE, k_BNLE[:, :, kept_K], v_BNLE[:, :, kept_K], self._keys.bias_K
        )


def culled_attention_slow(
    q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor, keys: MergedKeys
) -> Tensor:
    """The same under a mask over all keys: the twin that tests compare with."""
    bias_L = torch.full(k_BNLE.shape[2:3], -torch.inf, device=k_BNLE.device)
    bias_L[keys.kept_K] = keys.bias_K
    return F.scaled_dot_product_attention(
        q_BNLE, k_BNLE, v_BNLE, attn_mask=bias_L[None].to(q_BNLE.dtype)
    )


def biased_attention(q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, bias_K: Tensor) -> Tensor:
    """Attention with a number added to every key's scores."""
    if q_BNLE.device.type == "cuda":  # a mask would rule out the fast kernels
        return compiled(flex_biased, dynamic=True)(q_BNLE, k_BNKE, v_BNKE, bias_K)
    mask_1K = bias_K.to(q_BNLE.dtype)[None]
    return F.scaled_dot_product_attention(q_BNLE, k_BNKE, v_BNKE, attn_mask=mask_1K)


def flex_biased(q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, bias_K: Tensor) -> Tensor:
    """`biased_attention` by FlexAttention."""
    from torch.nn.attention.flex_attention import flex_attention

    def add(score: Tensor, b: Tensor, n: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return score + bias_K[column]

    out = flex_attention(q_BNLE, k_BNKE, v_BNKE, score_mod=add)
    assert isinstance(out, Tensor)
    return out
