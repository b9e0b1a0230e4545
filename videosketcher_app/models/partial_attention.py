"""Attention over some of the keys, and how several such parts become the attention over all of them.

Softmax over all keys is the mean of the softmaxes over the parts, weighted by each part's sum of
exponents (as FlashAttention adds its tiles, Dao et al., arXiv 2205.14135). So the keys that are seen
without a mask go to cuDNN's attention, which is half as fast again as a kernel that can mask
(565 against 350 TFLOP/s on Hopper), and only the rest to such a kernel.

Legend: B batch, N heads, L queries, K keys, E head width.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from videosketcher_app.models.compiling import can_compile, compiled

Part = tuple[Tensor, Tensor]  # attention (B, N, L, E), logarithm of its sums of exponents (B, N, L)


def attention_part(
    q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, *, is_causal: bool = False
) -> Part:
    """Attention over these keys; cuDNN's where it is.

    Args:
        is_causal: query number l sees the keys up to number l.
    """
    if not has_cudnn_attention(q_BNLE, k_BNKE, v_BNKE, is_causal=is_causal):
        return attention_part_slow(q_BNLE, k_BNKE, v_BNKE, is_causal=is_causal)
    # torch has no public name for an attention with its sums but FlexAttention, which is slower.
    found = torch.ops.aten._scaled_dot_product_cudnn_attention(
        q_BNLE, k_BNKE, v_BNKE, None, True, 0.0, is_causal
    )
    return found[0], found[1].view(q_BNLE.shape[:3])


def attention_part_slow(
    q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, *, is_causal: bool = False
) -> Part:
    """The slow twin: all scores at once, in float32 at least."""
    precise = torch.promote_types(q_BNLE.dtype, torch.float32)
    q, k, v = (x.to(precise) for x in (q_BNLE, k_BNKE, v_BNKE))
    scores_BNLK = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if is_causal:
        later_LK = torch.ones(scores_BNLK.shape[-2:], dtype=torch.bool, device=q.device).triu(1)
        scores_BNLK = scores_BNLK.masked_fill(later_LK, -torch.inf)
    return (scores_BNLK.softmax(-1) @ v).to(v_BNKE.dtype), scores_BNLK.logsumexp(-1)


def has_cudnn_attention(
    q_BNLE: Tensor, k_BNKE: Tensor, v_BNKE: Tensor, *, is_causal: bool = False
) -> bool:
    """Whether cuDNN computes attention of these."""
    if q_BNLE.device.type != "cuda" or torch.is_grad_enabled():
        return False
    given = q_BNLE, k_BNKE, v_BNKE, None, 0.0, is_causal, False
    return torch.backends.cuda.can_use_cudnn_attention(torch.backends.cuda.SDPAParams(*given))


def joined(parts: Sequence[Part]) -> Tensor:
    """Attention over the keys of all parts: (B, N, L, E)."""
    if len(parts) == 1:
        return parts[0][0]
    compiles = parts[0][0].is_cuda and can_compile("cuda")
    join = compiled(joined_plainly, dynamic=True) if compiles else joined_plainly
    return join(tuple(parts))


def joined_plainly(parts: Sequence[Part]) -> Tensor:
    """`joined` as it is written, for a function that is compiled as a whole."""
    outs, sums = zip(*parts, strict=True)
    whole_BNL = functools.reduce(torch.logaddexp, sums)  # a softmax would be a reduction to compile
    total_BNLE = torch.zeros_like(outs[0], dtype=whole_BNL.dtype)
    for sum_BNL, out_BNLE in zip(sums, outs, strict=True):
        total_BNLE = total_BNLE + (sum_BNL - whole_BNL).exp()[..., None] * out_BNLE
    return total_BNLE.to(outs[0].dtype)
