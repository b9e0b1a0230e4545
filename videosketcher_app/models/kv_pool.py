"""KVPool: preallocated pages of keys and values, counted by their holders.

Legend: B batch, N heads, E head width, P tokens of a block, L tokens, A and S some of a block's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.models.compiling import can_compile, compiled
from videosketcher_app.models.wan.forward import rotary_table, rotate


@dataclass(frozen=True, kw_only=True)
class CacheShape:
    """What one page holds: a block's keys and values in every layer."""

    num_layers: int
    num_heads: int
    head_width: int
    block_tokens: int
    block_frames: int
    batch: int = 1
    dtype: torch.dtype = torch.float32
    device: str = "cpu"

    @property
    def page_bytes(self) -> int:
        """Bytes of one page."""
        values = self.batch * self.block_tokens * self.num_heads * self.head_width
        return 2 * self.num_layers * values * self.dtype.itemsize


class KVPool:
    """Pages that caches of one model share.

    Args:
        num_pages: allocated at once; the pool never grows.
    """

    def __init__(self, shape: CacheShape, num_pages: int) -> None:
        self.shape, self.num_pages = shape, num_pages
        size = (shape.batch, num_pages * shape.block_tokens, shape.num_heads, shape.head_width)
        # Written by passes with and without gradients, hence ordinary tensors.
        with torch.inference_mode(False):
            self.keys, self.values = (
                [
                    torch.empty(size, dtype=shape.dtype, device=shape.device)
                    for _ in range(shape.num_layers)
                ]
                for _ in range(2)
            )
        self._holders = [0] * num_pages

    @property
    def page_bytes(self) -> int:
        """Bytes of one page."""
        return self.shape.page_bytes

    @property
    def num_bytes(self) -> int:
        """Bytes of the whole pool."""
        return self.num_pages * self.page_bytes

    @property
    def free_pages(self) -> int:
        """Pages that nobody holds."""
        return self._holders.count(0)

    def allocate(self) -> int:
        """The first free page, now held once.

        Raises:
            OutOfMemory: every page is held.
        """
        for page, holders in enumerate(self._holders):
            if holders == 0:
                self._holders[page] = 1
                return page
        raise self.full()

    def full(self) -> OutOfMemory:
        """What to raise when there are not enough pages."""
        return OutOfMemory(
            f"All {self.num_pages} pages of the KV cache are in use "
            f"({self.num_bytes / 1e9:.2f} GB).",
            hint="Close a branch or another session, or give the app more memory.",
        )

    def share(self, page: int) -> None:
        """One more holder."""
        assert self._holders[page] > 0, page
        self._holders[page] += 1

    def release(self, page: int) -> None:
        """One holder less; a page without holders is free."""
        assert self._holders[page] > 0, page
        self._holders[page] -= 1

    def is_shared(self, page: int) -> bool:
        """Whether another cache would see a write to this page."""
        return self._holders[page] > 1

    def write(self, layer: int, page: int, k_BPNE: Tensor, v_BPNE: Tensor) -> None:
        """Overwrites one layer of a page."""
        tokens = self._tokens(page)
        self.keys[layer][:, tokens].copy_(k_BPNE.detach())
        self.values[layer][:, tokens].copy_(v_BPNE.detach())

    def write_some(
        self, layer: int, page: int, active_A: Tensor, k_BANE: Tensor, v_BANE: Tensor
    ) -> None:
        """Overwrites the tokens at these positions of one layer of a page."""
        tokens = self._tokens(page)
        self.keys[layer][:, tokens].index_copy_(1, active_A, k_BANE.detach())
        self.values[layer][:, tokens].index_copy_(1, active_A, v_BANE.detach())

    def copy_still(self, source: int, target: int, still_S: Tensor) -> None:
        """Tokens at these positions of a page become those of the page before, standing still.

        Every frame of the target gets what lies at its place in the source's last frame, the keys
        turned by the frames between.
        """
        frames = self.shape.block_frames
        cos, sin = rotary_table(self.shape.head_width, frames, 1, 1, 1, self.shape.device)
        table = cos[:, None, None], sin[:, None, None]  # over the places and heads of a frame
        last = self._tokens(source)
        last = slice(last.stop - self.shape.block_tokens // frames, last.stop)
        turn = self._turn
        for k_BLNE, v_BLNE in zip(self.keys, self.values, strict=True):
            k_BFPNE = k_BLNE[:, None, last].expand(-1, frames, -1, -1, -1)
            v_BFPNE = v_BLNE[:, None, last].expand(-1, frames, -1, -1, -1)
            still = turn(k_BFPNE, table).flatten(1, 2), v_BFPNE.flatten(1, 2)
            for buffer_BLNE, held_BLNE in zip((k_BLNE, v_BLNE), still, strict=True):
                buffer_BLNE[:, self._tokens(target)].index_copy_(1, still_S, held_BLNE[:, still_S])

    def copy(self, source: int, target: int) -> None:
        """Overwrites a page with another one."""
        old, new = self._tokens(source), self._tokens(target)
        for buffer_BLNE in (*self.keys, *self.values):
            buffer_BLNE[:, new].copy_(buffer_BLNE[:, old])

    def copy_turned(self, source: int, target: int, frames: int) -> None:
        """`copy`, with the keys at positions that are `frames` latent frames later."""
        old, new = self._tokens(source), self._tokens(target)
        table = rotary_table(self.shape.head_width, 1, 1, 1, frames, self.shape.device)
        for k_BLNE, v_BLNE in zip(self.keys, self.values, strict=True):
            k_BLNE[:, new].copy_(self._turn(k_BLNE[:, old], table))
            v_BLNE[:, new].copy_(v_BLNE[:, old])

    def gather(self, buffer_BLNE: Tensor, pages: Sequence[int]) -> Tensor:
        """Tokens (B, L, N, E) of these pages in this order; without a copy if they adjoin."""
        first = pages[0] if pages else 0
        size = self.shape.block_tokens
        if list(pages) == list(range(first, first + len(pages))):
            return buffer_BLNE[:, first * size : (first + len(pages)) * size]
        return torch.cat([buffer_BLNE[:, self._tokens(page)] for page in pages], dim=1)

    @property
    def _turn(self) -> Callable[[Tensor, tuple[Tensor, Tensor]], Tensor]:
        """`rotate`; a long drawing calls it for every layer and block, so it is one kernel on CUDA."""
        compiles = self.keys[0].is_cuda and can_compile("cuda")
        return compiled(rotate, dynamic=False) if compiles else rotate

    def _tokens(self, page: int) -> slice:
        size = self.shape.block_tokens
        return slice(page * size, (page + 1) * size)
