"""Pictures and films inside the page, so that no route has to hand out the folders they are in."""

from __future__ import annotations

import base64
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from videosketcher_app.core.errors import AppError
from videosketcher_app.storage import bounded, media

MAX_CLIP_BYTES = 12 * 1024**2
_QUALITY = 88


def picture_address(path: Path, *, side_px: int) -> str:
    """One of our own pictures, its longer side at most `side_px`; empty if it cannot be read."""
    try:
        return _picture(path, path.stat().st_mtime_ns, side_px)
    except (OSError, AppError):
        return ""


def clip_address(path: Path) -> str:
    """One of our own mp4 files; empty if it is gone or longer than a page should carry."""
    try:
        data = bounded.read_bytes(path, MAX_CLIP_BYTES, "film")
    except (OSError, AppError):
        return ""
    return f"data:video/mp4;base64,{_text(data)}"


@lru_cache(maxsize=512)
def _picture(path: Path, _version: int, side_px: int) -> str:
    file = BytesIO()
    small = Image.fromarray(media.read_image(path, max_side_px=side_px))
    small.save(file, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{_text(file.getvalue())}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
