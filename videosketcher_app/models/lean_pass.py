"""The pass through frozen blocks with trained pairs, in little memory and in little more time.

The forward pass keeps of every block its input and what its attention gave. The backward pass visits
the blocks in reverse; it computes a block's two halves again, piece by piece over the tokens, and
its attention not at all (`remembered_attention`). What is kept may wait in pinned memory, and the
weights too (`trained_blocks`): then the device holds two blocks and the tensors of one.

Recomputing activations: Chen et al. 2016, arXiv 1604.06174. What a block draws at random (dropout) it
draws again alike.

Legend: B batch, F latent frames, L tokens, D width, N heads, E head width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from videosketcher_app.models.compiling import compiled
from videosketcher_app.models.kept_activations import Keeper, Kept
from videosketcher_app.models.remembered_attention import RememberedAttention
from videosketcher_app.models.trained_blocks import TrainedBlocks
from videosketcher_app.models.wan.forward import BlockPass, after_attention, before_attention


@dataclass(frozen=True)
class Halves:
    """A block before and after its attention, compiled or not."""

    before: Callable[..., tuple[Tensor, Tensor, Tensor]] = before_attention
    after: Callable[..., Tensor] = after_attention


@cache
def compiled_halves() -> Halves:
    """Compiled for every number of tokens; the first pass of each kind takes a minute."""
    return Halves(
        compiled(before_attention, dynamic=False), compiled(after_attention, dynamic=False)
    )


class LeanPass:
    """A `through` of `predict_velocity`; without gradients it passes as always.

    Args:
        blocks: the transformer's own, prepared for training.
        keeps_reads: what attention reads is kept as well, instead of computed again for it.
        frames_at_a_time: latent frames of a piece of the tokens; 0 takes all at once.
        before_block: called before every visit of a block; may wait.
    """

    def __init__(
        self,
        blocks: TrainedBlocks,
        keeper: Keeper,
        *,
        halves: Halves = Halves(),
        keeps_reads: bool = False,
        frames_at_a_time: int = 0,
        before_block: Callable[[], None] = lambda: None,
    ) -> None:
        self.blocks, self.keeper, self.halves = blocks, keeper, halves
        self.keeps_reads = keeps_reads
        self.frames_at_a_time, self.before_block = frames_at_a_time, before_block

    def __call__(self, given: BlockPass) -> Tensor:
        """The tokens (B, L, D) after the last block.

        Only the tokens and the pairs may need gradients: what the blocks are given besides comes
        from frozen networks.
        """
        if not torch.is_grad_enabled():
            return given.run()
        assert given.blocks is self.blocks, "the blocks that were prepared"
        masters = [m for index in range(len(self.blocks)) for m in self.blocks.masters_of(index)]
        return _Stack.apply(self, given, given.x_BLD, *masters)


class _Stack(torch.autograd.Function):
    """All blocks as one operation of the tokens and the pairs."""

    @staticmethod
    def forward(
        ctx: Any, lean: LeanPass, given: BlockPass, x_BLD: Tensor, *masters: Tensor
    ) -> Tensor:
        del masters  # their values are in the blocks
        # Held until the backward pass, so without the tokens: the keeper has them.
        passing = _Passing(lean, replace(given, x_BLD=x_BLD.new_empty(0)))
        ctx.passing, ctx.dtype = passing, x_BLD.dtype
        with _plain(x_BLD.device):
            return passing.forward(x_BLD)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = grad_outputs
        with _plain(gradient.device):
            to_x, to_masters = ctx.passing.backward(gradient)
        ctx.passing = None
        return (None, None, to_x.to(ctx.dtype), *to_masters)


@dataclass(eq=False)
class _Step:
    """What one block left for the backward pass.

    Attributes:
        reads: queries, keys and values, if they are kept.
        random: states of the generators before each half.
    """

    x: Kept
    attention: RememberedAttention
    reads: list[Kept]
    random: tuple[_Random, _Random]

    def call_back(self) -> None:
        for kept in (self.x, self.attention, *self.reads):
            kept.call_back()


class _Passing:
    """One pass, forwards and once backwards."""

    def __init__(self, lean: LeanPass, given: BlockPass) -> None:
        self.lean, self.given = lean, given
        self.dtype = lean.blocks.copies[0].dtype
        self.contexts = [_in_format(context, self.dtype) for context in given.contexts]
        self.pieces = list(_pieces(given.grid, lean.frames_at_a_time))
        self.steps: list[_Step] = []

    def forward(self, x_BLD: Tensor) -> Tensor:
        lean, x_BLD = self.lean, x_BLD.to(self.dtype).contiguous()
        for index, block in enumerate(lean.blocks.visited(range(len(lean.blocks)))):
            lean.before_block()
            x_BLD = self._forward_one(index, block, x_BLD)
        lean.keeper.let_go()
        return x_BLD

    def _forward_one(self, index: int, block: nn.Module, x_BLD: Tensor) -> Tensor:
        keeper = self.lean.keeper
        at_first, qkv = _Random.of(x_BLD.device), self._read(block, x_BLD)
        keeper.let_go()  # of the block before: its copies have had the time of this half
        attention = RememberedAttention(keeper)
        attended_BNLE = attention.forward(self.given.attentions[index], qkv)
        reads = [keeper.keep(each) for each in qkv] if self.lean.keeps_reads else []
        del qkv
        then, out_BLD = _Random.of(x_BLD.device), torch.empty_like(x_BLD)
        for piece in self.pieces:
            at = piece.tokens
            out_BLD[:, at] = self._after(index, block, piece, x_BLD[:, at], attended_BNLE[:, :, at])
        self.steps.append(_Step(keeper.keep(x_BLD), attention, reads, (at_first, then)))
        return out_BLD

    def backward(self, gradient_BLD: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Gradients of the tokens that came in, and of all pairs."""
        lean, found, coming = self.lean, [], [gradient_BLD.to(self.dtype)]
        del gradient_BLD
        order = range(len(lean.blocks) - 1, -1, -1)
        for index, block in zip(order, lean.blocks.visited(order), strict=True):
            lean.before_block()
            step = self.steps.pop()
            if self.steps:
                self.steps[-1].call_back()
            sums = _Sums(lean.blocks.copies)
            coming.append(self._backward_one(index, block, step, coming, sums))
            found.append(sums.values)
        return coming.pop(), [value for values in reversed(found) for value in values]

    def _backward_one(
        self, index: int, block: nn.Module, step: _Step, coming: list[Tensor], sums: _Sums
    ) -> Tensor:
        """From the gradient of a block's output, taken out of its list, to that of its input."""
        x_BLD = step.x.here()
        with step.random[1].again(x_BLD.device):
            to_x_BLD, to_attended_BNLE = self._after_backward(
                index, block, x_BLD, step.attention.result(), coming.pop(), sums
            )
        qkv = [kept.here() for kept in step.reads]
        if not qkv:
            with step.random[0].again(x_BLD.device):
                qkv = self._read(block, x_BLD)
        to_qkv = step.attention.backward(qkv, to_attended_BNLE)
        del qkv, to_attended_BNLE
        with step.random[0].again(x_BLD.device):
            self._before_backward(block, x_BLD, to_qkv, to_x_BLD, sums)
        for kept in (step.x, *step.reads):
            kept.drop()
        return to_x_BLD

    def _after_backward(
        self,
        index: int,
        block: nn.Module,
        x_BLD: Tensor,
        attended_BNLE: Tensor,
        gradient_BLD: Tensor,
        sums: _Sums,
    ) -> tuple[Tensor, Tensor]:
        """Gradients of the second half's tokens and of the attention's result."""
        to_x_BLD, to_attended_BNLE = torch.empty_like(x_BLD), torch.empty_like(attended_BNLE)
        for piece in self.pieces:
            x, attended = _leaf(x_BLD[:, piece.tokens]), _leaf(attended_BNLE[:, :, piece.tokens])
            with torch.enable_grad():
                out = self._after(index, block, piece, x, attended)
            to_x, to_attended = sums.add(out, (x, attended), gradient_BLD[:, piece.tokens])
            to_x_BLD[:, piece.tokens] = to_x
            to_attended_BNLE[:, :, piece.tokens] = to_attended
        return to_x_BLD, to_attended_BNLE

    def _before_backward(
        self,
        block: nn.Module,
        x_BLD: Tensor,
        to_qkv: Sequence[Tensor],
        to_x_BLD: Tensor,
        sums: _Sums,
    ) -> None:
        """Adds the first half's share to the gradient of its tokens."""
        for piece in self.pieces:
            x = _leaf(x_BLD[:, piece.tokens])
            with torch.enable_grad():
                read = self._before(block, piece, x)
            (to_x,) = sums.add(read, (x,), [each[:, :, piece.tokens] for each in to_qkv])
            to_x_BLD[:, piece.tokens] += to_x

    def _read(self, block: nn.Module, x_BLD: Tensor) -> list[Tensor]:
        """Queries, keys and values of all tokens, each (B, N, L, E) in memory of its own."""
        whole: list[Tensor] = []
        for piece in self.pieces:
            read = self._before(block, piece, x_BLD[:, piece.tokens])
            if not whole:
                B, N, _, E = read[0].shape
                whole = [read[0].new_empty(B, N, x_BLD.shape[1], E) for _ in read]
            for into, part in zip(whole, read, strict=True):
                into[:, :, piece.tokens] = part
        return whole

    def _before(
        self, block: nn.Module, piece: _Piece, x_BLD: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        cos, sin = (part[piece.tokens] for part in self.given.table)
        return self.lean.halves.before(block, x_BLD, self._modulation(piece), cos, sin)

    def _after(
        self, index: int, block: nn.Module, piece: _Piece, x_BLD: Tensor, attended_BNLE: Tensor
    ) -> Tensor:
        """The second half of a piece."""
        context, modulation = self.contexts[index], self._modulation(piece)
        return self.lean.halves.after(block, x_BLD, attended_BNLE, context, modulation)

    def _modulation(self, piece: _Piece) -> Tensor:
        """(B, F, 6, D) of a piece's latent frames, or the clip's one."""
        modulation = self.given.modulation_BF6D
        return modulation if modulation.shape[1] == 1 else modulation[:, piece.frames]


class _Sums:
    """Gradients of a block's pairs, summed over pieces in float32."""

    def __init__(self, copies: Sequence[nn.Parameter]) -> None:
        self._copies = copies
        self.values = [torch.zeros_like(copy, dtype=torch.float32) for copy in copies]

    def add(
        self,
        outputs: Tensor | Sequence[Tensor],
        inputs: Sequence[Tensor],
        gradients: Tensor | Sequence[Tensor],
    ) -> tuple[Tensor, ...]:
        """Adds the gradients of the pairs and returns those of the inputs."""
        wanted = (*inputs, *self._copies)
        found = torch.autograd.grad(outputs, wanted, gradients, allow_unused=True)
        for total, each in zip(self.values, found[len(inputs) :], strict=True):
            if each is not None:  # a half has pairs of its own
                total += each
        return found[: len(inputs)]


@dataclass(frozen=True)
class _Piece:
    """Some latent frames and their tokens."""

    frames: slice
    tokens: slice


def _pieces(grid: tuple[int, int, int], frames_at_a_time: int) -> Iterator[_Piece]:
    frames, height, width = grid
    step, each = frames_at_a_time or frames, height * width
    for at in range(0, frames, step):
        end = min(frames, at + step)
        yield _Piece(slice(at, end), slice(at * each, end * each))


@dataclass(frozen=True, eq=False)
class _Random:
    """States of the generators that dropout draws from."""

    cpu: Tensor
    device: Tensor | None

    @staticmethod
    def of(device: torch.device) -> _Random:
        is_cuda = device.type == "cuda"
        return _Random(
            torch.random.get_rng_state(), torch.cuda.get_rng_state(device) if is_cuda else None
        )

    @contextmanager
    def again(self, device: torch.device) -> Iterator[None]:
        """The same draws inside; after it the generators are as they were."""
        with torch.random.fork_rng(devices=[device] if self.device is not None else []):
            torch.random.set_rng_state(self.cpu)
            if self.device is not None:
                torch.cuda.set_rng_state(self.device, device)
            yield


def _leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().requires_grad_()


def _in_format(context: Any, dtype: torch.dtype) -> Any:
    if isinstance(context, Tensor):
        return context.to(dtype)
    return tuple(part.to(dtype) for part in context)


@contextmanager
def _plain(device: torch.device) -> Iterator[None]:
    """Without autocast: the blocks compute in their own format, forwards and backwards."""
    with torch.autocast(device.type, enabled=False):
        yield
