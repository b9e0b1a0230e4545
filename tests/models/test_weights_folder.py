"""Rows that list patterns of files are whole once each of them names a file."""

from __future__ import annotations

from pathlib import Path

from videosketcher_app.models.model_rows import row_from
from videosketcher_app.models.weights_folder import WeightsFolder


def row():
    facts = {"kind": "dataset", "family": "clips", "about": "clips", "licence": "none"}
    files = {"clips/*.tar": {"bytes": None}, "names.json": {"bytes": None}}
    return row_from("some-clips", {**facts, "files": files})


def made(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / "some-clips" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1")


def test_a_pattern_means_all_files_that_are_there(tmp_path):
    weights = WeightsFolder(tmp_path)
    made(tmp_path, "clips/1.tar", "clips/2.tar", "clips/2.txt", "data/1/clip.mp4", ".part/3.tar")
    found = weights.files_of(row())
    assert sorted(found) == ["clips/1.tar", "clips/2.tar"]
    assert not weights.holds_all(row(), found), "names.json is missing"
    made(tmp_path, "names.json")
    found = weights.files_of(row())
    assert sorted(found) == ["clips/1.tar", "clips/2.tar", "names.json"]
    assert weights.holds_all(row(), found)
    made(tmp_path / "other", "names.json")
    other = WeightsFolder(tmp_path / "other")
    assert not other.holds_all(row(), other.files_of(row())), "no archive at all"
