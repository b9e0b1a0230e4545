"""Blocks: the steps that lead to a moment of a drawing, and the shelf for their latents.

A path through the turn tree is a list of blocks. A block was either drawn by the model, and then
its latents are what there is, or shown to it, and then its frames are.

Legend: T frames, H/W pixels, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import FloatArray
from videosketcher_app.services.codraw.reel import Reel

if TYPE_CHECKING:
    from videosketcher_app.services.codraw.video import Video

BEFORE_FRAMES = 9  # what the encoder must have seen to know what went before
MOST_IN_MEMORY = 24  # blocks: three windows

Clip = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Block:
    """One step of a path; equal only to itself.

    Attributes:
        key: of its latents on the shelf, for ever.
        words: that the model read.
        start, stop: its frames within its turn.
        shown: gives the frames (T, H, W, 3) of the block and those before it (None at the
            beginning of a drawing); None if the model drew the block.
        over: a video that the model draws the block over; only until it is drawn.
    """

    key: int
    words: str
    start: int
    stop: int
    shown: Callable[[], tuple[Clip, Clip | None]] | None = None
    over: Video | None = None


class BlockMaker:
    """Makes blocks with keys of their own.

    Args:
        next_key: of the next block of this session.
    """

    def __init__(self, next_key: int = 1) -> None:
        self.next_key = next_key
        self._lock = threading.Lock()

    def drawn(
        self,
        words: str,
        *,
        start: int,
        stop: int,
        key: int | None = None,
        over: Video | None = None,
    ) -> Block:
        """A block that the model draws, over a video or on its own."""
        return Block(self._key(key), words, start, stop, over=over)

    def shown(
        self,
        words: str,
        reel: Reel,
        *,
        start: int,
        stop: int,
        parent: Reel | None,
        key: int | None = None,
    ) -> Block:
        """A block of frames that are shown to the model.

        Args:
            parent: frames of the turn before; None at the beginning of a drawing.
        """

        def frames() -> tuple[Clip, Clip | None]:
            before = None
            if start >= BEFORE_FRAMES:
                before = reel.clip(start - BEFORE_FRAMES, start)
            elif parent is not None:
                before = parent.tail(BEFORE_FRAMES)
            return reel.clip(start, stop), before

        return Block(self._key(key), words, start, stop, frames)

    def _key(self, key: int | None) -> int:
        with self._lock:
            key = self.next_key if key is None else key
            self.next_key = max(self.next_key, key + 1)
            return key


class LatentShelf:
    """Latents (C, F, h, w) by block; drawn ones on the disk too, few of them in memory.

    Args:
        folder: of this session's latents.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._recent: OrderedDict[int, FloatArray] = OrderedDict()

    def put(self, block: Block, latents_CFhw: FloatArray) -> None:
        """Keeps a block's latents.

        Raises:
            CannotWrite: the disk is full or cannot be written.
        """
        if block.shown is None:
            from videosketcher_app.storage.tensors import write_safetensors

            write_safetensors(self._file(block.key), {"latents": latents_CFhw})
        self._remember(block.key, latents_CFhw)

    def get(self, block: Block) -> FloatArray | None:
        """The latents; None for a block that was shown long ago, which must be encoded again.

        Raises:
            MissingModel, InvalidFile: the file of a drawn block is gone or damaged.
        """
        with self._lock:
            found = self._recent.get(block.key)
        if found is not None or block.shown is not None:
            return found
        from videosketcher_app.storage.tensors import read_safetensors

        read = read_safetensors(self._file(block.key), names=["latents"])
        latents_CFhw = read["latents"].numpy()
        self._remember(block.key, latents_CFhw)
        return latents_CFhw

    def drop(self, blocks: Iterable[Block]) -> None:
        """Deletes what belongs to blocks that are no part of the drawing."""
        with self._lock:
            for block in blocks:
                self._recent.pop(block.key, None)
                self._file(block.key).unlink(missing_ok=True)

    def forget(self) -> None:
        """Frees the memory; the disk keeps what it has."""
        with self._lock:
            self._recent.clear()

    def _remember(self, key: int, latents_CFhw: FloatArray) -> None:
        with self._lock:
            self._recent[key] = latents_CFhw
            self._recent.move_to_end(key)
            while len(self._recent) > MOST_IN_MEMORY:
                self._recent.popitem(last=False)

    def _file(self, key: int) -> Path:
        return self._folder / f"block_{key:06d}.safetensors"
