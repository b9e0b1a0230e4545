"""A transformer block in little memory: for weights in 8 bits on cards that hold little else.

Eager, norms, rotation and quantization write 32-bit copies of all tokens. Compiled they are read once
and never lie anywhere, and the feed-forward layer, whose inner matrix is the largest of all, is
computed in pieces. Where nothing is compiled, all but the attention goes piece by piece: tokens meet
nowhere else.

Legend: B batch, F latent frames, L tokens, D width, N heads, E head width.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo.exc import TorchDynamoException

from videosketcher_app.models.fused import compiled_block
from videosketcher_app.models.wan.forward import (
    Attention,
    after_attention,
    before_attention,
    block_forward,
    heads_of,
)

logger = logging.getLogger(__name__)
TOKEN_CHUNKS = 8  # of the feed-forward layer, or of all that is no attention


class LeanBlock:
    """A `run_block` of `predict_velocity`, compiled where that works.

    A block whose layers have LoRAs beside them runs as it is written: compiling it for every number
    of LoRAs costs a minute each time.

    Args:
        compiled: the block, compiled at its first call; None never compiles.
    """

    def __init__(self, compiled: Callable[..., Tensor] | None) -> None:
        self._compiled = compiled

    def __call__(self, block: nn.Module, *given: Any) -> Tensor:
        """As `block_forward`."""
        if self._compiled is None or _is_hooked(block):
            return in_pieces(block, *given)
        try:
            return self._compiled(block, *given)
        except TorchDynamoException as error:
            reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
            logger.warning("blocks are not compiled here, which is slower: %s", reason)
            self._compiled = None
            return in_pieces(block, *given)


def in_pieces(
    block: nn.Module,
    x_BLD: Tensor,
    context_BSD: Tensor | tuple[Tensor, Tensor],
    modulation_BF6D: Tensor,
    table: tuple[Tensor, Tensor],
    attention: Attention,
) -> Tensor:
    """As `block_forward`, everything but the attention for some tokens at a time."""
    if modulation_BF6D.shape[1] > 1:  # a piece would have to know its frames
        return block_forward(block, x_BLD, context_BSD, modulation_BF6D, table, attention)
    step = -(-x_BLD.shape[1] // TOKEN_CHUNKS)
    pieces = [slice(start, start + step) for start in range(0, x_BLD.shape[1], step)]
    attended_BNLE = attention(*_read_by_attention(block, x_BLD, modulation_BF6D, table, pieces))
    out_BLD = x_BLD.new_empty(x_BLD.shape)  # the first block's input lies the other way round
    for piece in pieces:
        out_BLD[:, piece] = after_attention(
            block, x_BLD[:, piece], attended_BNLE[:, :, piece], context_BSD, modulation_BF6D
        )
    return out_BLD


def _read_by_attention(
    block: Any,
    x_BLD: Tensor,
    modulation_BF6D: Tensor,
    table: tuple[Tensor, Tensor],
    pieces: Sequence[slice],
) -> list[Tensor]:
    """Queries, keys and values (B, N, L, E)."""
    # Heads beside each other in memory, as layers give them: an attention that folds them into the
    # width would copy all three otherwise, and they are most of what a pass takes.
    heads = block.self_attn.num_heads
    whole = [heads_of(x_BLD.new_empty(x_BLD.shape), heads) for _ in range(3)]
    for piece in pieces:
        cos_LE, sin_LE = (part[piece] for part in table)
        parts = before_attention(block, x_BLD[:, piece], modulation_BF6D, cos_LE, sin_LE)
        for all_tokens, part in zip(whole, parts, strict=True):
            all_tokens[:, :, piece] = part
    return whole


def lean_block(device: torch.device) -> LeanBlock:
    """The block for a device: compiled on CUDA, once for each number of tokens."""
    compiles = device.type == "cuda"
    return LeanBlock(compiled_block(dynamic=False, token_chunks=TOKEN_CHUNKS) if compiles else None)


def _is_hooked(block: nn.Module) -> bool:
    return any(module._forward_hooks for module in block.modules())
