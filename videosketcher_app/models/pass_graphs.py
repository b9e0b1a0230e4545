"""Passes over a block's tokens as CUDA graphs: recorded once, launched as one piece afterwards.

A pass over a block of 1.3B launches 900 to 2,000 kernels, and a narrow one is done sooner than Python
has launched it. A drawing repeats few passes: which page of the cache is written, which ones are read
and how many tokens are computed comes round with the window's ring; noise level, positions and words
are data. The second pass of a kind is recorded, all later ones are replayed.

Legend: B batch, L tokens, A active tokens, D width, S words.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from typing import ClassVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from videosketcher_app.models.kv_cache import KVCache
from videosketcher_app.models.wan.forward import BlockPass

logger = logging.getLogger(__name__)
MOST_GRAPHS = 48  # of one drawing; the one that was not used for longest is dropped
MOST_PLACES = 4  # for words of other shapes

Contexts = Sequence[Tensor | tuple[Tensor, Tensor]]  # what each layer reads of a prompt
# A pass with its inputs at fixed addresses -> what launches it again, and its result's fixed place.
Recorder = Callable[[BlockPass], tuple[Callable[[], None], Tensor]]


def run_again(blocks: BlockPass) -> tuple[Callable[[], None], Tensor]:
    """The slow twin of a graph: the very pass, from Python."""
    out_BLD = blocks.run()

    def launch() -> None:
        out_BLD.copy_(blocks.run())

    return launch, out_BLD


class PassGraphs:
    """The recorded passes of one drawing and its branches, which are drawn one after the other.

    It keeps alive the cache that they read. What cannot be recorded is launched as before.

    Args:
        most: recordings that are kept.
        record: how; None is as CUDA graphs, and not at all on other devices.
    """

    def __init__(self, most: int = MOST_GRAPHS, record: Recorder | None = None) -> None:
        self._most, self._record = most, record
        self._recorded: OrderedDict[Hashable, _Recording] = OrderedDict()
        self._seen: set[Hashable] = set()
        self._network: nn.Module | None = None  # whose blocks ran last
        self._weights: WeightsInPlace
        self._words = WordsInPlace()
        self._refused = False

    @property
    def num_recorded(self) -> int:
        """Passes that are replayed."""
        return len(self._recorded)

    def run(self, past: KVCache, active_A: Tensor | None, blocks: BlockPass) -> Tensor:
        """`blocks.run()`, or its narrow pass with the rest put back: the same launches, replayed.

        What is returned without `active_A` holds until the next pass.
        """
        if active_A is None:
            return self._one(past, None, blocks)
        narrow = blocks.narrowed(active_A, past.some_tokens(active_A))
        return blocks.widened(active_A, self._one(past, active_A, narrow))

    def _one(self, past: KVCache, active_A: Tensor | None, blocks: BlockPass) -> Tensor:
        record = self._record or (self._graph if blocks.x_BLD.is_cuda else None)
        if record is None or self._refused or torch.is_grad_enabled():
            return blocks.run()
        blocks = replace(blocks, contexts=self._words.placed(blocks.contexts))
        kind = self._kind(past, blocks)
        if kind not in self._recorded:
            if kind not in self._seen:  # what it needs is compiled and chosen by running it once
                self._seen.add(kind)
                return blocks.run()
            try:
                self._recorded[kind] = _Recording(past, active_A, blocks, record)
            except RuntimeError as error:  # a recording computes nothing, so nothing is half done
                reason = next(iter(str(error).splitlines()), type(error).__name__)[:200]
                logger.warning("passes are not recorded here, which is slower: %s", reason)
                self._refused = True
                return blocks.run()
            if len(self._recorded) > self._most:
                self._seen.discard(self._recorded.popitem(last=False)[0])
        self._recorded.move_to_end(kind)
        return self._recorded[kind].replay(active_A, blocks)

    def _kind(self, past: KVCache, blocks: BlockPass) -> Hashable:
        """What is fixed in a recording: places in memory, sizes, and the code that runs.

        Objects are told by their addresses; a recording keeps its own alive.
        """
        if blocks.blocks is not self._network:
            assert isinstance(blocks.blocks, nn.Module)
            self._network, self._weights = blocks.blocks, WeightsInPlace(blocks.blocks)
        return (
            past.place(),
            blocks.x_BLD.shape,
            blocks.x_BLD.dtype,
            blocks.modulation_BF6D.shape,
            id(blocks.contexts),
            id(blocks.run_block),
            self._weights.now(),
        )

    @staticmethod
    def _graph(blocks: BlockPass) -> tuple[Callable[[], None], Tensor]:
        graph = _Graph(blocks.x_BLD.device)
        return graph.replay, graph.capture(blocks)


class SharedPool:
    """Memory of all recordings of a card: it runs them one after the other.

    torch forbids a pool that every graph has left, so a pool lives as long as its graphs, and the
    next drawing begins another one.
    """

    _living: ClassVar[WeakValueDictionary[int | None, SharedPool]] = WeakValueDictionary()

    def __init__(self) -> None:
        self.handle = torch.cuda.graph_pool_handle()

    @classmethod
    def of(cls, device: torch.device) -> SharedPool:
        """The pool that some graph of this card holds, or a new one."""
        pool = cls._living.get(device.index)
        if pool is None:
            pool = cls._living[device.index] = cls()
        return pool


class _Graph:
    """A CUDA graph that holds its pool."""

    def __init__(self, device: torch.device) -> None:
        self._pool, self._graph = SharedPool.of(device), torch.cuda.CUDAGraph()

    def capture(self, blocks: BlockPass) -> Tensor:
        # Other threads may ask the card for memory meanwhile.
        with torch.cuda.graph(
            self._graph, pool=self._pool.handle, capture_error_mode="thread_local"
        ):
            return blocks.run()

    def replay(self) -> None:
        self._graph.replay()


class _Recording:
    """One pass with its inputs at fixed addresses; it keeps alive whatever it reads."""

    def __init__(
        self, past: KVCache, active_A: Tensor | None, blocks: BlockPass, record: Recorder
    ) -> None:
        self._active_A = None if active_A is None else _copied(active_A)
        cos_LE, sin_LE = blocks.table
        self._pass = replace(
            blocks,
            x_BLD=_copied(blocks.x_BLD),
            modulation_BF6D=_copied(blocks.modulation_BF6D),
            table=(_copied(cos_LE), _copied(sin_LE)),
            attentions=past.layers if self._active_A is None else past.some_tokens(self._active_A),
        )
        self._launch, self._out_BLD = record(self._pass)

    def replay(self, active_A: Tensor | None, blocks: BlockPass) -> Tensor:
        self._pass.x_BLD.copy_(blocks.x_BLD)
        self._pass.modulation_BF6D.copy_(blocks.modulation_BF6D)
        for own, given in zip(self._pass.table, blocks.table, strict=True):
            own.copy_(given)
        if self._active_A is not None and active_A is not None:
            self._active_A.copy_(active_A)
        self._launch()
        return self._out_BLD


class WordsInPlace:
    """What the layers read of a prompt, at the same addresses for all prompts of its length."""

    def __init__(self) -> None:
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()

    def placed(self, contexts: Contexts) -> Contexts:
        """The same values in their place; copied if another prompt's lie there."""
        shapes = tuple((each.shape, each.dtype) for each in _tensors(contexts))
        if shapes not in self._places:
            self._places[shapes] = _Place(contexts)
            if len(self._places) > MOST_PLACES:
                self._places.popitem(last=False)
        self._places.move_to_end(shapes)
        return self._places[shapes].filled(contexts)


class _Place:
    def __init__(self, contexts: Contexts) -> None:
        self._given = contexts
        self._own: Contexts = [
            _copied(each) if isinstance(each, Tensor) else (_copied(each[0]), _copied(each[1]))
            for each in contexts
        ]

    def filled(self, contexts: Contexts) -> Contexts:
        if contexts is not self._given:
            for own, given in zip(_tensors(self._own), _tensors(contexts), strict=True):
                own.copy_(given)
            self._given = contexts
        return self._own


def _copied(x: Tensor) -> Tensor:
    """One that may be written to in any mode: what inference mode made may be only there."""
    with torch.inference_mode(False), torch.no_grad():
        return x.clone()


def _tensors(contexts: Contexts) -> Iterator[Tensor]:
    for each in contexts:
        if isinstance(each, Tensor):
            yield each
        else:
            yield from each


class WeightsInPlace:
    """Tells by a number whether a network's layers, weights and hooks are where they were.

    Asked before every pass, so the network is walked through once and then looked at in its dicts.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._walk()

    def now(self) -> int:
        """Another number when a layer, a weight's address, or a hook (a LoRA) is another one."""
        if self._layers() != self._known:
            self._walk()
        hooks = tuple(id(each) for found in self._hooks if found for each in found.values())
        weights = (each for held in self._tensors for each in held.values() if each is not None)
        return hash((self._known, hooks, tuple([each.data_ptr() for each in weights])))

    def _walk(self) -> None:
        modules = list(self._network.modules())
        self._children = [each._modules for each in modules if each._modules]
        self._hooks = [each._forward_hooks for each in modules]
        dicts = (found for each in modules for found in (each._parameters, each._buffers))
        self._tensors = [found for found in dicts if found]
        self._known = self._layers()

    def _layers(self) -> tuple[int, ...]:
        return tuple([id(each) for found in self._children for each in found.values()])
