"""Flattening loses no content, whatever the names are."""

from __future__ import annotations

import pytest

from videosketcher_app.cli.main import main
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage.flatten import flatten

TREE = {
    "top.mp4": "top",
    "a/one.mp4": "one",
    "a/top.mp4": "top",
    "b/top.mp4": "another",
    "b/c/top.mp4": "a third",
    "b/c/one.mp4": "one",
    "b/.hidden": "h",
    "d/top_2.mp4": "has the free name",
}


@pytest.fixture
def folder(tmp_path):
    for name, content in TREE.items():
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "videos"


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()
    }


def test_every_content_is_kept_and_twins_are_dropped(folder):
    done = flatten(folder)
    found = contents(folder)
    assert set(found.values()) == set(TREE.values())
    assert not any("/" in name for name in found)
    assert done.twins == ["a/top.mp4", "b/c/one.mp4"]
    assert done.renamed == {
        "b/c/top.mp4": "top_2.mp4",
        "b/top.mp4": "top_3.mp4",
        "d/top_2.mp4": "top_2_2.mp4",
    }
    assert found["top_2.mp4"] == "a third"
    assert [p for p in folder.iterdir() if p.is_dir()] == []
    assert flatten(folder).moved == 0


def test_links_and_folders_of_the_same_name_stay(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "far.mp4").write_text("far")
    (folder / "a" / "link").symlink_to(outside)
    (folder / "a" / "d").write_text("named like a folder")
    done = flatten(folder, keep_structure=True)
    assert done.links == ["a/link"]
    assert (outside / "far.mp4").read_text() == "far"
    assert done.renamed["a/d"] == "d_2"
    assert (folder / "b" / "c").is_dir()


def test_the_command_asks_first(folder, monkeypatch, capsys):
    monkeypatch.setattr("typer.confirm", lambda text: False)
    assert main(["data", "flatten", str(folder)]) == 130
    assert contents(folder) == TREE
    assert main(["data", "flatten", str(folder), "-f"]) == 0
    assert "renamed: 3" in capsys.readouterr().out
    with pytest.raises(InvalidFile):
        flatten(folder / "nowhere")
