"""Attention whose backward pass needs no second forward pass, and no queries, keys or values kept.

Attention is the dearest part of a block at 832x480x81. Its kernels keep what they read (queries, keys,
values), what they give and a sum a row. What they read can be computed again for little; the rest
is kept. This works with any differentiable attention: the tensors that autograd saves are told apart
by their memory.

Legend: B batch, N heads, L tokens, E head width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge, saved_tensors_hooks

from videosketcher_app.models.kept_activations import Keeper, Kept

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


class RememberedAttention:
    """One call of an attention, from its forward to its backward pass.

    Args:
        keeper: of what is neither read again nor computed again.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._memories: dict[int, _Memory] = {}
        self._held: list[Tensor] = []
        self._edges: tuple[Any, ...] = ()
        self._leaves_at: Any = None

    def forward(self, attention: Attention, qkv: Sequence[Tensor]) -> Tensor:
        """(B, N, L, E) three times, each in memory of its own -> (B, N, L, E) without a graph.

        The result is kept as well; `result` gives it back.
        """
        for number, tensor in enumerate(qkv):
            self._memories[_place(tensor)] = _Memory(number)
        with torch.enable_grad(), saved_tensors_hooks(self._pack, _unpack):
            anchor = torch.zeros((), device=qkv[0].device, requires_grad=True)
            entered = _Entrance.apply(anchor, *qkv)
            self._edges = tuple(get_gradient_edge(tensor) for tensor in entered)
            out = attention(*entered)
            self._leaves_at = get_gradient_edge(out)
        del entered
        out = out.detach()
        self._out = self._pack(out)
        self._held.clear()
        return out

    def call_back(self) -> None:
        """Begins to bring what was kept back to the device."""
        for memory in self._memories.values():
            memory.call_back()

    def result(self) -> Tensor:
        """What `forward` gave."""
        return _unpack(self._out)

    def backward(self, qkv: Sequence[Tensor], gradient: Tensor) -> tuple[Tensor, ...]:
        """Gradients of queries, keys and values, which were computed again; everything is freed."""
        for memory in self._memories.values():
            if memory.number is not None:
                memory.again = qkv[memory.number]
        found = torch.autograd.grad(self._leaves_at, self._edges, gradient)
        for memory in self._memories.values():
            memory.drop()
        self._memories.clear()
        self._edges, self._leaves_at = (), None
        return found

    def _pack(self, tensor: Tensor) -> _Saved:
        """By memory: views of one tensor are kept once.

        What is saved is held until the attention is over; its memory would be used again, and two
        different tensors would look like one.
        """
        memory = self._memories.get(_place(tensor))
        if memory is None:
            memory = _Memory(None)
            memory.kept = self._keeper.keep(_whole(tensor))
            self._memories[_place(tensor)] = memory
            self._held.append(tensor)
        return _Saved(memory, tensor)


class _Memory:
    """One piece of memory that autograd wants to see again.

    Attributes:
        number: of queries (0), keys (1) or values (2), which are computed again.
    """

    def __init__(self, number: int | None) -> None:
        self.number = number
        self.again: Tensor | None = None
        self.kept: Kept | None = None

    def whole(self) -> Tensor:
        """All of it, in one dimension."""
        if self.kept is not None:
            return self.kept.here()
        assert self.again is not None, "computed again before the backward pass"
        return _whole(self.again)

    def call_back(self) -> None:
        if self.kept is not None:
            self.kept.call_back()

    def drop(self) -> None:
        self.again = None
        if self.kept is not None:
            self.kept.drop()


class _Saved:
    """A saved tensor as a view of a memory."""

    def __init__(self, memory: _Memory, tensor: Tensor) -> None:
        self.memory = memory
        self.size, self.stride = tensor.size(), tensor.stride()
        self.offset = tensor.storage_offset()


def _unpack(saved: _Saved) -> Tensor:
    return saved.memory.whole().as_strided(saved.size, saved.stride, saved.offset)


class _Entrance(torch.autograd.Function):
    """Makes tensors part of a graph without keeping them: a leaf would hold its values."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        del ctx, anchor
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        del ctx
        return (None, *grad_outputs)


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _whole(tensor: Tensor) -> Tensor:
    """A tensor's whole memory in one dimension."""
    storage = tensor.untyped_storage()
    count = storage.nbytes() // tensor.element_size()
    return torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(storage, 0, (count,), (1,))
