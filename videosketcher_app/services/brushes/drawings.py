"""A person's finished drawings, as the brush tab needs them: the newest, and one by its name."""

from __future__ import annotations

from pathlib import Path

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.saved import CONFIG_ENDING, SavedDrawing, open_saved
from videosketcher_app.storage.paths import safe_join


def recent_drawings(root: Path, count: int) -> list[SavedDrawing]:
    """The newest finished drawings right below a folder, newest first; damaged ones are left out."""
    found = []
    for config in root.glob(f"*/*{CONFIG_ENDING}"):
        try:
            found.append((config.stat().st_mtime_ns, config.parent))
        except OSError:  # deleted meanwhile
            continue
    drawings: list[SavedDrawing] = []
    for _, folder in sorted(found, reverse=True):
        if len(drawings) == count:
            break
        try:
            drawings.append(open_saved(folder))
        except AppError:
            continue
    return drawings


def own_drawing(root: Path, name: str) -> SavedDrawing:
    """One drawing right below a person's folder.

    Raises:
        InvalidRequest: it is not there any more.
        ForbiddenPath: the name leaves the folder.
    """
    folder = safe_join(root, name)
    if not folder.is_dir():
        raise InvalidRequest("This drawing is not there any more.", hint="Choose another one.")
    return open_saved(folder)
