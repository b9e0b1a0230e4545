"""One clip on several devices of a host: guidance in parallel, and the sequence in parallel.

Two devices halve a guided step without a word between them until its end (one with the prompt, one
without). More devices share the tokens of one pass: each holds a piece of the sequence, and around
every attention the pieces of all tokens are exchanged for all tokens of some heads and back
(DeepSpeed-Ulysses, Jacobs et al. 2023, arXiv 2309.14509). Both work on any torch.distributed backend.

Legend: R devices, B batch, N heads, L tokens, P tokens of a piece, E head width, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.wan.forward import Attention, BlockPass

Group = dist.ProcessGroup


class SequenceParallel:
    """Passes tokens through the blocks on all devices of a group, which hold the same weights.

    Args:
        num_heads: of the attention.

    Raises:
        InvalidRequest: the heads cannot be shared evenly.
    """

    def __init__(self, group: Group, num_heads: int) -> None:
        self._group, self._size, self._rank = group, group.size(), group.rank()
        if num_heads % self._size:
            raise InvalidRequest(
                f"{num_heads} heads cannot be shared by {self._size} devices.",
                hint=f"Use {_largest_share(num_heads, self._size)} devices.",
            )

    def through(self, blocks: BlockPass) -> Tensor:
        """As `BlockPass.run`; every device gets all tokens back."""
        length = blocks.x_BLD.shape[1]
        piece = -(-length // self._size)
        mine = slice(self._rank * piece, (self._rank + 1) * piece)
        padding = piece * self._size - length
        assert blocks.modulation_BF6D.shape[1] == 1, "all frames share one timestep"
        x_BPD = F.pad(blocks.x_BLD, (0, 0, 0, padding))[:, mine]
        cos_PE, sin_PE = (F.pad(part, (0, 0, 0, padding))[mine] for part in blocks.table)
        attentions: Sequence[Attention] = [
            _Exchanging(self, inner, length) for inner in blocks.attentions
        ]
        out_BPD = replace(blocks, x_BLD=x_BPD, table=(cos_PE, sin_PE), attentions=attentions).run()
        pieces = [torch.empty_like(out_BPD) for _ in range(self._size)]
        dist.all_gather(pieces, out_BPD.contiguous(), group=self._group)
        return torch.cat(pieces, dim=1)[:, :length]

    def to_heads(self, x_BNPE: Tensor) -> Tensor:
        """All heads of a piece -> all tokens of some heads (B, N/R, R P, E)."""
        by_heads = x_BNPE.unflatten(1, (self._size, -1)).transpose(0, 1)
        return self._exchanged(by_heads).permute(1, 2, 0, 3, 4).flatten(2, 3)

    def to_tokens(self, x_BHLE: Tensor) -> Tensor:
        """The way back: all tokens of some heads -> all heads of a piece (B, N, P, E)."""
        by_pieces = x_BHLE.unflatten(2, (self._size, -1)).permute(2, 0, 1, 3, 4)
        return self._exchanged(by_pieces).transpose(0, 1).flatten(1, 2)

    def _exchanged(self, parts_RBHPE: Tensor) -> Tensor:
        """Part r goes to device r; what came from device r is part r."""
        sent = parts_RBHPE.contiguous()
        received = torch.empty_like(sent)
        dist.all_to_all_single(received, sent, group=self._group)
        return received


class _Exchanging:
    """One layer's attention over all tokens, from and to pieces of them."""

    def __init__(self, devices: SequenceParallel, inner: Attention, length: int) -> None:
        self._devices, self._inner, self._length = devices, inner, length

    def __call__(self, q_BNPE: Tensor, k_BNPE: Tensor, v_BNPE: Tensor) -> Tensor:
        q, k, v = (self._devices.to_heads(x) for x in (q_BNPE, k_BNPE, v_BNPE))
        padded, length = q.shape[2], self._length
        out = self._inner(q[:, :, :length], k[:, :, :length], v[:, :, :length])
        return self._devices.to_tokens(F.pad(out, (0, 0, 0, padded - length)))


def guided_in_parallel(
    branches: Sequence[Callable[[], Tensor]], guidance_scale: float, group: Group
) -> Tensor:
    """Classifier-free guidance whose two branches are computed on two halves of a group.

    Args:
        branches: with words, and without; each device calls one of them.
    """
    assert len(branches) == 2, "with words, and without"
    assert group.size() % 2 == 0, group.size()
    half = group.size() // 2
    mine = branches[group.rank() // half]().contiguous()
    everyone = [torch.empty_like(mine) for _ in range(group.size())]
    dist.all_gather(everyone, mine, group=group)
    with_words, without = everyone[0], everyone[half]
    return without + guidance_scale * (with_words - without)


def _largest_share(num_heads: int, at_most: int) -> int:
    return max(count for count in range(1, at_most + 1) if num_heads % count == 0)
