"""Attention to fewer keys: those of blank paper are merged.

Legend: B batch, N heads, L tokens, E head width, K kept keys, S counted keys, P plain keys.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from videosketcher_app.engines.memory.paper import MergedKeys
from videosketcher_app.models.compiling import can_compile, compiled
from videosketcher_app.models.partial_attention import (
    Part,
    attention_part,
    has_cudnn_attention,
    joined,
)


class CulledAttention:
    """Every token sees the kept keys, each counted as often as it stands for others.

    A key with the logarithm of a number added to its score weighs as much as so many equal keys, so
    that merging is exact where the merged keys are equal; rotary positions make it approximate.
    """

    def __init__(self, keys: MergedKeys) -> None:
        counts_K = keys.bias_K > 0
        self._counted_S, self._plain_P = keys.kept_K[counts_K], keys.kept_K[~counts_K]
        self._bias_S = keys.bias_K[counts_K]

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        """(B, N, L, E) -> same shape."""
        counted, plain = self._counted_S, self._plain_P
        return partly_biased_attention(
            q_BNLE,
            (k_BNLE[:, :, counted], v_BNLE[:, :, counted]),
            self._bias_S,
            (k_BNLE[:, :, plain], v_BNLE[:, :, plain]),
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


def partly_biased_attention(
    q_BNLE: Tensor,
    counted: tuple[Tensor, Tensor],
    bias_S: Tensor,
    plain: tuple[Tensor, Tensor],
) -> Tensor:
    """Attention to some keys with a number added to their scores, and to plain ones.

    Where cuDNN's attention is, it takes the plain keys, which are most, and FlexAttention, which can
    add numbers, the others (partial_attention.py).

    Args:
        counted: keys and values (B, N, S, E).
        plain: keys and values (B, N, P, E).
    """
    has_both = min(len(bias_S), plain[0].shape[2]) > 0
    if has_both and has_cudnn_attention(q_BNLE, *plain) and can_compile("cuda"):
        some = compiled(flex_part, dynamic=True)(q_BNLE, *counted, bias_S)
        return joined([attention_part(q_BNLE, *plain), some])
    k, v = (torch.cat(both, dim=2) for both in zip(counted, plain, strict=True))
    bias_K = torch.cat([bias_S, bias_S.new_zeros(plain[0].shape[2])])
    return biased_attention(q_BNLE, k, v, bias_K)


def biased_attention(q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, bias_K: Tensor) -> Tensor:
    """Attention with a number added to every key's scores."""
    if q_BNLE.is_cuda and can_compile("cuda"):  # a mask would rule out the fast kernels
        return compiled(flex_biased, dynamic=True)(q_BNLE, k_BNKE, v_BNKE, bias_K)
    mask_1K = bias_K.to(q_BNLE.dtype)[None]
    return F.scaled_dot_product_attention(q_BNLE, k_BNKE, v_BNKE, attn_mask=mask_1K)


def flex_biased(q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, bias_K: Tensor) -> Tensor:
    """`biased_attention` by FlexAttention."""
    return flex_part(q_BNLE, k_BNKE, v_BNKE, bias_K)[0]


def flex_part(q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, bias_K: Tensor) -> Part:
    """The attention, and the logarithm of each row's sum of exponents (B, N, L)."""
    from torch.nn.attention.flex_attention import AuxRequest, flex_attention

    def add(score: Tensor, b: Tensor, n: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return score + bias_K[column]

    found = flex_attention(q_BNLE, k_BNKE, v_BNKE, score_mod=add, return_aux=AuxRequest(lse=True))
    out_BNLE, aux = found
    assert isinstance(out_BNLE, Tensor)
    assert aux.lse is not None
    return out_BNLE, aux.lse
