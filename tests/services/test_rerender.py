"""A drawing rendered again is a drawing of its own, and its config makes it again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.services.drawings import drawn, published
from videosketcher_app.core import faults
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, InvalidRequest
from videosketcher_app.data.retime import Retiming, drawn_order
from videosketcher_app.services.changes import Changes, read_changes
from videosketcher_app.services.exports import ExportService
from videosketcher_app.services.outputs import publish, read_request
from videosketcher_app.services.provenance import read_embedded_config
from videosketcher_app.services.rerender import rerender
from videosketcher_app.services.saved import SavedDrawing, open_saved
from videosketcher_app.storage.media import read_image, read_video


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedDrawing:
    return published(tmp_path_factory.mktemp("drawings"))


def backwards(saved: SavedDrawing, **values) -> Changes:
    order = tuple(reversed(drawn_order(saved.strokes)))
    return Changes(retiming=Retiming(order=order, **values), height_px=240)


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.iterdir()) if not path.name.endswith("_run.json")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_result_is_a_drawing_of_its_own(saved: SavedDrawing, tmp_path: Path) -> None:
    before = hashes(saved.folder)
    again = rerender(saved, backwards(saved), output_dir=tmp_path)
    assert again.folder == tmp_path / "cat_retimed"
    names = [span.name for span in saved.timeline]
    assert [span.name for span in again.timeline] == names[::-1]
    assert [part.name for part in again.plan.parts][: len(names)] == names[::-1]
    assert again.planned == saved.planned
    assert hashes(saved.folder) == before
    assert read_embedded_config(again.files["mp4"])["rerender"][0]["height_px"] == 240
    first, last = read_image(saved.files["png"]), read_image(again.files["png"])
    assert ExportService().check(again.folder).passes
    assert np.abs(first.astype(int) - last).mean() < 2


def test_the_video_is_drawn_in_the_new_order(saved: SavedDrawing, tmp_path: Path) -> None:
    again = rerender(saved, backwards(saved), output_dir=tmp_path)
    clip = read_video(again.files["mp4"]).frames_THW3
    last_part = [s for s in saved.strokes.strokes if s.part == drawn_order(saved.strokes)[-1]]
    x, y = last_part[0].points_N2[0].round().astype(int)
    early = round(again.timeline[0].end_s * 16)
    around = (slice(max(0, y - 2), y + 3), slice(max(0, x - 2), x + 3))
    assert clip[early][around].min() < 128
    own = read_video(saved.files["mp4"]).frames_THW3
    assert own[early][around].min() > 200


def test_the_config_replays_to_the_same_bytes(saved: SavedDrawing, tmp_path: Path) -> None:
    once = rerender(saved, backwards(saved, holds_s={0: 0.5}), output_dir=tmp_path)
    slow = Changes(retiming=Retiming(speed=0.5, durations_s={1: 1.0}), height_px=120)
    twice = rerender(once, slow)
    assert twice.folder.parent == tmp_path
    config = json.loads(twice.files["config"].read_text("utf-8"))
    request, planned = read_request(twice.files["config"].read_text("utf-8"))
    assert (request, planned) == (saved.request, saved.planned)
    other = tmp_path / "replayed"
    # from the config alone: draw again, then change again
    origin = publish(drawn(), other)
    assert origin.folder is not None
    replayed = rerender(open_saved(origin.folder), *read_changes(config))
    assert list(hashes(replayed.folder).values()) != []
    renamed = {n.replace("_s7", ""): h for n, h in hashes(twice.folder).items()}
    assert hashes(replayed.folder) == renamed


def test_the_same_change_finds_its_own_folder(saved: SavedDrawing, tmp_path: Path) -> None:
    first = rerender(saved, backwards(saved), output_dir=tmp_path)
    before = hashes(first.folder)
    assert rerender(saved, backwards(saved), output_dir=tmp_path).folder == first.folder
    assert hashes(first.folder) == before
    other = rerender(saved, backwards(saved, speed=2.0), output_dir=tmp_path)
    assert other.folder == tmp_path / "cat_retimed_s7"


def test_cancel_between_frames_leaves_nothing(saved: SavedDrawing, tmp_path: Path) -> None:
    token = CancelToken()
    with faults.armed("media.encoding", token.cancel, skip=3), pytest.raises(Cancelled):
        rerender(saved, backwards(saved), output_dir=tmp_path, cancel=token)
    assert list(tmp_path.iterdir()) == []


def test_without_strokes_there_is_nothing_to_render(tmp_path: Path) -> None:
    from dataclasses import replace

    blank = replace(drawn(), frames=np.full((9, 240, 432, 3), 255, np.uint8))
    folder = publish(blank, tmp_path).folder
    assert folder is not None
    with pytest.raises(InvalidRequest, match="No strokes"):
        rerender(open_saved(folder), Changes())


@pytest.mark.parametrize("height_px", [0, 63, 241, 4000, -2])
def test_impossible_heights_are_refused(height_px: int) -> None:
    with pytest.raises(InvalidRequest, match="height"):
        Changes(height_px=height_px)


FULL_HD = """
import re, sys
from pathlib import Path
from videosketcher_app.services.changes import Changes
from videosketcher_app.services.rerender import rerender
from videosketcher_app.services.saved import open_saved
rerender(open_saved(Path(sys.argv[1])), Changes(), output_dir=Path(sys.argv[2]))
# Not getrusage: that also counts what the parent held before the program was replaced.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's figures")
def test_full_hd_never_holds_the_clip(saved: SavedDrawing, tmp_path: Path, run_python) -> None:
    done = run_python(FULL_HD, str(saved.folder), str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1000  # MB
