"""Pictures of marks from people: read under limits, made small, and kept under the name of their pixels.

Legend: H/W pixels; pictures are uint8.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import Limits
from videosketcher_app.storage import media
from videosketcher_app.storage.guarded_media import decode_image

_MIB = 1024**2
MAX_BYTES = 40 * _MIB
MAX_PIXELS = 64_000_000  # what phones take; a JPEG of it is decoded smaller
DECODE_BYTES = 224 * _MIB
TIME_LIMIT_S = 20.0
MAX_FRAME_SIDE_PX = 1664  # a whole condition frame of twice the size stays as it is
FOLDER = "pictures"


def read_picture(source: Path | bytes, limits: Limits) -> NDArray[np.uint8]:
    """A picture (H, W, 3), or (H, W, 4) if it is transparent, as large as understanding needs it.

    Raises:
        InvalidFile: not a picture, damaged, or over the limits.
    """
    picture = decode_image(
        source,
        limits=replace(
            limits,
            image_bytes=min(limits.image_bytes, MAX_BYTES),
            image_pixels=min(limits.image_pixels, MAX_PIXELS),
        ),
        time_limit_s=TIME_LIMIT_S,
        keep_alpha=True,
        max_side_px=MAX_FRAME_SIDE_PX,
        budget_bytes=DECODE_BYTES,
    )
    return sized(picture)


def sized(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture as large as understanding needs it; a whole condition frame stays as it is."""
    from videosketcher_app.data.brushes.condition import is_condition_frame
    from videosketcher_app.data.brushes.mark import WORK_SIDE_PX

    return picture if is_condition_frame(picture) else shrunk(picture, WORK_SIDE_PX)


def shrunk(picture: NDArray[np.uint8], max_side_px: int) -> NDArray[np.uint8]:
    """The same with no side longer; hidden colors of transparent pixels stay hidden."""
    from PIL import Image

    if max(picture.shape[:2]) <= max_side_px:
        return picture
    image = Image.fromarray(picture)
    image.thumbnail((max_side_px, max_side_px), Image.Resampling.BOX)
    return np.asarray(image).copy()


def place_of(picture: NDArray[np.uint8], folder: Path) -> Path:
    """Where a picture is kept: its pixels decide the name."""
    mark = hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()[:24]
    return (folder / FOLDER / f"{mark}.png").absolute()


def keep_picture(picture: NDArray[np.uint8], folder: Path) -> Path:
    """Writes a picture below `folder`, once.

    Raises:
        CannotWrite: the folder cannot be written.
    """
    path = place_of(picture, folder)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        media.write_png(path, picture)
    return path
