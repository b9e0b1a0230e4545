"""Every export is opened by a reader that is not ours, and carries what made it."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.services.drawings import drawn, published
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import Cancelled, InvalidFile, InvalidRequest
from videosketcher_app.services.clip_source import frame_schedule
from videosketcher_app.services.exports import KINDS, ExportService
from videosketcher_app.services.outputs import publish
from videosketcher_app.services.provenance import read_embedded_config, read_provenance
from videosketcher_app.services.saved import PartSpan, SavedDrawing, open_saved
from videosketcher_app.ui.texts import t

EXPORTS = ExportService()
SMALL = {"height_px": 240}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedDrawing:
    return published(tmp_path_factory.mktemp("drawings"))


@pytest.fixture(scope="module")
def scribble(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawing that its strokes do not explain."""
    folder = publish(drawn(scribble=True), tmp_path_factory.mktemp("scribbles")).folder
    assert folder is not None
    return folder


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def pdf_pages(data: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", data))


def test_the_video_is_drawn_again_at_1080p(saved: SavedDrawing) -> None:
    path = EXPORTS.export(saved.folder, "mp4")
    frames = decoded(path)
    assert len(frames) == 81
    assert frames[-1].shape == (1080, 1944, 3)
    small = np.asarray(Image.fromarray(frames[-1]).resize((432, 240), Image.Resampling.BOX))
    true = np.asarray(Image.open(saved.files["png"]))
    assert np.abs(small.astype(int) - true).mean() < 4
    assert (frames[0] > 250).all()


def test_the_raw_video_is_the_drawing_as_published(saved: SavedDrawing) -> None:
    raw, own = (
        decoded(EXPORTS.export(saved.folder, "mp4_raw")),
        decoded(saved.files["mp4"]),
    )
    assert len(raw) == 81
    np.testing.assert_array_equal(np.stack(raw), np.stack(own))


def test_the_gif_animates(saved: SavedDrawing) -> None:
    with Image.open(EXPORTS.export(saved.folder, "gif")) as image:
        frames = [frame.convert("RGB").getextrema() for frame in ImageSequence.Iterator(image)]
        assert image.n_frames > 20
        assert image.size == (864, 480)
        assert image.info["loop"] == 0
    assert frames[0] != frames[-1]


def test_the_picture_has_1080_lines(saved: SavedDrawing) -> None:
    with Image.open(EXPORTS.export(saved.folder, "png")) as image:
        assert image.size == (1944, 1080)
        assert set(image.info) == {"VideoSketcher"}


def test_the_svg_replays(saved: SavedDrawing) -> None:
    root = ElementTree.parse(EXPORTS.export(saved.folder, "svg")).getroot()
    paths = list(root.iter("{http://www.w3.org/2000/svg}path"))
    assert len(paths) == len(saved.strokes.strokes)
    assert all(path.find("{http://www.w3.org/2000/svg}animate") is not None for path in paths)


@pytest.mark.parametrize(("paper", "box"), [("a4", b"595.28 841.89"), ("letter", b"612 792")])
def test_the_lesson_is_a_pdf_of_vector_lines(saved: SavedDrawing, paper: str, box: bytes) -> None:
    data = EXPORTS.export(saved.folder, "lesson", paper=paper).read_bytes()
    assert data.startswith(b"%PDF-")
    assert box in data
    assert 1 <= pdf_pages(data) <= 5
    assert b"/Image" not in data.replace(b"/ImageB", b"").replace(b"/ImageC", b"").replace(
        b"/ImageI", b""
    )


def test_the_config_is_the_runs_own(saved: SavedDrawing) -> None:
    path = EXPORTS.export(saved.folder, "config")
    assert json.loads(path.read_text("utf-8")) == saved.config


def test_the_zip_holds_everything_and_every_member_opens(saved: SavedDrawing) -> None:
    with zipfile.ZipFile(EXPORTS.export(saved.folder, "zip", **SMALL)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert {Path(name).suffix for name in names} == {
        ".mp4",
        ".gif",
        ".png",
        ".svg",
        ".pdf",
        ".json",
    }
    assert all(name.startswith("cat/") for name in names)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "zip"])
def test_every_export_brings_back_its_plan(saved: SavedDrawing, kind: str) -> None:
    path = EXPORTS.export(saved.folder, kind, **SMALL)
    request, planned = read_provenance(path)
    assert request == saved.request
    assert planned == saved.planned
    assert read_embedded_config(path) == saved.config


@pytest.mark.parametrize("kind", KINDS)
def test_exported_twice_gives_the_same_bytes(saved: SavedDrawing, kind: str) -> None:
    path = EXPORTS.export(saved.folder, kind, **SMALL)
    first = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    again = EXPORTS.export(saved.folder, kind, **SMALL)
    assert again == path
    assert hashlib.sha256(again.read_bytes()).hexdigest() == first


def test_an_export_that_is_there_is_not_made_again(saved: SavedDrawing) -> None:
    path = EXPORTS.export(saved.folder, "gif")
    before = path.stat().st_mtime_ns
    assert EXPORTS.export(saved.folder, "gif") == path
    assert path.stat().st_mtime_ns == before


def test_exports_are_no_part_of_the_run(tmp_path: Path) -> None:
    saved = published(tmp_path)
    EXPORTS.export(saved.folder, "png")
    assert published(tmp_path).folder == saved.folder
    assert not (saved.folder / "exports").exists()


def test_what_is_ready_is_told(tmp_path: Path) -> None:
    folder = published(tmp_path).folder
    assert not any(form.ready for form in EXPORTS.formats(folder))
    EXPORTS.export(folder, "svg")
    ready = {form.kind: form.ready for form in EXPORTS.formats(folder)}
    assert [kind for kind in ready if ready[kind]] == ["svg"]
    for form in EXPORTS.formats(folder):
        assert t(form.label_key)


def test_holds_and_speed_change_the_video(saved: SavedDrawing) -> None:
    parts = len(saved.timeline)
    held = decoded(EXPORTS.export(saved.folder, "mp4", hold_s=0.5, speed=2, **SMALL))
    assert len(held) == pytest.approx(81 / 2 + parts * 8, abs=2)
    svg = EXPORTS.export(saved.folder, "svg", speed=2).read_text("utf-8")
    assert 'data-frames="40"' in svg or 'data-frames="41"' in svg


def test_without_prompt_nothing_tells_what_was_drawn(saved: SavedDrawing) -> None:
    words = [saved.plan.concept, *(part.text for part in saved.plan.parts), "cat.", "cat_"]
    path = EXPORTS.export(saved.folder, "zip", keep_prompt=False, **SMALL)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    texts = {name: data + _inflated(data) for name, data in members.items()}
    for name, data in {path.name: b"", **texts}.items():
        searched = (name.encode() + data).lower()
        assert not [word for word in words if word.lower().encode() in searched]
    for kind in ("mp4", "mp4_raw", "gif", "png", "svg", "lesson"):
        private = EXPORTS.export(saved.folder, kind, keep_prompt=False, **SMALL)
        assert "cat" not in private.name
        with pytest.raises(InvalidFile, match="no plan inside"):
            read_provenance(private)
    with pytest.raises(InvalidRequest):
        EXPORTS.export(saved.folder, "config", keep_prompt=False)
    assert ExportService(keep_prompts=False).export(saved.folder, "png").name.startswith("sketch")


def _inflated(data: bytes) -> bytes:
    """What compressed streams of a PDF say."""
    import base64

    found = b""
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            found += zlib.decompress(base64.a85decode(stream.strip(), adobe=False))
        except (ValueError, zlib.error):
            continue
    return found


def test_strokes_that_are_not_the_drawing_are_not_used(scribble: Path) -> None:
    check = EXPORTS.check(scribble)
    assert not check.passes
    assert check.iou < 0.95
    path = EXPORTS.export(scribble, "mp4", height_px=240)
    assert path.name.endswith("_frames.mp4")
    frames = decoded(path)
    assert (len(frames), frames[0].shape) == (81, (240, 432, 3))
    assert EXPORTS.export(scribble, "png").name.endswith("_frames.png")
    assert len(decoded(EXPORTS.export(scribble, "mp4", height_px=120, speed=2))) in range(36, 46)


def test_good_strokes_pass(saved: SavedDrawing) -> None:
    assert EXPORTS.check(saved.folder).passes


def test_a_schedule_holds_every_part_at_its_end() -> None:
    spans = (
        PartSpan(index=0, name="a", start_s=0, end_s=0.5),
        PartSpan(index=1, name="b", start_s=0.5, end_s=1),
    )
    assert frame_schedule(8, spans, fps=8, hold_s=0.25, speed=1) == [
        *[0, 1, 2, 3, 3, 3],
        *[4, 5, 6, 7, 7, 7],
    ]
    assert frame_schedule(8, spans, fps=8, hold_s=0, speed=2) == [0, 3, 4, 7]


def test_a_cancelled_export_leaves_nothing(tmp_path: Path) -> None:
    folder = published(tmp_path).folder
    token = CancelToken()
    token.cancel()
    for kind in KINDS:
        with pytest.raises(Cancelled):
            EXPORTS.export(folder, kind, cancel=token)
    assert not (folder / "exports").exists()


def test_cancel_between_frames_leaves_nothing(tmp_path: Path) -> None:
    from videosketcher_app.core import faults

    folder, token = published(tmp_path).folder, CancelToken()
    with faults.armed("media.encoding", token.cancel, skip=5), pytest.raises(Cancelled):
        EXPORTS.export(folder, "mp4", cancel=token, **SMALL)
    assert list((folder / "exports").iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("avi", {}),
        ("mp4", {"height_px": 0}),
        ("mp4", {"height_px": 1081}),
        ("mp4", {"height_px": 10_000}),
        ("mp4", {"speed": 0}),
        ("mp4", {"speed": float("nan")}),
        ("gif", {"hold_s": -1}),
        ("lesson", {"paper": "a0"}),
    ],
)
def test_impossible_wishes_are_refused(saved: SavedDrawing, kind: str, values: dict) -> None:
    with pytest.raises(InvalidRequest) as caught:
        EXPORTS.export(saved.folder, kind, **values)
    assert caught.value.hint


def test_a_drawing_without_strokes_has_no_lesson(tmp_path: Path) -> None:
    from dataclasses import replace

    blank = replace(drawn(), frames=np.full((81, 240, 432, 3), 255, np.uint8))
    folder = publish(blank, tmp_path).folder
    with pytest.raises(InvalidRequest, match="no lesson"):
        EXPORTS.export(folder, "lesson")
    assert zipfile.is_zipfile(EXPORTS.export(folder, "zip", **SMALL))
    assert open_saved(folder).timeline[0].start_s == 0
