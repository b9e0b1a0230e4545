"""Videos need PyAV; everything else about them does without."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from videosketcher_app.services.doctor import _encoder
from videosketcher_app.storage.media import (
    copy_video,
    read_video,
    write_gif,
    write_png,
    write_video,
)
from videosketcher_app.storage.video_library import MissingVideoLibrary

FRAME = np.full((16, 16, 3), 255, np.uint8)


@pytest.fixture
def no_av(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)


def test_videos_are_refused_in_one_sentence(tmp_path, monkeypatch):
    video = tmp_path / "a.mp4"
    write_video(video, [FRAME] * 3, fps=8)
    whole = video.read_bytes()
    monkeypatch.setitem(sys.modules, "av", None)
    for refused in (
        lambda: read_video(video),
        lambda: copy_video(video, tmp_path / "b.mp4"),
        lambda: write_video(video, [FRAME], fps=8),
    ):
        with pytest.raises(MissingVideoLibrary, match="PyAV") as caught:
            refused()
        assert "pip install av" in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert video.read_bytes() == whole


@pytest.mark.usefixtures("no_av")
def test_pictures_are_written_all_the_same(tmp_path):
    write_png(tmp_path / "a.png", FRAME)
    write_gif(tmp_path / "a.gif", [FRAME, FRAME], fps=8, finished_HW3=FRAME)
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".gif"}


@pytest.mark.usefixtures("no_av")
def test_the_doctor_says_so():
    finding = _encoder()
    assert not finding.good
    assert "PyAV" in finding.found
    assert finding.hint == "Install it: pip install av."
