"""Frames kept without loss: each frame as its difference to the one before, compressed.

Drawings change little from frame to frame, so 81 frames of 832 x 480 take about a megabyte.

Legend: T frames, H/W pixels.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage import atomic

MAX_BYTES = 8 * 1024**3
_MAX_HEADER_BYTES = 1000
_LEVEL = 1  # the fastest


def write_frames(path: Path, frames_THW3: NDArray[np.uint8]) -> None:
    """Writes frames (T, H, W, 3) uint8.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    pack, digest = zlib.compressobj(_LEVEL), hashlib.sha256()
    with atomic.replacing(path) as temporary, temporary.open("wb") as file:
        file.write(json.dumps({"shape": frames_THW3.shape}).encode() + b"\n")
        before = np.zeros(frames_THW3.shape[1:], np.uint8)
        for frame_HW3 in frames_THW3:
            change = np.bitwise_xor(frame_HW3, before)
            digest.update(change.data)
            file.write(pack.compress(change.data))
            before = frame_HW3
        file.write(pack.flush() + digest.digest())


def read_frames(path: Path) -> NDArray[np.uint8]:
    """The frames again.

    Raises:
        InvalidFile: the file is missing, cut or altered.
    """
    try:
        with path.open("rb") as file:
            shape = tuple(json.loads(file.readline(_MAX_HEADER_BYTES))["shape"])
            packed = file.read()
        if len(shape) != 4 or not 0 < int(np.prod(shape)) <= MAX_BYTES:
            raise ValueError
        unpack, digest = zlib.decompressobj(), hashlib.sha256()
        frames_THW3 = np.empty(shape, np.uint8)
        rest, before = packed[: -digest.digest_size], np.zeros(shape[1:], np.uint8)
        for index in range(shape[0]):
            change = unpack.decompress(rest, before.size)
            rest = unpack.unconsumed_tail
            digest.update(change)
            flat = np.frombuffer(change, np.uint8).reshape(shape[1:])
            before = np.bitwise_xor(flat, before, out=frames_THW3[index])
        if digest.digest() != packed[-digest.digest_size :]:
            raise ValueError
        return frames_THW3
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise InvalidFile(
            f"The kept frames {path.name} are damaged.", hint="Draw it again."
        ) from error
