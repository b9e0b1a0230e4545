"""Frames as tiles: only the pixels that changed, as ink with its coverage.

A tile lies over what the page shows, so the lines of the person stay as sharp as the screen. Its
bytes: u8 kind, u32 turn, u32 frame, u16 left, u16 top, then an image, or nothing if no pixel
changed (the frame still takes its time). Big-endian.

Legend: H/W pixels of a box; pixels are uint8 RGB.
"""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

HEADER = struct.Struct(">BIIHH")
INK, RAW, PICTURE = 1, 2, 3
PNG_EFFORT = 6
JPEG_QUALITY = 85
NOISE = 3  # grey levels by which raw pixels may differ without being sent again
_GREY_SPREAD = 2.0  # grey levels between channels that nobody sees


def ink_tile(turn: int, index: int, before_HW3: Pixels, after_HW3: Pixels) -> bytes:
    """What was inked between two frames."""
    box = changed_box(before_HW3, after_HW3)
    if box is None:
        return HEADER.pack(INK, turn, index, 0, 0)
    rows, columns = box
    layer = ink_between(before_HW3[rows, columns], after_HW3[rows, columns])
    buffer = io.BytesIO()
    Image.fromarray(layer).save(buffer, "PNG", compress_level=PNG_EFFORT)
    return HEADER.pack(INK, turn, index, columns.start, rows.start) + buffer.getvalue()


def raw_tile(turn: int, index: int, before_HW3: Pixels | None, after_HW3: Pixels) -> bytes:
    """The pixels that differ from an earlier frame, as they are; None sends all of them."""
    rows, columns = slice(0, after_HW3.shape[0]), slice(0, after_HW3.shape[1])
    if before_HW3 is not None:
        box = changed_box(before_HW3, after_HW3, noise=NOISE)
        if box is None:
            return HEADER.pack(RAW, turn, index, 0, 0)
        rows, columns = box
    buffer = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(after_HW3[rows, columns]))
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return HEADER.pack(RAW, turn, index, columns.start, rows.start) + buffer.getvalue()


def picture_tile(turn: int, picture_HW3: Pixels) -> bytes:
    """A whole turn as its picture, where it is not made of strokes."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture_HW3)).save(buffer, "PNG", compress_level=1)
    return HEADER.pack(PICTURE, turn, 0, 0, 0) + buffer.getvalue()


def changed_box(
    before_HW3: Pixels, after_HW3: Pixels, *, noise: int = 0
) -> tuple[slice, slice] | None:
    """Rows and columns of the smallest box that holds every changed pixel; None if none changed."""
    if noise:
        changed_HW = (
            np.abs(before_HW3.astype(np.int16) - after_HW3.astype(np.int16)).max(axis=2) > noise
        )
    else:
        changed_HW = (before_HW3 != after_HW3).any(axis=2)
    rows, columns = np.flatnonzero(changed_HW.any(axis=1)), np.flatnonzero(changed_HW.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def ink_between(before_HW3: Pixels, after_HW3: Pixels) -> Pixels:
    """The layer that, laid over the first picture, gives the second: (H, W, 2) grey and coverage
    if the ink is grey, else (H, W, 4).

    The coverage is the least that any color can reach it with, so it vanishes where nothing changed.
    """
    before = before_HW3.astype(np.float32)
    change = after_HW3.astype(np.float32) - before
    room = np.where(change < 0, before, 255 - before)
    coverage_HW = (np.abs(change) / np.maximum(room, 1)).max(axis=2).clip(0, 1)
    alpha_HW = np.ceil(coverage_HW * 255) / 255  # never less than needed, so colors stay in range
    color = before + change / np.maximum(alpha_HW, 1 / 255)[..., None]
    color = np.where(alpha_HW[..., None] > 0, color.clip(0, 255), 0)
    alpha = np.round(alpha_HW * 255)[..., None]
    is_grey = bool((np.ptp(color, axis=2) <= _GREY_SPREAD).all())
    shown = color.mean(axis=2, keepdims=True) if is_grey else color
    return np.round(np.concatenate([shown, alpha], axis=2)).astype(np.uint8)
