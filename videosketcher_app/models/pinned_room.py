"""Memory of the computer that a graphics card reads by itself while it computes: pinned memory."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from videosketcher_app.models.machine import is_device_lost

logger = logging.getLogger(__name__)
CHUNK_BYTES = 4 * 2**30  # at most, of one allocation


class Room:
    """Memory for blocks where they wait.

    torch rounds what it pins up to a power of two: a block of 14B by itself (703 MB) would take a
    GiB, and all forty of them 43 GB instead of 28. So pinned memory comes in chunks of as many
    blocks as fill a power of two best. A system that pins no more (a limit on locked memory, a
    container) gives ordinary memory: the copies are then slower, and do not overlap.

    Attributes:
        pinning_refused: at least the latest buffers are ordinary memory, although asked for pinned.
    """

    def __init__(self, block_bytes: int, num_blocks: int, *, pinned: bool) -> None:
        self._block_bytes, self._pinned, self.pinning_refused = block_bytes, pinned, False
        self._num_left, self._free = num_blocks, list[Tensor]()
        most = max(1, min(num_blocks, CHUNK_BYTES // block_bytes)) if pinned else 1
        self.chunk_blocks = max(range(1, most + 1), key=lambda n: _filled_share(n * block_bytes))

    def next(self) -> Tensor:
        """A buffer of a block's bytes."""
        if not self._free:
            self._free = list(self._chunk().split(self._block_bytes))
            self._num_left -= len(self._free)
        return self._free.pop(0)

    def _chunk(self) -> Tensor:
        num_bytes = min(self.chunk_blocks, self._num_left) * self._block_bytes
        if self._pinned and not self.pinning_refused:
            try:
                return torch.empty(num_bytes, dtype=torch.uint8, pin_memory=True)
            except RuntimeError as error:
                if is_device_lost(error):
                    raise
                reason = str(error).splitlines()[0][:160]
                logger.warning(
                    "The system does not lock more memory for the graphics card (%s). Weights "
                    "stream from ordinary memory, which is slower.",
                    reason,
                )
                self.pinning_refused = True
        return torch.empty(num_bytes, dtype=torch.uint8)


def _filled_share(num_bytes: int) -> float:
    """Of the power of two that torch pins for so many bytes."""
    return num_bytes / 2 ** (num_bytes - 1).bit_length()
