"""Archives from strangers, unpacked with suspicion: all of an archive appears, or nothing.

Every name must stay in the folder, links and devices are refused, and the sizes that the headers name
are judged before the first byte. The readers give no byte more than a header names, so neither a lie
nor a bomb fills the disk.
"""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import CannotWrite, InvalidFile
from videosketcher_app.storage import atomic
from videosketcher_app.storage.paths import safe_join

MAX_MEMBERS = 500_000
MAX_RATIO = 100  # unpacked to packed; videos and pictures hardly shrink
FREE_RATIO_BYTES = 100_000_000  # below this no ratio is asked for
KEEP_FREE_BYTES = 1_000_000_000
_BLOCK_BYTES = 1 << 20
_ENCRYPTED = 1


@dataclass(frozen=True)
class _Member:
    name: str
    num_bytes: int
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, target: Path, *, cancel: CancelToken) -> int:
    """Unpacks a zip or tar archive into a new folder, and returns the number of its files.

    If everything in it is in one folder named like the archive, that folder is left out. Hidden
    files, which file managers add, are left out too.

    Raises:
        InvalidFile: it is damaged, encrypted, a bomb, or holds names or links that lead elsewhere.
        CannotWrite: there is no room, or the folder cannot be written.
        Cancelled: somebody asked to stop.
    """
    with _opened(archive) as members:
        wanted = _judged(archive, members)
        total = sum(member.num_bytes for member in wanted.values())
        _check_room(archive, total, target)
        with atomic.publish_folder(target) as folder:
            for name, member in wanted.items():
                _write(archive, member, safe_join(folder, name), cancel)
    return len(wanted)


@contextmanager
def _opened(archive: Path) -> Iterator[list[_Member]]:
    """The members of either kind of archive.

    Raises:
        InvalidFile: whatever the two libraries say.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                yield [
                    _of_zip(archive, file, info) for info in file.infolist() if not info.is_dir()
                ]
        else:
            with tarfile.open(archive, "r:") as file:
                yield [_of_tar(archive, file, info) for info in _entries(archive, file)]
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        NotImplementedError,
        UnicodeError,
    ) as error:
        raise _refused(archive, "it is damaged, or packed in an unknown way") from error


def _of_zip(archive: Path, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _refused(archive, f"{info.filename[:80]!r} is a link or a device")
    if info.flag_bits & _ENCRYPTED:
        raise _refused(archive, "it is encrypted")
    return _Member(info.filename, info.file_size, lambda: file.open(info))


def _entries(archive: Path, file: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for number, info in enumerate(file):
        if number > MAX_MEMBERS:
            raise _refused(archive, f"it holds more than {MAX_MEMBERS:,} files")
        if not info.isdir():
            yield info


def _of_tar(archive: Path, file: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    if not info.isreg():
        raise _refused(archive, f"{info.name[:80]!r} is a link or a device")

    def opened() -> IO[bytes]:
        content = file.extractfile(info)
        assert content is not None, "a regular file has content"
        return content

    return _Member(info.name.removeprefix("./"), info.size, opened)


def _judged(archive: Path, members: list[_Member]) -> dict[str, _Member]:
    """The members to unpack by their new names.

    Raises:
        InvalidFile: too many, too large for their packing, two of one name, or a name that leads
            elsewhere.
    """
    if len(members) > MAX_MEMBERS:
        raise _refused(archive, f"it holds more than {MAX_MEMBERS:,} files")
    if sum(member.num_bytes for member in members) > _budget(archive):
        raise _refused(archive, f"it would grow to more than {MAX_RATIO} times its size")
    visible = [member for member in members if not _is_hidden(archive, member.name)]
    top = f"{archive.stem}/"
    inside = bool(visible) and all(member.name.startswith(top) for member in visible)
    wanted: dict[str, _Member] = {}
    seen: set[str] = set()
    for member in visible:
        name = member.name.removeprefix(top) if inside else member.name
        if name.casefold() in seen:
            raise _refused(archive, f"two of its files are named {name[:80]!r}")
        seen.add(name.casefold())
        wanted[name] = member
    return wanted


def _is_hidden(archive: Path, name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or "\\" in name:
        raise _refused(archive, f"the name {name[:80]!r} leads out of its folder")
    return any(part.startswith(".") for part in parts)


def _write(archive: Path, member: _Member, path: Path, cancel: CancelToken) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with member.open() as source, path.open("wb") as file:
        while block := source.read(_BLOCK_BYTES):
            cancel.raise_if_cancelled()
            written += len(block)
            file.write(block)
    if written != member.num_bytes:
        raise _refused(archive, f"{member.name[:80]!r} is not as long as it says")


def _budget(archive: Path) -> int:
    return max(FREE_RATIO_BYTES, MAX_RATIO * archive.stat().st_size)


def _check_room(archive: Path, total_bytes: int, target: Path) -> None:
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if total_bytes + KEEP_FREE_BYTES > free:
        raise CannotWrite(
            f"There is no room to unpack {archive.name}: it needs {total_bytes / 1e9:,.1f} GB and "
            f"{free / 1e9:,.1f} GB are free.",
            hint="Free some space and go on: the archive is kept.",
        )


def _refused(archive: Path, reason: str) -> InvalidFile:
    return InvalidFile(
        f"{archive.name} is not unpacked: {reason}.",
        hint="Download it again, or unpack it yourself if you trust it.",
    )
