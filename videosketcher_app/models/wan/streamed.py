"""A transformer whose blocks stream from the computer's memory: the plan's tier `stream_ram`.

The blocks wait in the plan's number format (models/streaming.py). What is outside of them, under 3 %
of the weights, lies on the device in the arithmetic's format, where every pass reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from diffsynth.models import wan_video_dit
from torch import Tensor, nn

from videosketcher_app.models.row_scaled import keep_in_rows
from videosketcher_app.models.streaming import StreamedBlocks

ROTATED_TOKENS = 4096  # at once
_rotated_whole = wan_video_dit.rope_apply


def rotated_in_pieces(x_BLD: Tensor, angles_L1E: Tensor, num_heads: int) -> Tensor:
    """diffsynth's rotary embedding, the same numbers in a sixth of its memory.

    It turns queries and keys in 128-bit complex numbers: at 832x480x81 that is 2.7 GB beside blocks
    that stream so that 8 GB are enough.
    """
    if x_BLD.shape[1] <= ROTATED_TOKENS:
        return _rotated_whole(x_BLD, angles_L1E, num_heads)
    pieces = zip(x_BLD.split(ROTATED_TOKENS, 1), angles_L1E.split(ROTATED_TOKENS), strict=True)
    return torch.cat([_rotated_whole(*piece, num_heads) for piece in pieces], dim=1)


class Weights(Protocol):
    """Where a network's weights come from, as `PartWeights`."""

    def read(self) -> Mapping[str, Tensor]:
        """Tensors on any device by the network's own names."""
        ...


def stream_blocks(
    network: Any, weights: Weights, *, device: torch.device, dtype: torch.dtype, in_rows: bool
) -> nn.Module:
    """Puts weights into an empty transformer, block by block, without a second copy of them all.

    Args:
        network: a WanModel on the meta device.
        device, dtype: of the arithmetic.
        in_rows: linear layers of the blocks are kept in 8 bits with row scales.

    Raises:
        InvalidFile: a file was cut short.
        DamagedModel: a number is NaN or Inf.
    """
    tensors = weights.read()
    empty = list(network.blocks)
    network.blocks = nn.ModuleList()
    rest = {name: tensors[name].to(device, dtype) for name in network.state_dict()}
    network.load_state_dict(rest, assign=True)
    # Rows are quantized on the device, which is quicker.
    place = device if in_rows else torch.device("cpu")
    blocks = _filled(empty, tensors, place=place, dtype=dtype, in_rows=in_rows)
    network.blocks = StreamedBlocks(blocks, device, num_blocks=len(empty))
    # diffsynth's blocks look this name up at every call; its own function wants memory that is gone.
    wan_video_dit.rope_apply = rotated_in_pieces
    network.vram_management_enabled = True  # diffsynth then calls `onload` and `offload`
    return network.eval().requires_grad_(False)


def _filled(
    blocks: Sequence[nn.Module],
    tensors: Mapping[str, Tensor],
    *,
    place: torch.device,
    dtype: torch.dtype,
    in_rows: bool,
) -> Iterator[nn.Module]:
    """The blocks with their weights, one at a time."""
    for number, block in enumerate(blocks):
        own = {
            name: tensors[f"blocks.{number}.{name}"].to(place, dtype) for name in block.state_dict()
        }
        block.load_state_dict(own, assign=True)
        if in_rows:
            keep_in_rows(block)
        yield block
