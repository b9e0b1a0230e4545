"""Frozen blocks with trained low-rank pairs (LoRA): the weights come and go, the pairs stay.

The pairs are float32 parameters of their blocks, on the device: the masters. All blocks compute with
one copy of them in the blocks' own format, which takes a block's values when the block is visited. So
the frozen weights may wait in pinned memory (`StreamedTrainedBlocks`) or stay on the device
(`HeldTrainedBlocks`), and parameters have the injected network's names in both cases.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Protocol

import torch
from torch import Tensor, nn

from videosketcher_app.models.streaming import StreamedBlocks

PAIR_MARKS = (".lora_A.", ".lora_B.")
NUM_SLOTS = 2  # computing, arriving


class TrainedBlocks(Protocol):
    """What a pass needs of the blocks, wherever their weights are."""

    def __len__(self) -> int: ...

    @property
    def copies(self) -> Sequence[nn.Parameter]:
        """What a visited block computes its low-rank products with; gradients arrive here."""
        ...

    def masters_of(self, index: int) -> list[nn.Parameter]:
        """A block's pairs in float32, in the order of `copies`."""
        ...

    def visited(self, order: Iterable[int]) -> Generator[nn.Module, None, None]:
        """Blocks one after another, each with its pairs; valid until the next is asked for."""
        ...


class _WithPairs:
    """What blocks with pairs answer alike, wherever their weights are."""

    _pairs: _Pairs

    @property
    def copies(self) -> Sequence[nn.Parameter]:
        """See `TrainedBlocks`."""
        return self._pairs.copies

    def masters_of(self, index: int) -> list[nn.Parameter]:
        """See `TrainedBlocks`."""
        return self._pairs.masters_of(index)


class HeldTrainedBlocks(_WithPairs, nn.ModuleList):
    """All weights on the device, where they are.

    Args:
        blocks: injected by `adapters.inject`, on their device, of one structure.
    """

    def __init__(self, blocks: Iterable[nn.Module]) -> None:
        pairs = _Pairs()
        super().__init__(list(pairs.taken_from(blocks)))
        self._pairs = pairs
        pairs.give_back()

    def __iter__(self) -> Iterator[nn.Module]:
        return self.visited(range(len(self)))

    def visited(self, order: Iterable[int]) -> Generator[nn.Module, None, None]:
        """See `TrainedBlocks`."""
        for index in order:
            with self._pairs.in_place(index) as block:
                yield block


class StreamedTrainedBlocks(_WithPairs, StreamedBlocks):
    """Weights wait in the computer's memory and visit the device, forwards and backwards.

    Args:
        blocks: injected by `adapters.inject`, on any device, of one structure. A generator never
            has them all at once: each one's weights go before the next one is asked for.
        device: where they compute, and where the pairs live.
        num_blocks: how many there are.
    """

    def __init__(
        self,
        blocks: Iterable[nn.Module],
        device: torch.device | str,
        *,
        num_blocks: int,
        num_slots: int = NUM_SLOTS,
    ) -> None:
        pairs = _Pairs(torch.device(device))
        emptied = pairs.taken_from(blocks)
        super().__init__(emptied, device, num_blocks=num_blocks, num_slots=num_slots)
        self._pairs = pairs
        pairs.give_back()

    def visited(self, order: Iterable[int]) -> Generator[nn.Module, None, None]:
        """See `TrainedBlocks` and `StreamedBlocks`."""
        turns = tuple(order)
        with closing(super().visited(turns)) as visits:
            for index, _ in zip(turns, visits, strict=True):
                with self._pairs.in_place(index) as block:
                    yield block


class _Pairs:
    """Masters of all blocks and one copy for all to compute with.

    Args:
        device: where they live; None is where they are.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device
        self._blocks: list[nn.Module] = []
        self._masters: list[dict[str, nn.Parameter]] = []
        self._copies: dict[str, nn.Parameter] = {}

    @property
    def copies(self) -> Sequence[nn.Parameter]:
        return tuple(self._copies.values())

    def masters_of(self, index: int) -> list[nn.Parameter]:
        return list(self._masters[index].values())

    def taken_from(self, blocks: Iterable[nn.Module]) -> Iterator[nn.Module]:
        """The blocks without their pairs, whose places are left open."""
        for block in blocks:
            pairs = {name: value for name, value in block.named_parameters() if is_pair(name)}
            trained = {name for name, value in block.named_parameters() if value.requires_grad}
            assert trained == pairs.keys(), "pairs alone are trained"
            values = {name: pair.detach().to(self._device) for name, pair in pairs.items()}
            if not self._copies:
                dtype = _arithmetic_of(block)
                self._copies = {n: nn.Parameter(v.to(dtype, copy=True)) for n, v in values.items()}
            self._blocks.append(block)
            self._masters.append({name: nn.Parameter(v.float()) for name, v in values.items()})
            _put(block, dict.fromkeys(pairs))
            yield block

    def give_back(self) -> None:
        """Every block gets its masters, as its parameters."""
        for block, masters in zip(self._blocks, self._masters, strict=True):
            _put(block, masters)

    @contextmanager
    def in_place(self, index: int) -> Iterator[nn.Module]:
        """Inside, a block computes with the copies, which have its values."""
        block, masters = self._blocks[index], self._masters[index]
        with torch.no_grad():
            torch._foreach_copy_(list(self._copies.values()), list(masters.values()))
        _put(block, self._copies)
        try:
            yield block
        finally:
            _put(block, masters)


def is_pair(name: str) -> bool:
    """Whether a name is that of something in a pair."""
    return any(mark in name for mark in PAIR_MARKS)


def _arithmetic_of(block: nn.Module) -> torch.dtype:
    """The format that a block computes in: that of its modulation, which is never stored smaller."""
    modulation = block.modulation
    assert isinstance(modulation, Tensor)
    return modulation.dtype


def _put(block: nn.Module, values: Mapping[str, nn.Parameter | None]) -> None:
    for name, value in values.items():
        parent, _, attribute = name.rpartition(".")
        block.get_submodule(parent)._parameters[attribute] = value
