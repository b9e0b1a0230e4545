"""How much of the device a training step takes, term by term, and the fastest way that fits.

Three ways to hold a frozen network with trained pairs, from the fastest:

    resident      weights stay, and what every block's attention reads and gives is kept
    checkpointed  weights stay; of a block, its input and its attention's result are kept
    streamed      weights visit block by block, and what is kept waits in the computer's memory

The estimate counts tensors, so it is an upper bound on what is allocated with fused kernels; what the
driver and the libraries take for themselves is not in it (`RESERVE_BYTES`).

Legend: B batch, L tokens, D width, N heads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer

Holding = Literal["resident", "checkpointed", "streamed"]
RESERVE_BYTES = 600_000_000  # the driver's own, and gaps between the allocator's pieces
NUM_SLOTS = 2
_MASTERS = 5  # values, gradient, two moments of AdamW, average: float32
_READ_AND_GIVEN = 5  # input, queries, keys, values, result
# Token matrices of one block's backward pass, at its attention: input, result, both halves' gradients,
# queries, keys, values, their gradients, and the gradient that came into the whole pass.
_AT_ATTENTION = 11
_AROUND_PIECES = 6  # of the same, while a half is computed again piece by piece
_SUM_BYTES = 4  # one more, in float32, in which kernels sum the gradient of the queries
_ARRIVING = 2  # input and result of the block that is next
# Of one piece, in widths a token, of the first half; and of the second half, in widths and in widths
# of the feed-forward layer. Counted in uncompiled passes; compiled ones take less.
_FIRST_WIDTHS, _SECOND_WIDTHS, _SECOND_INNER = 23, 13, 4
_PICTURE_WIDTHS = 2  # more of the second half, where it reads a picture in front of the words
_ENDS = 2  # latents and velocities in float32


@dataclass(frozen=True, kw_only=True)
class TrainingWay:
    """How a step is made to fit.

    Attributes:
        kept_on_host: what is kept for the backward pass waits in pinned memory.
        in_8_bits: the frozen linear layers are stored in e4m3.
        frames_at_a_time: latent frames of a piece of a block's halves; 0 takes all.
    """

    holding: Holding
    kept_on_host: bool = False
    in_8_bits: bool = False
    frames_at_a_time: int = 0

    def __str__(self) -> str:
        bits = " in 8 bits" if self.in_8_bits else ""
        return {
            "resident": f"all weights{bits} on the device",
            "checkpointed": f"all weights{bits} on the device, activations computed twice",
            "streamed": f"weights{bits} visit the device block by block",
        }[self.holding]


@dataclass(frozen=True, kw_only=True)
class StepSize:
    """What the memory of a step depends on.

    Attributes:
        clip: latent frames, and rows and columns of tokens.
        block_values, other_values: parameters of one block and outside of the blocks.
        linear_values: of a block's, those in linear layers.
        pair_values: trained, in one block.
        cell_values: of a token's latents.
        value_bytes: of the format that is computed in.
        reads_picture: see `build_transformer`.
    """

    width: int
    inner: int
    num_heads: int
    num_layers: int
    clip: tuple[int, int, int]
    batch: int
    block_values: int
    linear_values: int
    other_values: int
    pair_values: int
    cell_values: int
    value_bytes: int = 2
    reads_picture: bool = False

    @property
    def matrix_bytes(self) -> int:
        """One value for every token and width."""
        return self._tokens(self.clip[0]) * self.width * self.value_bytes

    def piece_bytes(self, frames: int) -> int:
        """What computing a half of a block for so many latent frames takes beside its ends."""
        widths = _SECOND_WIDTHS + _PICTURE_WIDTHS * self.reads_picture
        second = widths * self.width + _SECOND_INNER * self.inner
        values = max(_FIRST_WIDTHS * self.width, second)
        return self._tokens(frames or self.clip[0]) * values * self.value_bytes

    @property
    def ends_bytes(self) -> int:
        """Latents, and what becomes of them, outside of the blocks."""
        return _ENDS * self._tokens(self.clip[0]) * self.cell_values * 4

    @property
    def sums_bytes(self) -> int:
        """A number for every row of one attention."""
        return self._tokens(self.clip[0]) * self.num_heads * 4

    def block_bytes(self, *, in_8_bits: bool) -> int:
        """Of one block's frozen weights."""
        smaller = self.linear_values * (self.value_bytes - 1) if in_8_bits else 0
        return self.block_values * self.value_bytes - smaller

    def _tokens(self, frames: int) -> int:
        return self.batch * frames * self.clip[1] * self.clip[2]


def step_size(
    config: TransformerConfig,
    clip: tuple[int, int, int],
    *,
    rank: int,
    targets: Sequence[str],
    batch: int = 1,
    value_bytes: int = 2,
    reads_picture: bool = False,
) -> StepSize:
    """Of a network, and clips of so many latent frames, rows and columns of latent cells.

    Args:
        reads_picture: see `build_transformer`.
    """
    with torch.device("meta"):
        dit = build_transformer(replace(config, num_layers=1), reads_picture=reads_picture)
    block = dit.blocks[0]
    linears = {name: each for name, each in block.named_modules() if isinstance(each, nn.Linear)}
    adapted = [each for name, each in linears.items() if _ends_with(name, targets)]
    frames, rows, columns = clip
    return StepSize(
        width=config.dim,
        inner=config.ffn_dim,
        num_heads=config.num_heads,
        num_layers=config.num_layers,
        clip=(frames, rows // config.patch, columns // config.patch),
        batch=batch,
        block_values=_count(block),
        linear_values=sum(each.weight.numel() for each in linears.values()),
        other_values=_count(dit) - _count(block),
        pair_values=sum(rank * (each.in_features + each.out_features) for each in adapted),
        cell_values=config.in_dim * config.patch**2,
        value_bytes=value_bytes,
        reads_picture=reads_picture,
    )


def memory_terms(size: StepSize, way: TrainingWay) -> dict[str, int]:
    """Bytes of the device by what they are for; their sum is the step's most."""
    block_bytes = size.block_bytes(in_8_bits=way.in_8_bits)
    is_streamed = way.holding == "streamed"
    held_blocks = NUM_SLOTS if is_streamed else size.num_layers
    num_pairs = size.pair_values * size.num_layers
    # A slot of room: the copies that blocks compute with, and one block's gradients in float32.
    copies = size.pair_values * (2 * size.value_bytes + 4)
    return {
        "weights": held_blocks * block_bytes + size.other_values * size.value_bytes,
        "pairs": num_pairs * 4 * _MASTERS + copies,
        "kept": _kept_bytes(size, way),
        "one block": _working_bytes(size, way) + size.ends_bytes,
    }


def _kept_bytes(size: StepSize, way: TrainingWay) -> int:
    if way.kept_on_host:
        return _ARRIVING * size.matrix_bytes + 2 * size.sums_bytes
    matrices = _READ_AND_GIVEN if way.holding == "resident" else 2
    return size.num_layers * (matrices * size.matrix_bytes + size.sums_bytes)


def _working_bytes(size: StepSize, way: TrainingWay) -> int:
    at_attention = _AT_ATTENTION * size.matrix_bytes
    at_attention += size.matrix_bytes * _SUM_BYTES // size.value_bytes
    around = _AROUND_PIECES * size.matrix_bytes
    return max(at_attention, around + size.piece_bytes(way.frames_at_a_time))


def plain_bytes(size: StepSize) -> int:
    """The most that a step takes that keeps all that autograd wants and computes nothing twice."""
    terms = memory_terms(size, TrainingWay(holding="resident"))
    return sum(terms.values()) - terms["kept"] + size.num_layers * 2 * size.piece_bytes(0)


def host_bytes(size: StepSize, way: TrainingWay) -> int:
    """Pinned memory of the computer."""
    weights = size.num_layers * size.block_bytes(in_8_bits=way.in_8_bits)
    kept = size.num_layers * (2 * size.matrix_bytes + size.sums_bytes)
    return weights * (way.holding == "streamed") + kept * way.kept_on_host


def ways(size: StepSize) -> Iterable[TrainingWay]:
    """All of them, from the fastest."""
    pieces = _pieces(size)
    yield TrainingWay(holding="resident")
    yield TrainingWay(holding="checkpointed")
    for frames in pieces:
        yield TrainingWay(holding="checkpointed", kept_on_host=True, frames_at_a_time=frames)
    for in_8_bits in (False, True):
        for frames in pieces:
            yield TrainingWay(
                holding="streamed", kept_on_host=True, in_8_bits=in_8_bits, frames_at_a_time=frames
            )


def way_for(size: StepSize, budget_bytes: int) -> TrainingWay:
    """The fastest way that fits a budget of device memory.

    Raises:
        OutOfMemory: none does.
    """
    needed = 0
    for way in ways(size):
        needed = sum(memory_terms(size, way).values()) + RESERVE_BYTES
        if needed <= budget_bytes:
            return way
    raise OutOfMemory(
        f"Training needs {needed / 1e9:.1f} GB of the graphics card's memory for clips of this size, "
        f"and may take {budget_bytes / 1e9:.1f} GB.",
        hint="Choose a smaller canvas, fewer frames or a smaller batch in the preset.",
    )


def told(size: StepSize, way: TrainingWay) -> Mapping[str, float]:
    """The terms and their sum in GB (10^9 bytes), for a report."""
    terms = memory_terms(size, way)
    gigabytes = {name: round(value / 1e9, 2) for name, value in terms.items()}
    return {**gigabytes, "all": round(sum(terms.values()) / 1e9, 2)}


def _pieces(size: StepSize) -> list[int]:
    """Latent frames at a time: all, a half, a third ... one."""
    frames = size.clip[0]
    return [0, *sorted({-(-frames // parts) for parts in range(2, frames + 1)}, reverse=True)]


def _ends_with(name: str, targets: Sequence[str]) -> bool:
    return any(name == end or name.endswith(f".{end}") for end in targets)


def _count(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())
