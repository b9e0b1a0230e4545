"""KVCache: keys and values of past blocks, in preallocated pages that branches share.

A page holds one block of one pool in all layers. A cache is a table from window slots to pages:
the first `sink_blocks` blocks stay for ever, the others take turns in a ring. Pages are counted by
their holders, so a fork copies a table and no key; whoever writes next takes a page of its own.

Keys are stored rotated at their absolute positions. Rotary attention sees differences only, so a
sliding window needs nothing; only the sink moves against it, and is turned anew from its original
(docs/decisions/012-kv-cache-pages.md).

Legend: B batch, N heads, E head width, P tokens of a block, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from videosketcher_app.models.kv_pool import KVPool
from videosketcher_app.models.wan.forward import Attention, dense_attention


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which blocks a block attends to.

    Attributes:
        blocks: blocks attended to: the sink, the latest ones, and the block itself.
        sink_blocks: of these, the first blocks of the drawing, kept for ever.
        history_blocks: blocks that have left the window and are kept for `rewind`.
    """

    blocks: int
    sink_blocks: int = 0
    history_blocks: int = 0

    def __post_init__(self) -> None:
        assert 0 <= self.sink_blocks < self.blocks, (self.sink_blocks, self.blocks)
        assert self.history_blocks >= 0, self.history_blocks

    @property
    def num_pages(self) -> int:
        """Pages that one cache without branches never exceeds."""
        return self.blocks + self.sink_blocks + self.history_blocks

    def slot_of(self, block: int) -> int:
        """The place of a block in the window; a block takes the slot of the one that leaves."""
        ring = self.blocks - self.sink_blocks
        sink = self.sink_blocks
        return block if block < sink else sink + (block - sink) % ring

    def oldest_beside(self, block: int) -> int:
        """The oldest block outside the sink that `block` attends to."""
        return max(self.sink_blocks, block + 1 - (self.blocks - self.sink_blocks))


class LayerCache:
    """One layer's view of a cache: the attention that the transformer's block calls."""

    def __init__(self, cache: KVCache, layer: int) -> None:
        self._cache, self._layer = cache, layer

    @property
    def k(self) -> Tensor:
        """Keys (B, L, N, E) of the blocks in the window, oldest first, turned by their position."""
        return self._cache.pool.gather(self._cache.pool.keys[self._layer], self._cache.by_age())

    @property
    def v(self) -> Tensor:
        """Values (B, L, N, E) of the blocks in the window, oldest first."""
        return self._cache.pool.gather(self._cache.pool.values[self._layer], self._cache.by_age())

    def __call__(self, q_BNPE: Tensor, k_BNPE: Tensor, v_BNPE: Tensor) -> Tensor:
        """Puts the open block's keys and values in place and attends to the whole window."""
        return self._cache.attend(self._layer, q_BNPE, k_BNPE, v_BNPE)


class SomeTokens:
    """One layer's view of a cache for a pass over some of the open block's tokens."""

    def __init__(self, cache: KVCache, layer: int, active_A: Tensor) -> None:
        self._cache, self._layer, self._active_A = cache, layer, active_A

    def __call__(self, q_BNAE: Tensor, k_BNAE: Tensor, v_BNAE: Tensor) -> Tensor:
        """Puts these tokens' keys and values in place and attends to the whole window."""
        return self._cache.attend(self._layer, q_BNAE, k_BNAE, v_BNAE, self._active_A)


class KVCache:
    """The past of one drawing: append, overwrite, rewind, fork.

    `begin` opens a block; every pass until `commit` overwrites that block's keys and values, so
    that the pass over the clean latents, coming last, is what stays.

    Args:
        attention: over (B, N, P, E) queries and (B, N, L, E) keys and values.
    """

    def __init__(
        self, pool: KVPool, window: Window, attention: Attention = dense_attention
    ) -> None:
        self.pool, self.window, self.attention = pool, window, attention
        self.num_blocks = 0
        self._open = False
        self._start = 0  # blocks before it were skipped, the sink excepted
        self._sink_shift = 0  # blocks by which the sink's keys are turned
        self._slots: dict[int, tuple[int, int]] = {}  # slot -> (block, page)
        self._past: dict[int, int] = {}  # block -> page of what left, and of the sink's originals
        self._read_order: list[int] = []

    def __deepcopy__(self, memo: dict) -> KVCache:
        """Itself: memory management copies modules, and a copied past would be a lost one."""
        return self

    @property
    def layers(self) -> Sequence[LayerCache]:
        """The layers' attentions for a pass over the open block.

        Made anew: kept, they and the cache would hold each other, and its pages would stay on a card
        until Python looks for such rings.
        """
        return [LayerCache(self, layer) for layer in range(self.pool.shape.num_layers)]

    @property
    def num_bytes(self) -> int:
        """Bytes of the pages that this cache holds, shared ones included."""
        return (len(self._slots) + len(self._past)) * self.pool.page_bytes

    @property
    def is_open(self) -> bool:
        """True between `begin` and `commit`."""
        return self._open

    @property
    def first_frame(self) -> int:
        """Absolute position of the next (or the open) block's first latent frame."""
        return self.num_blocks * self.pool.shape.block_frames

    def window_blocks(self) -> list[int]:
        """Numbers of the blocks in the window, oldest first."""
        return sorted(block for block, _ in self._slots.values())

    def kept_blocks(self) -> set[int]:
        """Numbers of the blocks in the window and of those kept for `rewind`."""
        return {*self.window_blocks(), *self._past}

    def by_age(self) -> list[int]:
        """Pages of the blocks in the window, oldest first."""
        return [page for _, page in sorted(self._slots.values())]

    def place(self) -> tuple[int, int, tuple[int, ...]]:
        """Where the open block is written and what it attends to, as places in memory.

        The pool by its address, the page that is written, and the pages that are read.
        """
        assert self._open, "begin first"
        page = self._slots[self.window.slot_of(self.num_blocks)][1]
        return id(self.pool), page, tuple(self._read_order)

    def begin(self) -> None:
        """Opens the next block; the oldest one leaves the window if that is full.

        Raises:
            OutOfMemory: branches hold all pages of the pool.
        """
        assert not self._open, "commit or rewind first"
        block = self.num_blocks
        slot = self.window.slot_of(block)
        self._drop_history(before=self._oldest(block) - self.window.history_blocks)
        self._turn_sink(self._oldest(block) - self.window.sink_blocks)
        shared = slot in self._slots and self.pool.is_shared(self._slots[slot][1])
        keep = self.window.history_blocks > 0 and (shared or self._free_up(1))
        self._slots[slot] = (block, self._take(slot, keep=keep))
        self._open = True
        self._settle()

    def attend(
        self,
        layer: int,
        q_BNPE: Tensor,
        k_BNPE: Tensor,
        v_BNPE: Tensor,
        active_A: Tensor | None = None,
    ) -> Tensor:
        """Writes the open block's keys and values, and attends to the window: (B, N, P, E).

        Args:
            active_A: positions in the block of the tokens that are given; None is all of them.
        """
        assert self._open, "begin first"
        page = self._slots[self.window.slot_of(self.num_blocks)][1]
        k_BPNE, v_BPNE = k_BNPE.transpose(1, 2), v_BNPE.transpose(1, 2)
        if active_A is None:
            self.pool.write(layer, page, k_BPNE, v_BPNE)
        else:
            self.pool.write_some(layer, page, active_A, k_BPNE, v_BPNE)
        k_BLNE = self.pool.gather(self.pool.keys[layer], self._read_order)
        v_BLNE = self.pool.gather(self.pool.values[layer], self._read_order)
        return self.attention(q_BNPE, k_BLNE.transpose(1, 2), v_BLNE.transpose(1, 2))

    def some_tokens(self, active_A: Tensor) -> Sequence[SomeTokens]:
        """The layers' attentions for a pass over some of the open block's tokens."""
        return [SomeTokens(self, layer, active_A) for layer in range(self.pool.shape.num_layers)]

    def hold_still(self, still_S: Tensor) -> None:
        """The open block's tokens at these positions are remembered as standing still.

        Their keys and values are those of the last frame before the block, at its later positions.
        """
        assert self._open, "begin first"
        before, page = (
            self._slots[self.window.slot_of(block)]
            for block in (self.num_blocks - 1, self.num_blocks)
        )
        assert before[0] == self.num_blocks - 1, "the block before is not in the window"
        self.pool.copy_still(before[1], page[1], still_S)

    def commit(self) -> None:
        """Closes the open block with what the last pass wrote."""
        assert self._open, "begin first"
        self._open = False
        self.num_blocks += 1

    def can_rewind(self, num_blocks: int) -> bool:
        """Whether everything that block number `num_blocks` attends to is still here."""
        if not self._start <= num_blocks <= self.num_blocks:
            return False
        needed = range(max(self._oldest(num_blocks), self._start), num_blocks)
        return set(needed) <= self.kept_blocks()

    def rewind(self, num_blocks: int) -> None:
        """Back to the first `num_blocks` blocks, as if no later one had been begun.

        Raises:
            OutOfMemory: branches hold all pages, and the sink needs one; the next `begin` tries it
                again.
        """
        assert self.can_rewind(num_blocks), (num_blocks, self.num_blocks, "not kept")
        self._open = False
        self.num_blocks = num_blocks
        for block in [b for b in self._past if b >= num_blocks]:
            self.pool.release(self._past.pop(block))
        latest = max(num_blocks - 1, 0)
        for block in range(self._oldest(latest), num_blocks):
            self._restore(block)
        for slot, (block, page) in list(self._slots.items()):
            if block >= num_blocks:
                self.pool.release(page)
                del self._slots[slot]
        self._turn_sink(self._oldest(latest) - self.window.sink_blocks)
        self._settle()

    def skip_to(self, block: int) -> None:
        """After the sink: the next block is number `block`, and nothing lies between.

        So a window is filled anew (for another prompt) without its whole past.
        """
        assert not self._open
        assert self.num_blocks == self.window.sink_blocks <= block, (self.num_blocks, block)
        self.num_blocks = self._start = block

    def reset(self) -> None:
        """Forgets everything; the pages go back to the pool."""
        for page in [*(page for _, page in self._slots.values()), *self._past.values()]:
            self.pool.release(page)
        self._slots, self._past, self._read_order = {}, {}, []
        self.num_blocks = self._start = self._sink_shift = 0
        self._open = False

    def fork(self) -> KVCache:
        """A branch with the same past; no key is copied, now or for blocks that both keep."""
        assert not self._open, "commit or rewind first"
        branch = KVCache(self.pool, self.window, self.attention)
        branch.num_blocks, branch._start = self.num_blocks, self._start
        branch._sink_shift = self._sink_shift
        branch._slots, branch._past = dict(self._slots), dict(self._past)
        for page in [*self.by_age(), *self._past.values()]:
            self.pool.share(page)
        branch._settle()
        return branch

    def _oldest(self, block: int) -> int:
        return max(self._start, self.window.oldest_beside(block))

    def _settle(self) -> None:
        self._read_order = [self._slots[slot][1] for slot in sorted(self._slots)]

    def _take(self, slot: int, *, keep: bool) -> int:
        """A page for the slot that only this cache holds; `keep` puts aside what was there.

        The slot's own page is used again if nobody shares it, so that the window stays one piece
        of memory and is read without a copy.
        """
        if slot not in self._slots:
            self._free_up(1)
            return self.pool.allocate()
        block, page = self._slots[slot]
        if not self.pool.is_shared(page):
            if keep:
                self._past[block] = self.pool.allocate()
                self.pool.copy(page, self._past[block])
            return page
        self._free_up(1)
        own = self.pool.allocate()
        if keep:
            self._past[block] = page
        else:
            self.pool.release(page)
        return own

    def _restore(self, block: int) -> None:
        """Brings a block that left the window back into its slot, if it was kept."""
        slot = self.window.slot_of(block)
        holder = self._slots.get(slot)
        if block not in self._past or (holder is not None and holder[0] == block):
            return
        kept = self._past.pop(block)
        self._slots[slot] = (block, self._put_back(holder, kept))

    def _put_back(self, holder: tuple[int, int] | None, kept: int) -> int:
        if holder is None:
            return kept
        page = holder[1]
        if self.pool.is_shared(page):
            self.pool.release(page)
            return kept
        self.pool.copy(kept, page)
        self.pool.release(kept)
        return page

    def _turn_sink(self, shift_blocks: int) -> None:
        """Turns the sink's keys so that the sink lies directly before the rest of the window."""
        if shift_blocks == self._sink_shift:
            return
        sink = {
            slot: self._slots[slot][1] for slot in self._slots if slot < self.window.sink_blocks
        }
        if shift_blocks == 0:
            for slot in sink:
                page = self._put_back(self._slots[slot], self._past.pop(slot))
                self._slots[slot] = (slot, page)
        else:
            fresh = [
                s for s, page in sink.items() if s not in self._past or self.pool.is_shared(page)
            ]
            if not self._free_up(len(fresh)):
                raise self.pool.full()
            for slot in sink:
                page = self._take(slot, keep=slot not in self._past)
                self._slots[slot] = (slot, page)
                frames = shift_blocks * self.pool.shape.block_frames
                self.pool.copy_turned(self._past[slot], page, frames)
        self._sink_shift = shift_blocks

    def _history(self) -> list[int]:
        return sorted(block for block in self._past if block >= self.window.sink_blocks)

    def _drop_history(self, before: int) -> None:
        for block in self._history():
            if block < before:
                self.pool.release(self._past.pop(block))

    def _free_up(self, num_pages: int) -> bool:
        """Gives up history, oldest first, until so many pages are free; False if that fails."""
        history = self._history()
        while self.pool.free_pages < num_pages and history:
            self.pool.release(self._past.pop(history.pop(0)))
        return self.pool.free_pages >= num_pages
