"""Thrift: how a causal drawing gets by with less memory, rung by rung.

The first rung changes no pixel: what is decoded in pieces equals the whole. The others shorten what
the model looks back on. No torch here, so that services can name a rung before anything is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Thrift:
    """What a drawing takes beside the weights.

    Attributes:
        window_blocks: blocks that a block attends to, itself and the first one included.
        decode_frames: latent frames that are decoded at once; None is a whole block.
        said: what was given up for it, for people.
    """

    window_blocks: int = 7
    decode_frames: int | None = None
    said: str = ""


RUNGS = (
    Thrift(),
    Thrift(decode_frames=1, said="Frames are decoded a few at a time."),
    Thrift(
        decode_frames=1,
        window_blocks=5,
        said="The model looks back on 5 blocks of the drawing instead of 7.",
    ),
    Thrift(decode_frames=1, window_blocks=3, said="It looks back on 3 blocks."),
)
