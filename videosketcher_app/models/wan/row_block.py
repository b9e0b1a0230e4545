"""A block whose rows are computed by hand-written kernels, between the very matrix products.

Nothing is compiled, so nothing has to be compiled again and no guards are asked at every call; a
block is 17 launches and its attention instead of 30. Blocks that are not plain (a LoRA on an 8-bit
layer, weights that are moved around, gradients) go to the compiled block.

Legend: B batch, F latent frames, G groups (B * F), L tokens, M rows (B * L), D width, N heads, E head
width, S words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from videosketcher_app.models.compiling import can_compile
from videosketcher_app.models.fp8 import Fp8Linear, QuickGelu
from videosketcher_app.models.fused import SplitBlock, compiled_block
from videosketcher_app.models.wan.forward import (
    Attention,
    WanPart,
    block_forward,
    heads_of,
    modulations,
    words_attended,
)

Rows = Any  # a tensor (B, L, D), or `row_kernels.SmallRows` of it for 8-bit layers


class RowBlock:
    """A `run_block` of `predict_velocity`: as `block_forward`, within the rounding of its format.

    On a card that nothing can be compiled for, it is `block_forward`.

    Args:
        otherwise: computes the blocks that these kernels cannot.
    """

    def __init__(self, otherwise: Callable[..., Tensor]) -> None:
        self._otherwise = otherwise
        self._by_rows = SplitBlock(before_by_rows, after_by_rows)

    def __call__(
        self,
        block: nn.Module,
        x_BLD: Tensor,
        context_BSD: Tensor | tuple[Tensor, Tensor],
        modulation_BF6D: Tensor,
        table: tuple[Tensor, Tensor],
        attention: Attention,
    ) -> Tensor:
        """As `block_forward`."""
        run = self._otherwise
        if x_BLD.is_cuda:
            if not can_compile("cuda"):
                run = block_forward
            elif is_plain(block):
                run = self._by_rows
        return run(block, x_BLD, context_BSD, modulation_BF6D, table, attention)


@cache
def row_block(
    otherwise: Callable[..., Tensor] | None = None, *, dynamic: bool | None = None
) -> Callable[..., Tensor]:
    """The block by rows.

    Args:
        otherwise: computes blocks that are not plain, and all on other devices; None is
            `compiled_block`.
        dynamic: of `compiled_block`.
    """
    return RowBlock(otherwise or compiled_block(dynamic=dynamic))


def is_plain(block: WanPart) -> bool:
    """Whether the kernels compute what the block's modules would."""
    if torch.is_grad_enabled():
        return False
    layers = (*_layers(block.self_attn, "qkvo"), *_layers(block.cross_attn, "qo"))
    layers = (*layers, block.ffn[0], block.ffn[2])
    small = type(layers[0]) is Fp8Linear
    if small and any(type(each) is not Fp8Linear or each._forward_hooks for each in layers):
        return False
    norms = (block.norm1, block.norm2, block.norm3)
    own, words = block.self_attn, block.cross_attn
    # Memory management wraps modules, and their weights are then somewhere else.
    means = (own.norm_q, own.norm_k, words.norm_q)
    is_bare = all(isinstance(getattr(each, "weight", None), Tensor) for each in means)
    return is_bare and all(type(each) is nn.LayerNorm for each in norms) and len(block.ffn) == 3


def before_by_rows(
    block: WanPart, x_BLD: Tensor, modulation_BF6D: Tensor, cos_LE: Tensor, sin_LE: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """`forward.before_attention`."""
    from videosketcher_app.models import row_kernels

    module, table = block.self_attn, (cos_LE, sin_LE)
    shift, scale, *_ = _by_group(block, x_BLD, modulation_BF6D)
    affine = row_kernels.Affine(scale, shift, plus_one=True)
    rows = row_kernels.normed(x_BLD, affine, block.norm1.eps, small=_is_small(block))
    q, k, v = (_product(layer, rows, x_BLD) for layer in _layers(module, "qkv"))
    q = row_kernels.rms_normed(q, module.norm_q.weight, module.norm_q.eps, table)
    k = row_kernels.rms_normed(k, module.norm_k.weight, module.norm_k.eps, table)
    heads = module.num_heads
    return heads_of(q, heads), heads_of(k, heads), heads_of(v, heads)


def after_by_rows(
    block: WanPart,
    x_BLD: Tensor,
    attended_BNLE: Tensor,
    context_BSD: Tensor | tuple[Tensor, Tensor],
    modulation_BF6D: Tensor,
    token_chunks: int = 1,
) -> Tensor:
    """`forward.after_attention`; the feed-forward layer is computed in one piece.

    Whatever is not read again goes at once: at 14B and 832x480 every matrix of tokens is 0.3 GB, and
    the feed-forward layer needs 1.2 GB more while its weights visit a small card.
    """
    from videosketcher_app.models import row_kernels

    assert token_chunks == 1, "only whole"
    small, words = _is_small(block), block.cross_attn
    _, _, gate1, shift2, scale2, gate2 = _by_group(block, x_BLD, modulation_BF6D)
    mixed = _product(block.self_attn.o, _rows_of(attended_BNLE, small), x_BLD)
    affine = row_kernels.Affine(block.norm3.weight[None], block.norm3.bias[None], plus_one=False)
    x_BLD, rows = row_kernels.added_and_normed(
        x_BLD, mixed, gate1, affine, block.norm3.eps, small=small
    )
    del attended_BNLE, mixed
    q = _product(words.q, rows, x_BLD)
    del rows
    q = row_kernels.rms_normed(q, words.norm_q.weight, words.norm_q.eps)
    seen_BLD = words_attended(words, heads_of(q, words.num_heads), context_BSD)
    del q
    seen = row_kernels.quantized(seen_BLD.flatten(0, 1)) if small else seen_BLD
    del seen_BLD
    crossed = _product(words.o, seen, x_BLD)
    del seen
    affine = row_kernels.Affine(scale2, shift2, plus_one=True)
    x_BLD, rows = row_kernels.added_and_normed(
        x_BLD, crossed, None, affine, block.norm2.eps, small=small
    )
    del crossed
    return row_kernels.added(x_BLD, _fed(block.ffn, rows, x_BLD), gate2)


def _fed(ffn: WanPart, rows: Rows, x_BLD: Tensor) -> Tensor:
    """The feed-forward layer of rows: (B, L, D)."""
    from videosketcher_app.models import row_kernels

    first, act, second = ffn
    if not isinstance(rows, Tensor):
        hidden = first.of_rows(*rows, x_BLD.dtype)
        return _product(second, row_kernels.quantized_gelu(hidden), x_BLD)
    alone = type(first) is nn.Linear and not first._forward_hooks
    if rows.is_cuda and alone and _is_tanh(act):
        # One kernel for product, bias and GELU: 1.8 GB less to read and write in a block of 14B.
        # On CUDA this is GELU's tanh form; on a CPU it would be the other one.
        hidden = torch._addmm_activation(  # type: ignore[reportPrivateImportUsage]
            first.bias, rows.flatten(0, 1), first.weight.t(), use_gelu=True
        )
        return second(hidden.view(*rows.shape[:-1], -1))
    return second(act(first(rows)))


def _is_tanh(act: nn.Module) -> bool:
    return type(act) is QuickGelu or (type(act) is nn.GELU and act.approximate == "tanh")


def _rows_of(attended_BNLE: Tensor, small: bool) -> Rows:
    from videosketcher_app.models import row_kernels

    folded_BLD = attended_BNLE.transpose(1, 2).flatten(2)
    return row_kernels.quantized(folded_BLD.flatten(0, 1)) if small else folded_BLD


def _product(layer: WanPart, rows: Rows, x_BLD: Tensor) -> Tensor:
    """A linear layer of rows: (B, L, N)."""
    if isinstance(rows, Tensor):
        return layer(rows)
    return layer.of_rows(*rows, x_BLD.dtype).view(*x_BLD.shape[:-1], -1)


def _is_small(block: WanPart) -> bool:
    return type(block.self_attn.q) is Fp8Linear


def _layers(module: WanPart, names: str) -> tuple[WanPart, ...]:
    return tuple(getattr(module, name) for name in names)


def _by_group(block: WanPart, x_BLD: Tensor, modulation_BF6D: Tensor) -> tuple[Tensor, ...]:
    """Shift, scale and gate (G, D) of the attention, then of the feed-forward layer."""
    return tuple(part.flatten(0, 2) for part in modulations(block, x_BLD, modulation_BF6D))
