"""Transformer blocks compiled in two halves, with any attention between them.

Compiled, the norms, the modulation, the rotation and (with 8-bit layers) the quantization become
few kernels. The attention stays outside: it may be dense, sparse, culled or remember keys, and
whatever it does cannot make the halves compile again.

Legend: B batch, F latent frames, L tokens, D width, N heads, E head width, S words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from videosketcher_app.models.compiling import compiled
from videosketcher_app.models.wan.forward import Attention, after_attention, before_attention


class SplitBlock:
    """A block as its two halves: a `run_block` of `predict_velocity`.

    Args:
        before, after: the halves, compiled or not.
        token_chunks: pieces that the feed-forward layer is computed in, to save memory.
    """

    def __init__(
        self,
        before: Callable[..., tuple[Tensor, Tensor, Tensor]] = before_attention,
        after: Callable[..., Tensor] = after_attention,
        *,
        token_chunks: int = 1,
    ) -> None:
        self._before, self._after, self._token_chunks = before, after, token_chunks

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
        q, k, v = self._before(block, x_BLD, modulation_BF6D, *table)
        attended = [attention(q, k, v)]
        del q, k, v  # before the second half allocates, which lets go of the last one itself
        return self._after(
            block, x_BLD, attended.pop(), context_BSD, modulation_BF6D, self._token_chunks
        )


@cache
def checkpointed_block(*, is_compiled: bool) -> SplitBlock:
    """The block for training: its halves are computed again in the backward pass.

    What attention reads and gives is kept, so that attention itself is computed once: five token
    matrices a layer instead of one, for half of a full recomputation's time at 832x480x81.
    """
    halves = (before_attention, after_attention)
    if is_compiled:
        halves = tuple(compiled(half, dynamic=False) for half in halves)
    before, after = (_checkpointed(half) for half in halves)
    return SplitBlock(before, after)


def _checkpointed(half: Callable[..., Any]) -> Callable[..., Any]:
    return partial(checkpoint, half, use_reentrant=False)


@cache
def compiled_block(*, dynamic: bool | None = None, token_chunks: int = 1) -> SplitBlock:
    """The block compiled for this device; the first pass takes a minute.

    Args:
        dynamic: False compiles for every number of tokens, True once for all; None does the first,
            and from the second number on the other.
    """
    return SplitBlock(
        compiled(before_attention, dynamic=dynamic),
        compiled(after_attention, dynamic=dynamic),
        token_chunks=token_chunks,
    )
