"""Reel: the frames of one turn, each as what it changed, so that an endless drawing stays small.

A frame of a sketch changes a few hundred pixels; kept whole, a minute of drawing would take
gigabytes.

Legend: K changed pixels of one frame, T frames, H/W canvas pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.services.codraw.events import Box

Picture = NDArray[np.uint8]
KEY_FRAMES = 240  # one whole frame is kept for so many, to begin from
_EMPTY = Box(left=0, top=0, right=0, bottom=0)


@dataclass(frozen=True, eq=False)
class _Change:
    """Flat pixel indices (K,) int32, their new colors (K, 3) uint8, and the box around them."""

    pixels_K: NDArray[np.int32]
    colors_K3: Picture
    box: Box


class Reel:
    """Frames in order; only ever appended, so that other threads may read while it grows.

    Args:
        before_HW3: the picture before the first frame; must not be written to.
    """

    def __init__(self, before_HW3: Picture) -> None:
        self.before_HW3 = before_HW3
        self.last_HW3 = before_HW3
        self._changes: list[_Change] = []
        self._keys: dict[int, Picture] = {}

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def num_bytes(self) -> int:
        """Bytes of the changes."""
        return sum(c.pixels_K.nbytes + c.colors_K3.nbytes for c in self._changes)

    def add(self, frame_HW3: Picture) -> Box:
        """Appends a frame, which must not be written to afterwards; returns what changed."""
        pixels_K = _changed(self.last_HW3, frame_HW3)
        box = _box_around(pixels_K, frame_HW3.shape[1])
        colors_K3 = frame_HW3.reshape(-1, 3)[pixels_K]
        self._append(_Change(pixels_K.astype(np.int32), colors_K3, box), frame_HW3)
        return box

    def hold(self, num_frames: int) -> None:
        """Repeats the last frame until there are so many."""
        still = _Change(np.zeros(0, np.int32), np.zeros((0, 3), np.uint8), _EMPTY)
        while len(self) < num_frames:
            self._append(still, self.last_HW3)

    def first(self, num_frames: int) -> Reel:
        """A reel of the first frames alone; this one stays for whoever reads it."""
        reel = Reel(self.before_HW3)
        reel._changes = self._changes[:num_frames]
        reel._keys = {at: key for at, key in self._keys.items() if at < num_frames}
        if num_frames:
            reel.last_HW3 = self.frame(num_frames - 1)
        return reel

    def frame(self, index: int) -> Picture:
        """One frame (H, W, 3); index from 0."""
        assert 0 <= index < len(self), (index, len(self))
        for frame_HW3, _ in self.frames(index, index + 1):
            return frame_HW3
        raise AssertionError

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[Picture, Box]]:
        """Frames with what changed in them; every frame is an array of its own."""
        stop = len(self) if stop is None else min(stop, len(self))
        key = max((at for at in tuple(self._keys) if at <= start), default=-1)
        canvas_HW3 = (self._keys[key] if key >= 0 else self.before_HW3).copy()
        pixels_N3 = canvas_HW3.reshape(-1, 3)
        for index in range(max(key, 0), stop):
            change = self._changes[index]
            pixels_N3[change.pixels_K] = change.colors_K3
            if index >= start:
                yield canvas_HW3.copy(), change.box

    def clip(self, start: int, stop: int) -> Picture:
        """Frames as one array (T, H, W, 3)."""
        return np.stack([frame for frame, _ in self.frames(start, stop)])

    def tail(self, num_frames: int) -> Picture:
        """The last frames (T, H, W, 3), led by the picture before the turn if it is shorter."""
        missing = max(0, num_frames - len(self))
        led = [self.before_HW3] * missing
        return np.stack([*led, *(f for f, _ in self.frames(len(self) - num_frames + missing))])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The changes for a file; `read` takes them again."""
        counts = np.array([len(change.pixels_K) for change in self._changes], np.int32)
        none = [np.zeros(0, np.int32)], [np.zeros((0, 3), np.uint8)]
        return {
            "counts": counts,
            "pixels": np.concatenate([*none[0], *(c.pixels_K for c in self._changes)]),
            "colors": np.concatenate([*none[1], *(c.colors_K3 for c in self._changes)]),
        }

    @classmethod
    def read(cls, before_HW3: Picture, arrays: Mapping[str, NDArray[Any]]) -> Reel:
        """The reel of `to_arrays`.

        Raises:
            InvalidFile: the arrays do not fit each other or the picture.
        """
        counts, pixels, colors = (arrays.get(name) for name in ("counts", "pixels", "colors"))
        if counts is None or pixels is None or colors is None:
            raise _damaged()
        fits = (
            counts.ndim == 1
            and bool((counts >= 0).all())
            and pixels.shape == (int(counts.sum()),)
            and colors.shape == (len(pixels), 3)
            and colors.dtype == np.uint8
        )
        num_pixels = before_HW3.size // 3
        if not fits or (len(pixels) and not 0 <= pixels.min() <= pixels.max() < num_pixels):
            raise _damaged()
        reel = cls(before_HW3)
        borders = np.cumsum(counts)[:-1]
        pieces = zip(np.split(pixels, borders), np.split(colors, borders), strict=True)
        for pixels_K, colors_K3 in pieces if len(counts) else ():
            frame_HW3 = reel.last_HW3
            if len(pixels_K):
                frame_HW3 = frame_HW3.copy()
                frame_HW3.reshape(-1, 3)[pixels_K] = colors_K3
            box = _box_around(pixels_K, before_HW3.shape[1])
            reel._append(_Change(pixels_K.astype(np.int32), colors_K3, box), frame_HW3)
        return reel

    def _append(self, change: _Change, frame_HW3: Picture) -> None:
        if len(change.pixels_K):
            self.last_HW3 = frame_HW3
        self._changes.append(change)
        if len(self) % KEY_FRAMES == 0:
            self._keys[len(self) - 1] = self.last_HW3


def union(one: Box, other: Box) -> Box:
    """The smallest box around both."""
    if one.is_empty or other.is_empty:
        return other if one.is_empty else one
    return replace(
        one,
        left=min(one.left, other.left),
        top=min(one.top, other.top),
        right=max(one.right, other.right),
        bottom=max(one.bottom, other.bottom),
    )


def _changed(before_HW3: Picture, after_HW3: Picture) -> NDArray[np.int64]:
    if before_HW3 is after_HW3:
        return np.zeros(0, np.int64)
    return np.flatnonzero((before_HW3 != after_HW3).any(axis=2))


def _box_around(pixels_K: NDArray[Any], width: int) -> Box:
    if not len(pixels_K):
        return _EMPTY
    rows, columns = np.divmod(pixels_K, width)
    return Box(
        left=int(columns.min()),
        top=int(rows.min()),
        right=int(columns.max()) + 1,
        bottom=int(rows.max()) + 1,
    )


def _damaged() -> InvalidFile:
    return InvalidFile("The frames of a kept turn are damaged.", hint="Begin a new drawing.")
