"""Archives from strangers: all of one appears, or nothing."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled, CannotWrite, InvalidFile
from videosketcher_app.storage import unpacking
from videosketcher_app.storage.unpacking import unpack

Entries = dict[str, bytes]


def zipped(path: Path, entries: Entries, *, compress: bool = False) -> Path:
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, entries: Entries) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def files_below(folder: Path) -> Entries:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_appears_whole_without_its_own_folder(
    tmp_path: Path, pack: Callable[[Path, Entries], Path]
) -> None:
    inside = {"shapes/video/1.mp4": b"one", "shapes/metadata.csv": b"video,prompt"}
    extra = {"shapes/.DS_Store": b"x", "shapes/__MACOSX/._1.mp4": b"x"}
    archive = pack(tmp_path / "shapes.x", {**inside, **extra})
    assert unpack(archive, tmp_path / "out", cancel=CancelToken()) == 2
    assert files_below(tmp_path / "out") == {
        name.removeprefix("shapes/"): data for name, data in inside.items()
    }


def test_an_archive_of_several_folders_keeps_them(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "shapes.zip", {"shapes/1": b"1", "other/2": b"2"})
    unpack(archive, tmp_path / "out", cancel=CancelToken())
    assert set(files_below(tmp_path / "out")) == {"shapes/1", "other/2"}


HOSTILE_NAMES = [
    "../evil",
    "a/../../evil",
    "/evil",
    "C:/evil",
    "a\\..\\..\\evil",
    "con",
    "a:b",
    "a//b",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_name_that_leads_elsewhere_is_refused(
    tmp_path: Path, pack: Callable[[Path, Entries], Path], name: str
) -> None:
    (tmp_path / "in").mkdir()
    archive = pack(tmp_path / "in/x.zip", {"good": b"1", name: b"2"})
    with pytest.raises(AppError):
        unpack(archive, tmp_path / "in/deep/out", cancel=CancelToken())
    assert files_below(tmp_path).keys() == {"in/x.zip"}


def link_in_zip(path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")


def special_in_tar(kind: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        info = tarfile.TarInfo("special")
        info.type, info.linkname = kind, "/etc/passwd"
        with tarfile.open(path, "w") as archive:
            archive.addfile(info)

    return write


def bomb(path: Path) -> None:
    zipped(path, {"zeros": bytes(150_000_000)}, compress=True)


def twins(path: Path) -> None:
    zipped(path, {"Cat.txt": b"1", "cat.TXT": b"2"})


def liar(path: Path) -> None:
    """The header names fewer bytes than there are."""
    zipped(path, {"a": b"x" * 5000}, compress=True)
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(magic) + offset
        data[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(data)


def broken(path: Path) -> None:
    zipped(path, {"a": b"x" * 5000})
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def encrypted(path: Path) -> None:
    zipped(path, {"a": b"x"})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    tarred(path, {"a": b"x" * 50_000})
    path.write_bytes(path.read_bytes()[:20_000])


def nonsense(path: Path) -> None:
    path.write_bytes(b"no archive at all" * 100)


@pytest.mark.parametrize(
    "write",
    [
        *[link_in_zip, bomb, twins, liar, broken, encrypted, cut, nonsense],
        *[special_in_tar(kind) for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE)],
        special_in_tar(tarfile.CHRTYPE),
    ],
)
def test_a_hostile_or_damaged_archive_leaves_nothing(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    archive = tmp_path / "x.zip"
    write(archive)
    with pytest.raises(InvalidFile) as caught:
        unpack(archive, tmp_path / "out", cancel=CancelToken())
    assert caught.value.hint
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zip"]


def test_room_is_asked_for_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(tmp_path / "x.zip", {"a": b"x" * 5000})
    monkeypatch.setattr(unpacking, "KEEP_FREE_BYTES", 1 << 62)
    with pytest.raises(CannotWrite, match="no room"):
        unpack(archive, tmp_path / "out", cancel=CancelToken())


def test_unpacking_can_be_stopped(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    archive = zipped(tmp_path / "x.zip", {"a": b"x" * 5000})
    with pytest.raises(Cancelled):
        unpack(archive, tmp_path / "out", cancel=token)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zip"]
