"""Still paper: after a block's first step, only the tokens near change are computed.

A sketch changes where the pen is. The first step of a block says where that will be; elsewhere the
block is what the one before ended with, and so are its keys and values, turned to their new
positions. Where nothing changes at all, the block is finished after one pass instead of four. None
of this is exact (docs/guide/acceleration.md): it is the mode `sketch` of causal models.

Legend: B batch, C channels, F latent frames, h/w latent cells, H/W tokens, L tokens of a block, A
active tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

BUCKET_TOKENS = 256  # active tokens are filled up to multiples: compiled code knows few sizes


class Region(Protocol):
    """Chooses the tokens of a block that are computed after its first step."""

    def active(self, clean_BCFhw: Tensor, before_BChw: Tensor, patch: int) -> Tensor | None:
        """Positions (A,) of the tokens to compute, in their order; None for all of them.

        Args:
            clean_BCFhw: the first estimate of the block.
            before_BChw: the latent frame before it.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class StillPaper:
    """Decides which tokens of a block are still computed after its first step.

    Attributes:
        threshold: change of a latent (whose standard deviation is about 1) that counts.
        spread_tokens: by so many tokens the region of change is widened.
        most_active: above this share of the tokens the whole block is computed.
        bucket_tokens: active tokens are filled up to multiples of it.
    """

    threshold: float = 0.5
    spread_tokens: int = 1
    most_active: float = 0.6
    bucket_tokens: int = BUCKET_TOKENS

    def active(self, clean_BCFhw: Tensor, before_BChw: Tensor, patch: int) -> Tensor | None:
        """See `Region`."""
        frames = clean_BCFhw.shape[2]
        moved_Bhw = (clean_BCFhw - before_BChw[:, :, None]).abs().amax(dim=(1, 2))
        moved_HW = F.max_pool2d(moved_Bhw.amax(dim=0)[None, None].float(), patch)
        changes_HW = (moved_HW > self.threshold).float()
        width = 2 * self.spread_tokens + 1
        near_HW = F.max_pool2d(changes_HW, width, stride=1, padding=self.spread_tokens)[0, 0] > 0
        near_L = near_HW.flatten().repeat(frames)
        return self.bucket(near_L)

    def bucket(self, near_L: Tensor) -> Tensor | None:
        """These tokens, and as many others as fill the last bucket; None if they are too many."""
        active_A = near_L.nonzero()[:, 0]
        if not len(active_A):
            return active_A
        size = -(-len(active_A) // self.bucket_tokens) * self.bucket_tokens
        if size > self.most_active * len(near_L):
            return None
        filling = (~near_L).nonzero()[: size - len(active_A), 0]
        return torch.cat([active_A, filling]).sort().values


@dataclass(frozen=True, eq=False)
class ReplayedRegion:
    """A region that is known beforehand, for benchmarks: random weights show no change."""

    active_A: Tensor

    def active(self, clean_BCFhw: Tensor, before_BChw: Tensor, patch: int) -> Tensor | None:
        """See `Region`."""
        del clean_BCFhw, before_BChw, patch
        return self.active_A


def others(active_A: Tensor, num_tokens: int) -> Tensor:
    """Positions (S,) of the tokens that are not active."""
    is_still_L = torch.ones(num_tokens, dtype=torch.bool, device=active_A.device)
    is_still_L[active_A] = False
    return is_still_L.nonzero()[:, 0]


def held(clean_BCFhw: Tensor, before_BChw: Tensor, active_A: Tensor, patch: int) -> Tensor:
    """The estimate where tokens are active, elsewhere the latent frame before the block."""
    _, _, frames, height, width = clean_BCFhw.shape
    rows, columns = height // patch, width // patch
    active_L = torch.zeros(frames * rows * columns, dtype=torch.bool, device=clean_BCFhw.device)
    active_L[active_A] = True
    active_FHW = active_L.view(frames, rows, columns)
    cells_Fhw = active_FHW.repeat_interleave(patch, 1).repeat_interleave(patch, 2)
    return torch.where(cells_Fhw, clean_BCFhw, before_BChw[:, :, None])
