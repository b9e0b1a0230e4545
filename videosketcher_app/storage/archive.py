"""Zip archives: the same files give the same bytes, and no date or place of the machine inside."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from videosketcher_app.storage import atomic

_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16


def write_zip(path: Path, files: Mapping[str, Path]) -> None:
    """Writes the files under their names in the archive, in the order given, not compressed:
    what a drawing leaves is compressed already.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    with atomic.replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, file in files.items():
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.external_attr = _READABLE
            entry.create_system = 3  # Unix, on every system
            with file.open("rb") as source, archive.open(entry, "w") as target:
                shutil.copyfileobj(source, target)
