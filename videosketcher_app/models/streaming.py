"""Blocks that visit the device one after another: their weights wait in pinned memory.

While a block computes, the next one's weights are on their way through a second stream, so that the
device holds three blocks instead of forty. Every block's tensors lie in one flat buffer, and one copy
moves them. On a CPU the copies are made on the spot: the same values, without the gain.

Every block stays a module of its own, with its own name and place among the model's modules, and its
parameters point to where it waits. For a visit they are pointed at a slot's copy. So whatever is
attached to a block's modules (LoRAs, attention kernels, hooks) belongs to that block alone, and the
state dict is the model's, always.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sized

import torch
from torch import Tensor, nn

from videosketcher_app.models.pinned_room import Room

ALIGNMENT_BYTES = 256
NUM_SLOTS = 3  # computing, ready, arriving


class StreamedBlocks(nn.Module):
    """Takes the place of a `ModuleList` of equal blocks: iterate over it, once a forward pass.

    A block that was yielded computes on the device until the next one is asked for. Who only wants
    to look at the blocks, or attach something, takes them by index or from `children()`: that moves
    nothing.

    Args:
        blocks: all of one structure, on any device. Each one's weights move into this object's own
            memory before the next one is asked for, so that a model is never held twice.
        device: where they compute.
        num_blocks: how many there are; None asks their own length.
        num_slots: blocks on the device at once.

    Attributes:
        pinning_refused: the system locked too little memory, so that copies are slow.
    """

    def __init__(
        self,
        blocks: Iterable[nn.Module],
        device: torch.device | str,
        *,
        num_blocks: int | None = None,
        num_slots: int = NUM_SLOTS,
    ) -> None:
        super().__init__()
        assert num_slots >= 2, "one block computes while another arrives"
        self._device = torch.device(device)
        is_cuda = self._device.type == "cuda"
        self._waiting: list[_Waiting] = []
        if num_blocks is None:
            assert isinstance(blocks, Sized), "a generator does not say how many"
            num_blocks = len(blocks)
        room: Room | None = None
        for number, block in enumerate(blocks):
            if room is None:
                self._layout = _Layout(block)
                room = Room(self._layout.num_bytes, num_blocks, pinned=is_cuda)
            self._waiting.append(_Waiting(block, self._layout, room.next()))
            self.add_module(str(number), block)
        assert room is not None, "there are blocks"
        self.pinning_refused = room.pinning_refused
        self._num_slots = min(num_slots, len(self._waiting))
        self._slots: list[_Slot] = []
        self._copies = torch.cuda.Stream(self._device) if is_cuda else None
        self._visit: _Visit | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __getitem__(self, index: int) -> nn.Module:
        """A block where it waits."""
        return self._waiting[index].block

    def __iter__(self) -> Iterator[nn.Module]:
        return self.visited(range(len(self)))

    def visited(self, order: Iterable[int]) -> Generator[nn.Module, None, None]:
        """Blocks one after another, while the weights of the next are on their way.

        Args:
            order: rising or falling by one.
        """
        self.onload()
        self._end_visit()  # of a pass that was left in the middle
        turns, ahead = tuple(order), self._num_slots - 1
        for index in turns[:ahead]:
            self._fetch(index)
        for turn, index in enumerate(turns):
            if turn + ahead < len(turns):
                self._fetch(turns[turn + ahead])
            waiting, slot = self._waiting[index], self._slots[index % self._num_slots]
            visit = self._visit = _Visit(waiting, slot)
            try:
                yield waiting.block
            finally:
                visit.end()

    @property
    def num_bytes(self) -> int:
        """Of all blocks, where they wait."""
        return len(self._waiting) * self._layout.num_bytes

    @property
    def device_bytes(self) -> int:
        """Of the slots on the device, from `onload` to `offload`."""
        return self._num_slots * self._layout.num_bytes

    def onload(self) -> None:
        """Takes the slots' memory; the first block of a pass does it too."""
        if self._slots:
            return
        with torch.inference_mode(False):  # or it could not be written outside of it
            self._slots = [_Slot(self._layout, self._device) for _ in range(self._num_slots)]
        if self._copies is not None:  # the slots' memory may still be in use for something else
            self._copies.wait_stream(torch.cuda.current_stream(self._device))

    def offload(self) -> None:
        """Gives the slots' memory back; every block is where it waits."""
        self._end_visit()
        if self._copies is not None:  # nobody may get the memory while a copy is on its way to it
            torch.cuda.current_stream(self._device).wait_stream(self._copies)
        self._slots = []

    def _fetch(self, index: int) -> None:
        self._slots[index % self._num_slots].fetch(self._waiting[index].buffer, self._copies)

    def _end_visit(self) -> None:
        if self._visit is not None:
            self._visit.end()
            self._visit = None


class _Layout:
    """Where every tensor of a block lies in its flat buffer."""

    def __init__(self, block: nn.Module) -> None:
        self.places: dict[str, tuple[int, torch.Size, torch.dtype]] = {}
        self.num_bytes = 0
        for name, tensor in block.state_dict().items():
            self.places[name] = (self.num_bytes, tensor.shape, tensor.dtype)
            size = tensor.numel() * tensor.element_size()
            self.num_bytes += -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES

    def views(self, buffer: Tensor) -> dict[str, Tensor]:
        """The tensors of a block as views of its buffer."""
        views = {}
        for name, (start, shape, dtype) in self.places.items():
            size = shape.numel() * dtype.itemsize
            views[name] = buffer[start : start + size].view(dtype).view(shape)
        return views


class _Waiting:
    """A block whose weights have moved into a buffer of the CPU.

    Attributes:
        tensors: its live parameters and buffers, in the layout's order.
        views: the same in the buffer.
    """

    def __init__(self, block: nn.Module, layout: _Layout, buffer: Tensor) -> None:
        own = block.state_dict(keep_vars=True)
        places = {name: (shape, dtype) for name, (_, shape, dtype) in layout.places.items()}
        found = {name: (tensor.shape, tensor.dtype) for name, tensor in own.items()}
        assert found == places, "blocks of one structure"
        views = layout.views(buffer)
        self.block = block.eval().requires_grad_(False)
        self.buffer = buffer
        self.tensors = list(own.values())
        self.views = [views[name] for name in own]
        for tensor, view in zip(self.tensors, self.views, strict=True):
            view.copy_(tensor.detach())
            tensor.data = view


class _Slot:
    """Room for one block on the device.

    Attributes:
        views: of the block's tensors, in the layout's order.
    """

    def __init__(self, layout: _Layout, device: torch.device) -> None:
        self.buffer = torch.empty(layout.num_bytes, dtype=torch.uint8, device=device)
        self.views = list(layout.views(self.buffer).values())
        is_cuda = device.type == "cuda"
        self._here = torch.cuda.Event() if is_cuda else None
        self._free = torch.cuda.Event() if is_cuda else None

    def fetch(self, waiting: Tensor, copies: torch.cuda.Stream | None) -> None:
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


class _Visit:
    """One block on the device: from when it is made until `end`, which may come late or twice.

    A tensor that does not lie where the block waits was put there by somebody, as a LoRA puts a
    changed norm there: it counts, and not what waits.
    """

    def __init__(self, waiting: _Waiting, slot: _Slot) -> None:
        slot.wait_until_here()
        self._slot: _Slot | None = slot
        self._moved: list[tuple[Tensor, Tensor, Tensor]] = []
        for tensor, parked, here in zip(waiting.tensors, waiting.views, slot.views, strict=True):
            before = tensor.data
            tensor.data = here if _is_same(before, parked) else before.to(here.device)
            self._moved.append((tensor, before, tensor.data))

    def end(self) -> None:
        """Points the block back to where it waits, but for what was changed meanwhile."""
        if self._slot is None:
            return
        for tensor, before, here in self._moved:
            if _is_same(tensor.data, here):
                tensor.data = before
        self._slot.give_free()
        self._slot, self._moved = None, []


def _is_same(a: Tensor, b: Tensor) -> bool:
    return a.data_ptr() == b.data_ptr() and a.dtype == b.dtype
