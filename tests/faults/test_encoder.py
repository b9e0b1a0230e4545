"""F20: whatever keeps a drawing from being saved, saving it again needs no denoising."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from tests.services.drawings import drawn
from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.services.outputs import publish
from videosketcher_app.services.unfinished import Unfinished
from videosketcher_app.storage import media

pytestmark = pytest.mark.faults


def full_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def no_memory() -> None:
    raise AppError("no memory")


# (fault point, action, passes let through): in keeping, 4 files are written before the encoder.
FAULTS = [
    *[("media.encoder", faults.interrupt, 0), ("media.encoder", full_disk, 0)],
    *[("media.encoding", faults.interrupt, skip) for skip in (0, 1, 40, 79, 80)],
    *[("media.encoding", full_disk, skip) for skip in (0, 1, 40, 79, 80)],
    *[("folder.filled", faults.interrupt, 1), ("folder.filled", full_disk, 1)],
    *[("folder.moved_aside", action, 1) for action in (faults.interrupt, full_disk)],
    ("media.encoding", no_memory, 7),
    ("atomic.written", full_disk, 2),
]


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.mark.row("F20", "failed publications")
@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_a_failed_publication_is_retried_without_drawing(tmp_path: Path, number: int) -> None:
    point, action, skip = FAULTS[number]
    drawing = drawn()
    unfinished = Unfinished(tmp_path / "home")
    with faults.armed(point, action, skip=skip) as fault, pytest.raises(AppError) as caught:
        unfinished.publish(drawing, tmp_path / "out")
    assert fault.hits > skip
    assert "save it again" in caught.value.hint
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    (kept,) = unfinished.all()
    assert kept.concept == drawing.plan.concept
    saved = unfinished.retry(kept.key)
    assert (saved.frames == drawing.frames).all()
    direct = publish(drawing, tmp_path / "direct")
    assert hashes(saved.folder) == hashes(direct.folder)
    assert unfinished.all() == ()


@pytest.mark.row("F20", "failed publications")
def test_a_missing_encoder_is_said_and_retried(tmp_path: Path, monkeypatch) -> None:
    unfinished = Unfinished(tmp_path / "home")
    with monkeypatch.context() as patch:
        patch.setattr(media, "ENCODER", "no-such-encoder")
        with pytest.raises(media.EncoderFailed, match="could not be encoded") as caught:
            unfinished.publish(drawn(), tmp_path / "out")
    assert "doctor" in caught.value.hint
    (kept,) = unfinished.all()
    assert unfinished.retry(kept.key).files["mp4"].is_file()


KILLED = """
import os, sys
from pathlib import Path
from tests.services.drawings import drawn
from videosketcher_app.core import faults
from videosketcher_app.services.unfinished import Unfinished
point, skip, place = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
with faults.armed(point, lambda: os._exit(9), skip=skip):
    Unfinished(place / "home").publish(drawn(), place / "out")
"""


@pytest.mark.row("F20", "failed publications")
@pytest.mark.parametrize(("point", "skip"), [("media.encoding", 50), ("folder.filled", 1)])
def test_a_process_killed_while_it_encodes_leaves_the_drawing(
    run_python, tmp_path: Path, point: str, skip: int
) -> None:
    assert run_python(KILLED, point, str(skip), str(tmp_path)).returncode == 9
    unfinished = Unfinished(tmp_path / "home")
    (kept,) = unfinished.all()
    saved = unfinished.retry(kept.key)
    assert saved.folder == tmp_path / "out" / "cat"
    assert (saved.frames == drawn().frames).all()


def test_what_was_saved_is_forgotten_and_damage_is_said(tmp_path: Path) -> None:
    unfinished = Unfinished(tmp_path / "home")
    unfinished.publish(drawn(), tmp_path / "out")
    assert unfinished.all() == ()
    with pytest.raises(InvalidFile, match="no more"):
        unfinished.retry("nothing")
    with faults.armed("media.encoder"), pytest.raises(AppError):
        unfinished.publish(drawn(), tmp_path / "other")
    (kept,) = unfinished.all()
    frames = tmp_path / "home" / kept.key / "frames.bin"
    data = bytearray(frames.read_bytes())
    data[-1] ^= 1  # of the checksum; flipped bits of the frames may stand for the same zeros
    frames.write_bytes(data)
    with pytest.raises(InvalidFile, match="damaged"):
        unfinished.retry(kept.key)
    unfinished.forget(kept.key)
    assert unfinished.all() == ()
