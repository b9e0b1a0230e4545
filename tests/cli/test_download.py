"""`models download` and `data download` from the first word to the verified file."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.storage.local_hub import LocalHub, content_of, serving
from videosketcher_app.cli.main import main

WEIGHTS = content_of(7, 50_000)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """Stands for both hubs; the settings come from the environment, as a person sets them."""
    with serving({"taew2_1.safetensors": WEIGHTS}) as running:
        running.repo = "Kijai/WanVideo_comfy"
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("MODELSCOPE_ENDPOINT", running.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "workspace"))
        yield running


def test_a_model_is_brought_and_named(
    hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "download", "tiny-decoder", "--yes", "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (result["state"], result["bytes"]) == ("done", len(WEIGHTS))
    assert Path(result["folder"]) == tmp_path / "workspace/models/tiny-decoder"
    assert (Path(result["folder"]) / "taew2_1.safetensors").read_bytes() == WEIGHTS
    assert "licence: MIT" in printed.err
    assert "free" in printed.err


def test_what_is_on_the_disk_is_not_brought_twice(
    hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "download", "tiny-decoder", "--yes", "--quiet"]) == 0
    asked = hub.num_requests()
    assert main(["models", "download", "tiny-decoder", "--yes", "--quiet"]) == 0
    assert "here already" in capsys.readouterr().out
    assert hub.num_requests() == asked
    file = tmp_path / "workspace/models/tiny-decoder/taew2_1.safetensors"
    file.write_bytes(bytes(len(WEIGHTS)))
    assert main(["models", "download", "tiny-decoder", "--yes", "--quiet", "--again"]) == 0
    assert file.read_bytes() == WEIGHTS


def test_what_cannot_be_had_says_so_in_one_line(
    hub: LocalHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files.clear()
    assert main(["models", "download", "tiny-decoder", "--yes", "--quiet"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "tiny-decoder" in printed.err
    assert "no file taew2_1.safetensors" in printed.err


def test_offline_is_one_sentence(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["models", "download", "tiny-decoder", "--yes", "--quiet"]) == 1
    assert "offline" in capsys.readouterr().err
    assert hub.num_requests() == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["models", "download", "nothing-like-it"], "no model named"),
        (["models", "download", "pocket-t2v", "--again"], "comes with the app"),
        (["models", "download", "tiny-decoder", "--source", "modelscope"], "not known at"),
        (["models", "download", "tiny-decoder", "--revision", "../main"], "names no revision"),
        (["data", "download", "tiny-decoder"], "not a data set"),
    ],
)
def test_impossible_requests_are_refused(
    hub: LocalHub, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main([*words, "--yes", "--quiet"]) in (1, 2)
    assert says in capsys.readouterr().err
    assert hub.num_requests() == 0


def test_a_data_set_goes_where_it_is_told_and_is_unpacked(
    hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("sketch_shapes/metadata.csv", "video,prompt")
    hub.files = {"sketch_shapes.zip": packed.getvalue(), "README.md": b"# Sketches"}
    hub.repo = "VideoSketcher/VideoSketcher-data"
    words = ["data", "download", "videosketcher-data", "--output-dir", str(tmp_path / "sets")]
    assert main([*words, "--yes", "--quiet"]) == 0
    folder = tmp_path / "sets/videosketcher-data"
    assert (folder / "data/sketch_shapes/metadata.csv").read_text() == "video,prompt"
    assert str(folder) in capsys.readouterr().out
