"""A name holds its old content or its new content, whatever happens in between."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import ROOT, RunPython
from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite, Interrupted
from videosketcher_app.storage import atomic

FILE_POINTS = [
    "atomic.opened",
    "atomic.written",
    "atomic.synced",
    "atomic.before_replace",
    "atomic.replaced",
    "atomic.folder_synced",
]
FOLDER_POINTS = [
    "folder.created",
    "folder.filled",
    "folder.moved_aside",
    "folder.published",
]

KILLED_WRITE = """
import os, signal, sys
from pathlib import Path
from videosketcher_app.core import faults
from videosketcher_app.storage import atomic
target, point, kind = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with faults.armed(point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
    if kind == "file":
        atomic.write_bytes(target, b"new" * 1000)
    else:
        with atomic.publish_folder(target) as folder:
            (folder / "a.txt").write_bytes(b"new")
            (folder / "b.txt").write_bytes(b"new")
"""

ENDLESS_WRITES = """
import sys
from pathlib import Path
from videosketcher_app.storage import atomic
number = 0
while True:
    number += 1
    atomic.write_bytes(Path(sys.argv[1]), bytes([number % 251]) * 300_000)
    print(number, flush=True)
"""


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_is_flushed_before_it_gets_its_name_and_its_folder_after(tmp_path: Path) -> None:
    with faults.traced() as passed:
        atomic.write_bytes(tmp_path / "a.bin", b"x")
    assert passed == FILE_POINTS


def test_a_text_has_line_feeds_and_utf8_everywhere(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "a.txt", "Part – shape\n")
    assert (tmp_path / "a.txt").read_bytes() == "Part – shape\n".encode()
    atomic.write_json(tmp_path / "a.json", {"b": 1, "a": "–"})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "b": 1,\n  "a": "–"\n}\n'.encode()


def test_the_temporary_path_keeps_the_suffix_and_makes_the_folder(tmp_path: Path) -> None:
    with atomic.replacing(tmp_path / "new" / "clip.mp4") as temporary:
        assert temporary.suffix == ".mp4"
        assert temporary.parent == tmp_path / "new"
        temporary.write_bytes(b"x")
    assert names_in(tmp_path / "new") == ["clip.mp4"]


@pytest.mark.row("F2", "kills inside saves")
@pytest.mark.parametrize("point", FILE_POINTS)
def test_an_error_at_any_point_leaves_one_whole_file(tmp_path: Path, point: str) -> None:
    path = tmp_path / "a.bin"
    atomic.write_bytes(path, b"old")
    with faults.armed(point) as armed, pytest.raises(Interrupted):
        atomic.write_bytes(path, b"new")
    assert armed.hits == 1
    is_new = point in ("atomic.replaced", "atomic.folder_synced")
    assert path.read_bytes() == (b"new" if is_new else b"old")
    assert names_in(tmp_path) == ["a.bin"]


@pytest.mark.row("F4", "full disks at write points")
@pytest.mark.parametrize("point", [p for p in FILE_POINTS if p != "atomic.folder_synced"])
def test_a_full_disk_is_one_sentence_and_no_torn_file(tmp_path: Path, point: str) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.bin"
    with faults.armed(point, full), pytest.raises(CannotWrite, match=r"no room .* MB are free"):
        atomic.write_bytes(path, b"new")
    assert not [name for name in names_in(tmp_path) if name != "a.bin"]


@pytest.mark.row("F4", "a limit of the system itself")
def test_a_file_size_limit_of_the_system_is_a_full_disk(
    tmp_path: Path, run_python: RunPython
) -> None:
    resource = pytest.importorskip("resource")
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from videosketcher_app.storage import atomic\n"
        "from videosketcher_app.core.errors import CannotWrite\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: atomic.write_bytes(Path(sys.argv[1]), b'x' * 20_000)\n"
        "except CannotWrite as error: print(error)\n"
    )
    assert resource.RLIMIT_FSIZE is not None
    done = run_python(code, str(tmp_path / "a.bin"))
    assert "There is no room" in done.stdout, done.stderr
    assert names_in(tmp_path) == []


def test_no_permission_names_the_folder(tmp_path: Path) -> None:
    def denied() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with faults.armed("atomic.opened", denied), pytest.raises(CannotWrite, match="cannot be"):
        atomic.write_bytes(tmp_path / "a.bin", b"x")


@pytest.mark.parametrize("inside", ["file/a.bin", "folder"])
def test_something_in_the_way_is_said(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CannotWrite, match="in the way"):
        atomic.write_bytes(tmp_path / inside, b"x")


def test_a_name_too_long_for_the_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="too long"):
        atomic.write_bytes(tmp_path / ("a" * 300), b"x")


def test_readers_never_see_half_a_file_while_threads_write(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    versions = [bytes([value]) * 50_000 for value in range(4)]
    atomic.write_bytes(path, versions[0])

    def write(version: bytes) -> None:
        for _ in range(10):
            atomic.write_bytes(path, version)

    threads = [threading.Thread(target=write, args=(version,)) for version in versions]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert path.read_bytes() in versions
    assert names_in(tmp_path) == ["a.bin"]


def test_a_folder_appears_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "cat"
    for content in ("old", "new"):
        with atomic.publish_folder(target) as folder:
            (folder / f"{content}.txt").write_text(content)
            (folder / "sub").mkdir()
            (folder / "sub" / "a.txt").write_text(content)
            assert not (target / f"{content}.txt").exists()
        assert names_in(target) == [f"{content}.txt", "sub"]
    assert names_in(tmp_path) == ["cat"]


@pytest.mark.parametrize("point", FOLDER_POINTS)
def test_a_failed_publication_leaves_one_whole_folder(tmp_path: Path, point: str) -> None:
    target = tmp_path / "cat"
    with atomic.publish_folder(target) as folder:
        (folder / "old.txt").write_text("old")
    with (
        faults.armed(point) as armed,
        pytest.raises(Interrupted),
        atomic.publish_folder(target) as folder,
    ):
        (folder / "new.txt").write_text("new")
    assert armed.hits == 1
    atomic.sweep_leftovers(tmp_path)
    assert names_in(target) == (["new.txt"] if point == "folder.published" else ["old.txt"])


@pytest.mark.row("F2", "kills inside saves")
@pytest.mark.faults
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no kill -9")
@pytest.mark.parametrize(
    ("kind", "point"),
    [("file", p) for p in FILE_POINTS] + [("folder", p) for p in FOLDER_POINTS],
)
def test_a_kill_at_any_point_leaves_old_or_new(
    tmp_path: Path, run_python: RunPython, kind: str, point: str
) -> None:
    target = tmp_path / "x" / "target"
    target.parent.mkdir()
    if kind == "file":
        atomic.write_bytes(target, b"old" * 1000)
    else:
        with atomic.publish_folder(target) as folder:
            for name in ("a.txt", "b.txt"):
                (folder / name).write_bytes(b"old")
    done = run_python(KILLED_WRITE, str(target), point, kind)
    assert done.returncode == -signal.SIGKILL, done.stderr
    atomic.sweep_leftovers(target.parent)
    assert names_in(target.parent) == ["target"]
    files = [target] if kind == "file" else [target / "a.txt", target / "b.txt"]
    contents = {file.read_bytes() for file in files}
    assert len(contents) == 1
    assert contents.pop()[:3] in (b"old", b"new")


@pytest.mark.row("F2", "kills inside saves", cases=12)
@pytest.mark.faults
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no kill -9")
def test_random_kills_during_writes_never_tear_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    moments = random.Random(5)
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", ENDLESS_WRITES, str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        with child.stdout:
            for _ in range(moments.randint(1, 12)):
                child.stdout.readline()
            child.kill()
        child.wait()
        content = path.read_bytes()
        assert len(content) == 300_000
        assert len(set(content)) == 1
    atomic.sweep_leftovers(tmp_path)
    assert names_in(tmp_path) == ["a.bin"]


def test_leftovers_of_living_processes_and_foreign_files_stay(tmp_path: Path) -> None:
    (tmp_path / "..a.txt").write_text("not ours")
    (tmp_path / f".a.{os.getppid()}-0123abcd-0.tmp").write_text("its writer lives")
    (tmp_path / f".a.{os.getpid()}-0123abcd-0.tmp.mp4").write_text("an older process of this id")
    assert atomic.sweep_leftovers(tmp_path) == 1
    assert len(names_in(tmp_path)) == 2
    assert atomic.sweep_leftovers(tmp_path / "missing") == 0
