"""Frozen paper: late passes compute the tokens near ink only, and remember the others' keys.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens, A active tokens, S stored
tokens, N heads, E head width, D width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from videosketcher_app.engines.memory.culling import partly_biased_attention
from videosketcher_app.engines.memory.paper import cells_of, merged_keys
from videosketcher_app.models.wan.forward import Attention, BlockPass, dense_attention


@dataclass(frozen=True, kw_only=True, eq=False)
class Freeze:
    """What a clip leaves alone from some step on; all branches share it.

    Attributes:
        active_A: positions of the tokens that are still computed.
        stored_S: positions of the frozen tokens whose keys are remembered.
        bias_S: logarithm of how many frozen tokens each stands for; None for one each.
        held_Fhw: latent cells whose clean estimate stays as it was.
        clean_BCFhw: that estimate.
    """

    num_tokens: int
    active_A: Tensor
    stored_S: Tensor
    bias_S: Tensor | None
    held_Fhw: Tensor
    clean_BCFhw: Tensor

    @property
    def share(self) -> float:
        """Share of the tokens that is still computed."""
        return len(self.active_A) / self.num_tokens

    def hold(self, x_BCFhw: Tensor, velocity_BCFhw: Tensor, sigma: float) -> Tensor:
        """Sends frozen cells straight to their clean estimate, whatever was computed for them."""
        straight = (x_BCFhw - self.clean_BCFhw) / sigma
        return torch.where(self.held_Fhw, straight, velocity_BCFhw)


def freeze(settled_FHW: Tensor, clean_BCFhw: Tensor, patch: int, *, merges: bool) -> Freeze:
    """Leaves the settled tokens alone.

    Args:
        merges: keys of frozen paper are merged by squares.
    """
    settled_L = settled_FHW.flatten()
    stored_S, bias_S = settled_L.nonzero()[:, 0], None
    if merges:
        keys = merged_keys(settled_FHW)
        is_paper_K = settled_L[keys.kept_K]
        stored_S, bias_S = keys.kept_K[is_paper_K], keys.bias_K[is_paper_K]
    return Freeze(
        num_tokens=len(settled_L),
        active_A=(~settled_L).nonzero()[:, 0],
        stored_S=stored_S,
        bias_S=bias_S,
        held_Fhw=cells_of(settled_FHW, patch),
        clean_BCFhw=clean_BCFhw,
    )


class FrozenPasses:
    """One branch's passes after a freeze: the first is whole and remembers, the others are narrow.

    The memory it takes is two tensors (B, N, S, E) a layer.
    """

    def __init__(self, freeze: Freeze) -> None:
        self._freeze = freeze
        self._stored: list[_StoredKeys] = []

    @property
    def is_ready(self) -> bool:
        """The whole pass is done: passes may be narrow."""
        return bool(self._stored)

    def whole(self, blocks: BlockPass) -> Tensor:
        """Runs the blocks for all tokens and remembers the frozen ones' keys and values."""
        listening = [_Listening(inner, self._freeze.stored_S) for inner in blocks.attentions]
        out_BLD = replace(blocks, attentions=listening).run()
        self._stored = [each.heard(self._freeze.bias_S) for each in listening]
        return out_BLD

    def narrowed(self, blocks: BlockPass) -> BlockPass:
        """The pass for the active tokens alone."""
        return blocks.narrowed(self._freeze.active_A, self._stored)

    def widened(self, out_BAD: Tensor, blocks: BlockPass) -> Tensor:
        """The active tokens put back among the frozen ones, which come out as they went in."""
        return blocks.widened(self._freeze.active_A, out_BAD)


class _Listening:
    """An attention whose keys and values of some tokens are kept."""

    def __init__(self, inner: Attention, stored_S: Tensor) -> None:
        self._inner, self._stored_S = inner, stored_S
        self._keys: tuple[Tensor, Tensor] | None = None

    def __call__(self, q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        self._keys = k_BNLE[:, :, self._stored_S], v_BNLE[:, :, self._stored_S]
        return self._inner(q_BNLE, k_BNLE, v_BNLE)

    def heard(self, bias_S: Tensor | None) -> _StoredKeys:
        assert self._keys is not None, "a whole pass asks every attention"
        return _StoredKeys(*self._keys, bias_S)


class _StoredKeys:
    """Attention of active tokens to each other and to stored keys."""

    def __init__(self, k_BNSE: Tensor, v_BNSE: Tensor, bias_S: Tensor | None) -> None:
        self._k_BNSE, self._v_BNSE, self._bias_S = k_BNSE, v_BNSE, bias_S

    def __call__(self, q_BNAE: Tensor, k_BNAE: Tensor, v_BNAE: Tensor) -> Tensor:
        stored, own = (self._k_BNSE, self._v_BNSE), (k_BNAE, v_BNAE)
        if self._bias_S is not None:
            return partly_biased_attention(q_BNAE, stored, self._bias_S, own)
        k, v = (torch.cat(both, dim=2) for both in zip(stored, own, strict=True))
        return dense_attention(q_BNAE, k, v)
