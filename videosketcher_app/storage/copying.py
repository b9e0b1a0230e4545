"""Large files read and copied with a progress, a way to stop, and a hash of what went by."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import CannotWrite, DamagedModel, InvalidFile, MissingModel
from videosketcher_app.storage import atomic

OnBytes = Callable[[int], None]  # bytes that have gone by since the last call
_CHUNK_BYTES = 4 << 20
SPARE_BYTES = 256 << 20  # of the disk, that an import leaves free


def hash_file(
    path: Path, *, on_bytes: OnBytes | None = None, cancel: CancelToken | None = None
) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        MissingModel: there is no such file.
        InvalidFile: the disk cannot read it.
        Cancelled: somebody asked to stop.
    """
    digest = hashlib.sha256()
    for chunk in _chunks(path, on_bytes, cancel):
        digest.update(chunk)
    return digest.hexdigest()


def copy_file(
    source: Path,
    target: Path,
    *,
    sha256: str | None = None,
    on_bytes: OnBytes | None = None,
    cancel: CancelToken | None = None,
) -> str:
    """Copies a file to a name that appears whole; returns the SHA-256 of what was copied.

    Args:
        sha256: what it must be; None takes any.

    Raises:
        MissingModel: there is no source.
        DamagedModel: it has another hash; what the target was before stays.
        CannotWrite: the folder cannot be written or the disk is full.
        Cancelled: somebody asked to stop; nothing remains.
    """
    digest = hashlib.sha256()
    with atomic.replacing(target) as temporary, temporary.open("wb") as file:
        for chunk in _chunks(source, on_bytes, cancel):
            digest.update(chunk)
            file.write(chunk)
        if sha256 not in (None, digest.hexdigest()):
            raise DamagedModel(
                f"{source.name} is not the published file: its SHA-256 differs.",
                hint="Download it again.",
            )
    return digest.hexdigest()


def copy_files(
    sources: Mapping[str, Path],
    folder: Path,
    *,
    sha256: Mapping[str, str | None],
    on_bytes: OnBytes | None = None,
    cancel: CancelToken | None = None,
) -> dict[str, str]:
    """Copies files into a folder beside what it holds already; returns their hashes.

    Args:
        sources: by the path below the folder.
        sha256: what they must be, where it is known.

    Raises:
        AppError: as `copy_file` does; files that were not there before are gone again.
    """
    hashes, new = {}, []
    try:
        for path, source in sources.items():
            target = folder / path
            was_there = target.exists()
            hashes[path] = copy_file(
                source, target, sha256=sha256.get(path), on_bytes=on_bytes, cancel=cancel
            )
            if not was_there:
                new.append(target)
    except BaseException:
        for target in new:
            target.unlink(missing_ok=True)
        raise
    return hashes


def require_room(sources: Sequence[Path], folder: Path) -> None:
    """Refuses to begin a copy that the disk has no room for.

    Raises:
        CannotWrite: says how much is missing.
    """
    needed = sum(path.stat().st_size for path in sources) + SPARE_BYTES
    above = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    free = shutil.disk_usage(above).free
    if free < needed:
        raise CannotWrite(
            f"There is no room in {above}: {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB "
            "are free.",
            hint="Free some space, or use the files where they are.",
        )


def _chunks(path: Path, on_bytes: OnBytes | None, cancel: CancelToken | None) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                yield chunk
                if on_bytes is not None:
                    on_bytes(len(chunk))
    except FileNotFoundError as error:
        raise MissingModel(
            f"{path.name} is no longer on this disk.", hint="Check the name and the folder."
        ) from error
    except IsADirectoryError as error:
        raise InvalidFile(f"{path} is a folder.", hint="Name a file in it.") from error
