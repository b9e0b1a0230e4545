"""Annotation files are merged on disk, by the documented command line too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from videosketcher_app.cli.main import main
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.services.annotations import merge_files

SCRIPT = Path(__file__).parents[2] / "scripts" / "merge_json.py"


@pytest.fixture
def files(tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text('\ufeff{"v": "één", "w": 1}', "utf-8")
    second.write_text('{"w": 2}', "utf-8")
    return first, second


def test_the_documented_command_line(files, tmp_path):
    output = tmp_path / "new" / "merged.json"
    words = ["--input1", files[0], "--input2", files[1], "--output", output, "--mode", "append"]
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True, check=True
    )
    assert output.read_text("utf-8") == '{\n  "v": "één",\n  "w": 1,\n  "w_1": 2\n}\n'
    assert "renamed: 1" in done.stdout


def test_the_output_may_be_an_input(files):
    merged = merge_files(*files, files[0])
    assert json.loads(files[0].read_text("utf-8")) == {"v": "één", "w": 2}
    assert merged.counts.replaced == 1


def test_what_the_reader_should_know_is_said(tmp_path):
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    first.write_text('[{"id": 1, "id": 2}]')
    second.write_text("[3]")
    assert "end to end" in merge_files(first, second, first).notes[0]
    first.write_text('[{"id": 1, "id": 2}]')
    notes = merge_files(first, second, first, key_field="id").notes
    assert "1 items have no field 'id'" in notes[0]
    assert "twice in one object: id" in notes[1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1, column 1"),
        ("{'a': 1}", "line 1, column 2"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "nested too deeply|Expecting value"),
    ],
)
def test_broken_files_are_named_and_nothing_is_written(files, tmp_path, text, reason):
    broken = tmp_path / "broken.json"
    broken.write_text(text)
    with pytest.raises(InvalidFile, match=f"broken.json is not JSON: .*({reason})"):
        merge_files(files[0], broken, tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()
    words = ["data", "merge-json", "--input1", str(broken), "--input2", str(files[0])]
    assert main([*words, "--output", str(tmp_path / "out.json")]) == 2
