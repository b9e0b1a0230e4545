"""What a forward pass keeps for the backward pass: on the device, or in pinned memory meanwhile.

Copies run on a second stream. A tensor that goes is held until its copy is done; one that comes back
is asked for (`call_back`) one block before it is needed.
"""

from __future__ import annotations

import logging
from math import prod
from typing import Any

import torch
from torch import Tensor

from videosketcher_app.models.machine import is_device_lost

logger = logging.getLogger(__name__)
CHUNK_BYTES = 2 * 2**30  # of pinned memory; torch rounds what it pins up to a power of two
MOST_IN_A_CHUNK = 8
SMALL_BYTES = 2**20  # what is not larger stays on the device


class Keeper:
    """Keeps tensors of one device.

    Args:
        on_host: large ones wait in the computer's memory; else everything stays where it is.
        small_bytes: what is not larger stays in any case.
    """

    def __init__(
        self, device: torch.device, *, on_host: bool, small_bytes: int = SMALL_BYTES
    ) -> None:
        self._device, self._on_host, self._small_bytes = device, on_host, small_bytes
        self._is_cuda = device.type == "cuda"
        self._stream = torch.cuda.Stream(device) if self._is_cuda and on_host else None
        self._pool = _Pool(pinned=self._is_cuda)
        self._leaving: list[tuple[Tensor, Any]] = []

    @property
    def host_bytes(self) -> int:
        """Pinned so far; it is used again by every step."""
        return self._pool.num_bytes

    def keep(self, tensor: Tensor) -> Kept:
        """Takes a dense tensor, which nobody may change any more."""
        if not self._on_host or _bytes_of(tensor) <= self._small_bytes:
            return Kept(tensor, None, self)
        waiting = self._pool.take(tensor)
        self._copy(waiting, tensor)
        return Kept(None, waiting, self)

    def let_go(self) -> None:
        """Frees what has gone; called once a block, so that two blocks' tensors are held at most."""
        for _, gone in self._leaving:
            torch.cuda.current_stream(self._device).wait_event(gone)
        self._leaving.clear()

    def back(self, waiting: Tensor) -> tuple[Tensor, Any]:
        """Begins the copy of a waiting tensor to the device; the event says when it is there."""
        here = torch.empty_like(waiting, device=self._device)
        if self._stream is None:
            return here.copy_(waiting), None
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            here.copy_(waiting, non_blocking=True)
            return here, self._stream.record_event()

    def free(self, waiting: Tensor) -> None:
        """The room may be used again."""
        self._pool.give(waiting)

    def _copy(self, waiting: Tensor, tensor: Tensor) -> None:
        if self._stream is None:
            waiting.copy_(tensor)
            return
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            waiting.copy_(tensor, non_blocking=True)
            self._leaving.append((tensor, self._stream.record_event()))


class Kept:
    """One tensor that was kept; it can be taken back once."""

    def __init__(self, here: Tensor | None, waiting: Tensor | None, keeper: Keeper) -> None:
        self._here, self._waiting, self._keeper = here, waiting, keeper
        self._arrives: Any = None

    def call_back(self) -> None:
        """Begins to bring it to the device."""
        if self._here is None and self._waiting is not None:
            self._here, self._arrives = self._keeper.back(self._waiting)

    def here(self) -> Tensor:
        """The tensor on the device."""
        self.call_back()
        assert self._here is not None, "dropped already"
        if self._arrives is not None:
            torch.cuda.current_stream(self._here.device).wait_event(self._arrives)
            self._arrives = None
        return self._here

    def drop(self) -> None:
        """Gives all memory free."""
        if self._waiting is not None:
            self._keeper.free(self._waiting)
        self._here = self._waiting = None


class _Pool:
    """Buffers of the computer's memory that are used again and again, by shape and format."""

    def __init__(self, *, pinned: bool) -> None:
        self._pinned = pinned
        self._free: dict[tuple[int, torch.dtype], list[Tensor]] = {}
        self.num_bytes = 0

    def take(self, like: Tensor) -> Tensor:
        """A buffer with the shape of a tensor; strides are the contiguous ones."""
        key = (like.numel(), like.dtype)
        free = self._free.setdefault(key, [])
        if not free:
            free.extend(self._more(like))
        return free.pop().view(like.shape)

    def give(self, buffer: Tensor) -> None:
        self._free[(buffer.numel(), buffer.dtype)].append(buffer.view(-1))

    def _more(self, like: Tensor) -> list[Tensor]:
        together = min(MOST_IN_A_CHUNK, max(1, CHUNK_BYTES // _bytes_of(like)))
        count = together if self._pinned else 1
        chunk = self._empty(count * like.numel(), like.dtype)
        self.num_bytes += _bytes_of(chunk)
        return list(chunk.split(like.numel()))

    def _empty(self, count: int, dtype: torch.dtype) -> Tensor:
        """A system that locks no more memory gives ordinary memory: slower, but it goes on."""
        if self._pinned:
            try:
                return torch.empty(count, dtype=dtype, pin_memory=True)
            except RuntimeError as error:
                if is_device_lost(error):
                    raise
                logger.warning("no more memory could be locked: %s", str(error).splitlines()[0])
                self._pinned = False
        return torch.empty(count, dtype=dtype)


def _bytes_of(tensor: Tensor) -> int:
    return prod(tensor.shape) * tensor.element_size()
