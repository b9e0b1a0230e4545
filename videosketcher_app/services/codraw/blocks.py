"""Blocks: the steps that lead to a moment of a drawing, and the shelf for their latents.

A path through the turn tree is a list of blocks. A block was either drawn by the model, and then
its latents are what there is, or shown to it, and then its frames are.

Legend: T frames, H/W pixels, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.strokes import FloatArray

MOST_IN_MEMORY = 24  # blocks: three windows

Clip = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Block:
    """One step of a path; equal only to itself.

    Attributes:
        key: of its latents on the shelf, for ever.
        words: that the model read.
        shown: gives the frames (T, H, W, 3) of the block and those before it (None at the
            beginning of a drawing); None if the model drew the block.
    """

    key: int
    words: str
    shown: Callable[[], tuple[Clip, Clip | None]] | None = None


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
