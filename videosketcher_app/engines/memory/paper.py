"""Blank paper: which tokens have settled on it, and which of its keys can stand for many.

Most of a sketch is paper, and it is known early (facts measured on one public recording: 36 % of
the tokens hold ink at the end, their neighbours included).

Legend: B batch, C channels, F latent frames, h/w latent cells, p patch side, L tokens, K kept keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

BLANK = 0.25  # root mean square distance from the paper's latents below which a token is blank
SETTLED = 0.10  # root mean square change of a blank token between two clean estimates
TILE = 4  # tokens on a side of the squares whose blank keys are merged


class PaperWatch:
    """Watches the clean estimates of one clip.

    Args:
        paper_BCFhw: latents of a blank clip of this size.
        patch: side of a token in latent cells.
        patience: steps in a row that a token must be blank and unmoved.
    """

    def __init__(self, paper_BCFhw: Tensor, patch: int, *, patience: int) -> None:
        self._paper_BCFhw, self._patch, self._patience = paper_BCFhw, patch, patience
        self._before_BCFhw: Tensor | None = None
        self._in_a_row_FHW: Tensor | None = None
        self._blank_FHW: Tensor | None = None

    def see(self, clean_BCFhw: Tensor) -> None:
        """Takes in the clean estimate of a step that was computed."""
        blank_FHW = ~spread(~(self._far(clean_BCFhw, self._paper_BCFhw) <= BLANK))
        if self._before_BCFhw is not None:
            still_FHW = blank_FHW & (self._far(clean_BCFhw, self._before_BCFhw) <= SETTLED)
            counted = 0 if self._in_a_row_FHW is None else self._in_a_row_FHW
            self._in_a_row_FHW = (counted + 1) * still_FHW
        self._before_BCFhw, self._blank_FHW = clean_BCFhw, blank_FHW

    @property
    def blank_FHW(self) -> Tensor | None:
        """Tokens that are blank in the last estimate and touch no ink; None before the first."""
        return self._blank_FHW

    @property
    def settled_FHW(self) -> Tensor | None:
        """Blank tokens that have not moved for long enough."""
        return None if self._in_a_row_FHW is None else self._in_a_row_FHW >= self._patience

    def _far(self, a_BCFhw: Tensor, b_BCFhw: Tensor) -> Tensor:
        """Root mean square difference by token, the largest of the batch: (F, H, W)."""
        square_BFhw = (a_BCFhw - b_BCFhw).square().mean(dim=1)
        return F.avg_pool2d(square_BFhw, self._patch).sqrt().amax(dim=0)


def spread(inked_FHW: Tensor) -> Tensor:
    """Ink and the tokens that touch it, in its own latent frame and the neighbouring ones."""
    grown = F.max_pool3d(inked_FHW[None, None].float(), 3, stride=1, padding=1)
    return grown[0, 0] > 0


def cells_of(tokens_FHW: Tensor, patch: int) -> Tensor:
    """A mask of tokens as a mask of latent cells (F, h, w)."""
    return tokens_FHW.repeat_interleave(patch, dim=1).repeat_interleave(patch, dim=2)


@dataclass(frozen=True, kw_only=True, eq=False)
class MergedKeys:
    """Keys that are kept, and how many keys each of them stands for.

    Attributes:
        kept_K: positions among all tokens, rising.
        bias_K: logarithm of the number of keys; it makes the softmax count one key as many.
    """

    kept_K: Tensor
    bias_K: Tensor


def merged_keys(blank_FHW: Tensor, tile: int = TILE) -> MergedKeys:
    """Keeps every key of ink, and one key of every square of paper for all that are blank there."""
    frames, height, width = blank_FHW.shape
    tokens = torch.arange(blank_FHW.numel(), device=blank_FHW.device)
    column, rest = tokens % width, tokens // width
    row, frame = rest % height, rest // height
    wide, high = -(-width // tile), -(-height // tile)
    square_L = (frame * high + row // tile) * wide + column // tile
    blank_L = blank_FHW.flatten()
    count_S = torch.bincount(square_L[blank_L], minlength=frames * high * wide)
    first_S = torch.full_like(count_S, len(tokens)).scatter_reduce(
        0, square_L[blank_L], tokens[blank_L], "amin"
    )
    stands_L = ~blank_L | (first_S[square_L] == tokens)
    counts_L = torch.where(blank_L, count_S[square_L], 1)
    kept_K = stands_L.nonzero()[:, 0]
    return MergedKeys(kept_K=kept_K, bias_K=counts_L[kept_K].float().log())
