"""Pictures of marks from people: read under limits, made small, and kept under the name of their pixels.

A place is a folder `brushes`: the workspace's, or that of a guest's visit. A request names a picture
from the folder around it, so that a workspace may move; the number of kept pictures is bounded, and
one that was not used for long goes first.

Legend: H/W pixels; pictures are uint8.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import Limits
from videosketcher_app.storage import media
from videosketcher_app.storage.guarded_media import decode_image
from videosketcher_app.storage.paths import ForbiddenPath, safe_join

_MIB = 1024**2
MAX_BYTES = 40 * _MIB
MAX_PIXELS = 64_000_000  # what phones take; a JPEG of it is decoded smaller
DECODE_BYTES = 224 * _MIB
TIME_LIMIT_S = 20.0
MAX_FRAME_SIDE_PX = 1664  # a whole condition frame of twice the size stays as it is
FOLDER = "pictures"
MAX_KEPT = 300  # of one person
MAX_KEPT_BYTES = 256 * _MIB


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


def place_of(picture: NDArray[np.uint8], place: Path) -> Path:
    """Where a picture is kept: its pixels decide the name."""
    mark = hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest()[:24]
    return (place / FOLDER / f"{mark}.png").absolute()


def name_of(path: Path, place: Path) -> str:
    """What a request calls a picture below a place: "brushes/pictures/1f0c....png"."""
    return path.relative_to(place.absolute().parent).as_posix()


def file_of(image: str, place: Path) -> Path:
    """The file that a request means by its image.

    Names are looked for beside the place; whole paths, which the shell, programs and requests of
    earlier versions give, are taken as they are.
    """
    path = Path(image)
    if path.is_absolute():
        return path
    try:
        kept = safe_join(place.parent, image)
    except ForbiddenPath:
        return path
    return kept if kept.is_relative_to(place) else path


def keep_picture(picture: NDArray[np.uint8], place: Path) -> Path:
    """Writes a picture below a place, once; those that were not used for longest make room.

    Raises:
        CannotWrite: the folder cannot be written.
    """
    path = place_of(picture, place)
    if path.is_file():
        mark_used(path, place)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    media.write_png(path, picture)
    _make_room(path)
    return path


def mark_used(path: Path, place: Path) -> None:
    """A picture that is kept here was looked at, so that others go before it."""
    if path.parent == (place / FOLDER).absolute():
        with contextlib.suppress(OSError):  # it is gone, or the disk is read only
            os.utime(path)


def _make_room(newest: Path) -> None:
    """Deletes the pictures that were not used for longest, until the bounds are kept."""
    files = [path for path in newest.parent.glob("*.png") if path != newest]
    facts = sorted(((*_age_and_size(path), path) for path in files), reverse=True)
    num_bytes = _age_and_size(newest)[1]
    for number, (_, size, path) in enumerate(facts, start=2):
        num_bytes += size
        if number > MAX_KEPT or num_bytes > MAX_KEPT_BYTES:
            path.unlink(missing_ok=True)


def _age_and_size(path: Path) -> tuple[float, int]:
    try:
        facts = path.stat()
    except OSError:  # somebody else made room just now
        return 0.0, 0
    return facts.st_mtime, facts.st_size
