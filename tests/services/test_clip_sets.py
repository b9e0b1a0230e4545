"""Clips are sliced and converted frame by frame as annotated; broken ones are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from videosketcher_app.cli.main import main
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.data.clips import cover, resampled, stretch
from videosketcher_app.services.clip_sets import ClipReport, convert_clips, slice_clips
from videosketcher_app.storage.media import read_video, write_video

BITS = 8


def numbered(count: int, height: int = 72, width: int = 128) -> list[np.ndarray]:
    """Frames that show their own number as black and white bars, which an encoder cannot blur."""
    bars = np.arange(width) * BITS // width
    rows = [255 * (i >> bars & 1).astype(np.uint8) for i in range(count)]
    return [np.broadcast_to(row[None, :, None], (height, width, 3)).copy() for row in rows]


def numbers(path) -> list[int]:
    frames_TW = read_video(path).frames_THW3.mean((1, 3))
    width = frames_TW.shape[1]
    middles = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return [int(((row[middles] > 128) << np.arange(BITS)).sum()) for row in frames_TW]


def told(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    write_video(folder / "sea.mp4", numbered(60), fps=30)
    write_video(folder / "tall.mp4", numbered(60, 128, 72), fps=30)
    write_video(folder / "short.mp4", numbered(5), fps=30)
    (folder / "broken.mp4").write_bytes(b"not a video")
    (folder / "notes.txt").write_text("no clip")
    return folder


def test_annotated_stretches_are_cut_out_and_captioned(source, tmp_path, capsys):
    records = [
        {"path": "mixkit/sea.mp4", "cap": ["the sea"], "frame_idx": "10:20"},
        {"path": "sea.mp4", "cap": "the sea", "frame_idx": "50:60"},
        {"path": "sea.mp4", "cap": "too long", "frame_idx": "50:61"},
        {"path": "gone.mp4", "cap": "gone", "frame_idx": "0:5"},
        {"path": "../source/sea.mp4", "cap": "above", "frame_idx": "5:9"},
        {"path": "broken.mp4", "cap": "broken", "frame_idx": "0:5"},
        {"path": "sea.mp4", "cap": "empty", "frame_idx": "7:7"},
        {"path": "sea.mp4", "cap": 3, "frame_idx": "0:5"},
        "no record",
    ]
    annotations = tmp_path / "anno.json"
    annotations.write_text(json.dumps(records))
    table = tmp_path / "captions.json"
    names = {"input": source, "output": tmp_path / "out"}
    words = [word for name, path in names.items() for word in (f"--{name}_folder", str(path))]
    words += ["--anno_json", str(annotations), "--output_json", str(table)]
    assert main(["python", "slice_video.py", *words, "--json"]) == 0
    report = ClipReport(**{k: v for k, v in told(capsys).items() if k != "output"})
    assert report.made == ["sea_10_20.mp4", "sea_50_60.mp4"]
    assert numbers(tmp_path / "out" / "sea_10_20.mp4") == list(range(10, 20))
    assert numbers(tmp_path / "out" / "sea_50_60.mp4") == list(range(50, 60))
    assert json.loads(table.read_text()) == {"sea_10_20.mp4": "the sea", "sea_50_60.mp4": "the sea"}
    assert [name.split(",")[0] for name in report.broken] == [f"record {i}" for i in range(3, 10)]
    assert len(list((tmp_path / "out").iterdir())) == 2

    again = slice_clips(source, tmp_path / "out", annotations, table, by="caption")
    assert again.kept == report.made
    assert json.loads(table.read_text()) == {"the sea": "sea_50_60.mp4"}
    with pytest.raises(InvalidRequest):
        slice_clips(source, tmp_path / "out", annotations, table, by="name")
    annotations.write_text("{}")
    with pytest.raises(InvalidFile, match="list"):
        slice_clips(source, tmp_path / "out", annotations, table)


def test_the_published_command_converts_what_fits(source, tmp_path, capsys):
    words = ["data", "convert", "--input_dir", str(source), "--output_dir", str(tmp_path / "out")]
    words += ["--width", "64", "--height", "36", "--fps", "15", "--frames", "25", "--json"]
    assert main(words) == 0
    result = told(capsys)
    assert result["made"] == ["sea.mp4"]
    assert sorted(result["broken"]) == ["broken.mp4", "short.mp4", "tall.mp4"]
    clip = read_video(tmp_path / "out" / "sea.mp4")
    assert clip.frames_THW3.shape == (25, 36, 64, 3)
    assert clip.fps == 15
    assert numbers(tmp_path / "out" / "sea.mp4") == list(range(0, 50, 2))
    assert main(words) == 0
    assert told(capsys)["kept"] == ["sea.mp4"]


def test_what_cannot_be_converted_is_refused(source, tmp_path):
    with pytest.raises(InvalidRequest, match="even sides"):
        convert_clips(source, tmp_path / "out", width=63)
    with pytest.raises(InvalidFile, match="no folder"):
        convert_clips(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(InvalidFile, match="holds no clip"):
        convert_clips(tmp_path, tmp_path / "out")


def test_each_moment_shows_the_frame_that_was_on_screen():
    frames = [np.full((2, 2, 3), i, np.uint8) for i in range(100)]
    for fps_in, fps_out in ((24, 16), (16, 16), (25, 16), (8, 16), (29.97, 16), (60, 16)):
        count = int(len(frames) / fps_in * fps_out) - 1
        chosen = resampled(frames, fps_in=fps_in, fps_out=fps_out, num_frames=count)
        found = [int(frame[0, 0, 0]) for frame in chosen]
        expected = [int(i / fps_out * fps_in + 1e-6) for i in range(count)]
        assert found == expected, (fps_in, fps_out)
    with pytest.raises(InvalidFile, match="too short"):
        list(resampled(frames, fps_in=30, fps_out=16, num_frames=90))
    with pytest.raises(InvalidFile, match="before frame 101"):
        list(stretch(frames, 90, 101))


def test_frames_cover_the_size_and_lose_no_shape():
    frame = np.zeros((100, 180, 3), np.uint8)
    assert cover(frame, 832, 480).shape == (480, 832, 3)
    assert cover(frame, 83, 48).shape == (48, 83, 3)
    with pytest.raises(InvalidFile, match="another shape"):
        cover(frame, 100, 100)
