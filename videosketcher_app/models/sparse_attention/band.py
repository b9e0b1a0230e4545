"""Which keys a query sees: a diagonal band, a sink, and the words.

A mask is seven numbers, not a matrix: at 720p the matrix would have 5.7 billion entries. Some keys
are near nobody and still seen by everybody (the sink, which is the first frame, and the words); the
rest is one interval, in which a query sees the keys at most `half_width` tokens away. Words see
everything. One mask serves both kinds of head, since only the order of the tokens differs.

Legend: L tokens, Q/K blocks of queries and of keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

BLOCK_TOKENS = 128
# (first query, last query, first key, end of keys) of a block -> (some pair is seen, all are).
_SeenBy = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class BandMask:
    """Who sees whom, by place in the sequence.

    Attributes:
        num_tokens: of the sequence.
        half_width: a query sees keys at most this far away.
        band_start, band_end: keys outside of this interval are seen by every query.
        query_start, query_end: queries outside of this interval see every key.
        real_end: tokens from here on are padding, which sees padding only and is not seen.
    """

    num_tokens: int
    half_width: int
    band_start: int
    band_end: int
    query_start: int
    query_end: int
    real_end: int

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        """True where a query sees a key; places as tensors that broadcast."""
        seen = (query - key).abs() <= self.half_width
        if self.band_start > 0:
            seen = seen | (key < self.band_start)
        if self.band_end < self.num_tokens:
            seen = seen | (key >= self.band_end)
        if self.query_start > 0:
            seen = seen | (query < self.query_start)
        if self.query_end < self.num_tokens:
            seen = seen | (query >= self.query_end)
        if self.real_end < self.num_tokens:
            both_real = (query < self.real_end) & (key < self.real_end)
            both_padding = (query >= self.real_end) & (key >= self.real_end)
            seen = (both_real & seen) | both_padding
        return seen

    def dense(self, device: torch.device | str = "cpu") -> Tensor:
        """(L, L) bool; for short sequences only."""
        place_L = torch.arange(self.num_tokens, device=device)
        return self.sees(place_L[:, None], place_L[None, :])

    @property
    def keeps_everything(self) -> bool:
        """True if every query sees every key."""
        return self.num_seen == self.num_tokens**2

    @property
    def num_seen(self) -> int:
        """Pairs of query and key that are computed."""
        query = torch.arange(self.query_start, self.query_end)
        low = (query - self.half_width).clamp(min=self.band_start)
        high = (query + self.half_width + 1).clamp(max=self.band_end)
        in_band = int((high - low).clamp(min=0).sum())
        always = self.real_end - (self.band_end - self.band_start)
        num_words = self.real_end - len(query)
        num_padding = self.num_tokens - self.real_end
        return in_band + len(query) * always + num_words * self.real_end + num_padding**2

    @property
    def density(self) -> float:
        """Share of all pairs that are computed."""
        return self.num_seen / self.num_tokens**2

    def blocks(self, block_tokens: int = BLOCK_TOKENS) -> tuple[Tensor, Tensor]:
        """Blocks of which a part is seen, and those that are seen whole: two (Q, K) bool tensors.

        Computed from the numbers in time Q x K, without the L x L mask. A block that reaches over
        the sequence's end counts as seen in part.
        """
        start = torch.arange(0, self.num_tokens, block_tokens)
        row, key = start[:, None], start[None, :]
        key_end = (key + block_tokens).clamp(max=self.num_tokens)
        some = torch.zeros(len(start), len(start), dtype=torch.bool)
        every = (row + block_tokens <= self.num_tokens) & (key + block_tokens <= self.num_tokens)
        for first, end, seen_by in self._query_groups():
            low, high = row.clamp(min=first), (row + block_tokens).clamp(max=end)
            here = low < high  # the group has queries low .. high - 1 in this row of blocks
            some_here, every_here = seen_by(low, high - 1, key, key_end)
            some |= here & some_here
            every &= ~here | every_here
        return some & ~every, some & every

    def block_mask(self, device: torch.device | str) -> BlockMask:
        """FlexAttention's form of this mask."""
        from torch.nn.attention.flex_attention import BlockMask

        part, full = (_ordered(blocks, device) for blocks in self.blocks())
        return BlockMask.from_kv_blocks(
            *part,
            *full,
            BLOCK_SIZE=BLOCK_TOKENS,
            mask_mod=lambda _batch, _head, query, key: self.sees(query, key),
            seq_lengths=(self.num_tokens, self.num_tokens),
        )

    def _query_groups(self) -> tuple[tuple[int, int, _SeenBy], ...]:
        """Video, words and padding: their places, and what their queries see of blocks of keys."""
        return (
            (self.query_start, self.query_end, self._seen_by_video),
            (0, self.query_start, self._seen_by_words),
            (self.query_end, self.real_end, self._seen_by_words),
            (self.real_end, self.num_tokens, self._seen_by_padding),
        )

    def _seen_by_video(
        self, first: Tensor, last: Tensor, key: Tensor, key_end: Tensor
    ) -> tuple[Tensor, Tensor]:
        low, high = key.clamp(min=self.band_start), key_end.clamp(max=self.band_end)
        in_band = low < high  # the block has keys low .. high - 1 that are seen by distance only
        near = (low <= last + self.half_width) & (high - 1 >= first - self.half_width)
        all_near = (low >= last - self.half_width) & (high - 1 <= first + self.half_width)
        after = key.clamp(min=self.band_end) < key_end.clamp(max=self.real_end)
        some = (key < self.band_start) | after | (in_band & near)
        return some, (key_end <= self.real_end) & (~in_band | all_near)

    def _seen_by_words(
        self, _first: Tensor, _last: Tensor, key: Tensor, key_end: Tensor
    ) -> tuple[Tensor, Tensor]:
        return key < self.real_end, key_end <= self.real_end

    def _seen_by_padding(
        self, _first: Tensor, _last: Tensor, key: Tensor, key_end: Tensor
    ) -> tuple[Tensor, Tensor]:
        return key_end > self.real_end, key >= self.real_end


def _ordered(blocks_QK: Tensor, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """How many blocks each row has, and their numbers first: (1, 1, Q) and (1, 1, Q, K), int32."""
    number = blocks_QK.sum(-1)
    order = blocks_QK.to(torch.int8).argsort(dim=-1, descending=True, stable=True)
    return tuple(x.to(device, torch.int32)[None, None].contiguous() for x in (number, order))  # type: ignore[return-value]
