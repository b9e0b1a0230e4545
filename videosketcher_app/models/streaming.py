"""Blocks that visit the device one after another: their weights wait in pinned memory.

While a block computes, the next one's weights are on their way through a second stream, so that the
device holds two or three blocks instead of forty. Every block's tensors lie in one flat buffer, and
one copy moves them. On a CPU the copies are made on the spot: the same values, without the gain.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

ALIGNMENT_BYTES = 256
CHUNK_BYTES = 2 * 2**30  # of pinned memory
NUM_SLOTS = 3  # computing, ready, arriving


class StreamedBlocks(nn.Module):
    """Takes the place of a `ModuleList` of equal blocks: iterate over it, once a forward pass.

    A block that was yielded is valid until the next one is asked for.

    Args:
        blocks: all of one structure, on any device. They are emptied one by one: their weights move
            into this object's own memory, so that a model is never held twice.
        device: where they compute.
        num_slots: blocks on the device at once.
    """

    def __init__(
        self,
        blocks: Iterable[nn.Module],
        device: torch.device | str,
        *,
        num_slots: int = NUM_SLOTS,
    ) -> None:
        super().__init__()
        assert num_slots >= 2, "one block computes while another arrives"
        room: _Room | None = None
        self._device = torch.device(device)
        self._is_cuda = self._device.type == "cuda"
        self._waiting: list[Tensor] = []
        shell: nn.Module | None = None
        for block in blocks:
            if room is None:
                self._layout = _layout(block)
                chunk_bytes = CHUNK_BYTES if self._is_cuda else 0
                room = _Room(self._layout.num_bytes, chunk_bytes, pinned=self._is_cuda)
            self._waiting.append(_packed(block, self._layout, room.next()))
            shell = block
        assert shell is not None, "there are blocks"
        count = min(num_slots, len(self._waiting))
        self._slots = [_Slot(shell, self._layout, self._device) for _ in range(count)]
        self._copies = torch.cuda.Stream(self._device) if self._is_cuda else None
        if self._copies is not None:  # the slots' memory may still be in use for something else
            self._copies.wait_stream(torch.cuda.current_stream(self._device))

    def __len__(self) -> int:
        return len(self._waiting)

    def __getitem__(self, index: int) -> nn.Module:
        """The structure of the blocks (numbers of heads and the like), whatever its weights are."""
        return self._slots[index % len(self._slots)].block

    def __iter__(self) -> Iterator[nn.Module]:
        count, ahead = len(self._waiting), len(self._slots) - 1
        for index in range(min(ahead, count)):
            self._fetch(index)
        for index in range(count):
            if index + ahead < count:
                self._fetch(index + ahead)
            slot = self._slots[index % len(self._slots)]
            slot.wait_until_here()
            yield slot.block
            slot.give_free()

    @property
    def num_bytes(self) -> int:
        """Of all blocks, where they wait."""
        return sum(buffer.numel() for buffer in self._waiting)

    @property
    def device_bytes(self) -> int:
        """Of the slots on the device."""
        return sum(slot.buffer.numel() for slot in self._slots)

    def weights_of(self, index: int) -> dict[str, Tensor]:
        """One block's tensors where they wait; writing into them changes the block."""
        return _views(self._waiting[index], self._layout)

    def _fetch(self, index: int) -> None:
        self._slots[index % len(self._slots)].fetch(self._waiting[index], self._copies)


class _Slot:
    """Room for one block on the device."""

    def __init__(self, template: nn.Module, layout: _Layout, device: torch.device) -> None:
        self.buffer = torch.empty(layout.num_bytes, dtype=torch.uint8, device=device)
        self.block = _shell(template, _views(self.buffer, layout))
        is_cuda = device.type == "cuda"
        self._here = torch.cuda.Event() if is_cuda else None
        self._free = torch.cuda.Event() if is_cuda else None

    def fetch(self, waiting: Tensor, copies: Any) -> None:
        """Starts to copy a block in, as soon as the last one in this slot has been used."""
        if copies is None:
            self.buffer.copy_(waiting)
            return
        assert self._here is not None
        assert self._free is not None
        copies.wait_event(self._free)
        with torch.cuda.stream(copies):
            self.buffer.copy_(waiting, non_blocking=True)
            self._here.record(copies)

    def wait_until_here(self) -> None:
        """Makes the computing stream wait for the weights, not the program."""
        if self._here is not None:
            torch.cuda.current_stream(self.buffer.device).wait_event(self._here)

    def give_free(self) -> None:
        """Lets the next block in, after what has been started so far."""
        if self._free is not None:
            self._free.record(torch.cuda.current_stream(self.buffer.device))


class _Layout:
    """Where every tensor of a block lies in its flat buffer."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[int, torch.Size, torch.dtype]] = {}
        self.num_bytes = 0

    def add(self, name: str, tensor: Tensor) -> None:
        """Gives a tensor the next aligned place."""
        self.places[name] = (self.num_bytes, tensor.shape, tensor.dtype)
        size = tensor.numel() * tensor.element_size()
        self.num_bytes += -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _layout(block: nn.Module) -> _Layout:
    layout = _Layout()
    for name, tensor in block.state_dict().items():
        layout.add(name, tensor)
    return layout


def _views(buffer: Tensor, layout: _Layout) -> dict[str, Tensor]:
    """The tensors of a block as views of its buffer."""
    views = {}
    for name, (start, shape, dtype) in layout.places.items():
        size = shape.numel() * dtype.itemsize
        views[name] = buffer[start : start + size].view(dtype).view(shape)
    return views


class _Room:
    """Memory for blocks where they wait: chunks, each for as many blocks as go in, one at least.

    torch rounds what it pins up to a power of two: a block of 14B by itself (703 MB) would take a
    GiB, and all forty of them 43 GB instead of 28.
    """

    def __init__(self, block_bytes: int, chunk_bytes: int, *, pinned: bool) -> None:
        self._block_bytes, self._pinned = block_bytes, pinned
        self._per_chunk = max(1, chunk_bytes // block_bytes)
        self._free: list[Tensor] = []

    def next(self) -> Tensor:
        """A buffer of a block's bytes."""
        if not self._free:
            num_bytes = self._per_chunk * self._block_bytes
            chunk = torch.empty(num_bytes, dtype=torch.uint8, pin_memory=self._pinned)
            self._free = list(chunk.split(self._block_bytes))
        return self._free.pop(0)


def _packed(block: nn.Module, layout: _Layout, buffer: Tensor) -> Tensor:
    """A block's weights in a buffer of the CPU; the block itself is emptied."""
    weights = block.state_dict()
    places = {name: (shape, dtype) for name, (_, shape, dtype) in layout.places.items()}
    given = {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()}
    assert given == places, "blocks of one structure"
    for name, view in _views(buffer, layout).items():
        view.copy_(weights[name])
    block.to("meta")
    return buffer


def _shell(template: nn.Module, views: dict[str, Tensor]) -> nn.Module:
    """A block of the template's structure whose tensors are the views."""
    shell = copy.deepcopy(template)  # emptied already
    for name, view in views.items():
        parent, _, attribute = name.rpartition(".")
        module = shell.get_submodule(parent)
        if attribute in module._parameters:
            module._parameters[attribute] = nn.Parameter(view, requires_grad=False)
        else:
            module._buffers[attribute] = view
    return shell.eval()
