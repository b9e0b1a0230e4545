"""What an earlier start left of a download: found by its record, counted, and removed when asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from videosketcher_app.core.errors import ForbiddenPath
from videosketcher_app.services.download_plan import RECORD, Record, read_record
from videosketcher_app.storage.folders import remove_file
from videosketcher_app.storage.paths import safe_join


@dataclass(frozen=True, kw_only=True)
class Left:
    """How far an unfinished download is, and what was chosen for it."""

    num_bytes: int
    total_bytes: int | None
    source: str | None
    revision: str | None


def left_unfinished(folder: Path) -> list[str]:
    """Names of the folders below that hold a download which is not whole."""
    try:
        found = sorted(path.parent for path in folder.glob(f"*/{RECORD}"))
    except OSError:
        return []
    return [path.name for path in found if (record := read_record(path)) and _missing(path, record)]


def standing_of(folder: Path) -> Left:
    """How far the download in a folder is."""
    from videosketcher_app.storage.downloads.part import num_bytes_waiting

    record = read_record(folder)
    if record is None:
        return Left(num_bytes=0, total_bytes=None, source=None, revision=None)
    here = 0
    for target, facts in _targets(folder, record):
        here += _size(target) if "mtime_ns" in facts else num_bytes_waiting(target)
    sizes = [facts.get("bytes") for facts in record.files.values()]
    known = all(isinstance(size, int) for size in sizes)
    return Left(
        num_bytes=here,
        total_bytes=sum(size for size in sizes if isinstance(size, int)) if known else None,
        source=record.chosen_source,
        revision=record.chosen_revision,
    )


def remove_unfinished(folder: Path) -> None:
    """Removes what a download that is not whole has brought, and nothing else.

    Raises:
        CannotWrite: something cannot be removed.
    """
    from videosketcher_app.storage.downloads.part import remove_part

    record = read_record(folder)
    if record is None or not _missing(folder, record):
        return
    for target, facts in _targets(folder, record):
        remove_part(target)
        if "mtime_ns" in facts:
            remove_file(target)
    remove_file(folder / RECORD)
    _remove_empty(folder)


def _missing(folder: Path, record: Record) -> bool:
    return any(
        "mtime_ns" not in facts or not target.is_file()
        for target, facts in _targets(folder, record)
    )


def _targets(folder: Path, record: Record) -> list[tuple[Path, dict[str, object]]]:
    """Every file of a record by its place; a name that leads elsewhere counts for nothing."""
    found = []
    for path, facts in record.files.items():
        try:
            found.append((safe_join(folder, path), facts))
        except ForbiddenPath:
            continue
    return found


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _remove_empty(folder: Path) -> None:
    for each in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(each.iterdir()):
            each.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()
