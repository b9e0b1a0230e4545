"""`data shapes`, `check` and `books`: one result, clear rows, exit codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from videosketcher_app.cli.main import main
from videosketcher_app.data.grammar.primitives import compose_primitives
from videosketcher_app.services.sketchbooks import FOLDER, Sketchbooks

SMALL = ["--width", "96", "--height", "54", "--num-frames", "9", "--quiet"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "home"))
    return tmp_path / "home"


def run(capsys, *words):
    code = main(["data", *(str(word) for word in words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_set_is_made_and_checked(capsys, tmp_path):
    code, out, _ = run(capsys, "shapes", tmp_path / "set", "--count", 2, *SMALL, "--json")
    assert (code, json.loads(out)["made"]) == (0, 2)
    code, out, _ = run(capsys, "check", tmp_path / "set")
    assert code == 0
    assert out.endswith("table, 2 usable, 0 problems\n")


def test_a_check_names_rows_columns_and_what_to_do(capsys, tmp_path):
    run(capsys, "shapes", tmp_path / "set", "--count", 3, *SMALL)
    clips = tmp_path / "set" / "video"
    (clips / "000001.mp4").write_bytes(b"no video")
    (clips / "000002.mp4").unlink()
    code, out, _ = run(capsys, "check", tmp_path / "set", "--json")
    report = json.loads(out)
    assert code == 2
    assert (report["usable"], report["problems"], report["good"]) == (1, 2, False)
    rows = {row["row"]: row for row in report["rows"]}
    assert set(rows) == {"3", "4"}
    for row in rows.values():
        assert row["file"] == "metadata_random_shapes.csv"
        assert row["column"] == "video"
        assert row["message"]
        assert row["fix"]
    code, out, _ = run(capsys, "check", tmp_path / "set", "--names-only")
    assert code == 2
    assert out.count("\n") == 2
    assert "row 4, column 'video': There is no file '000002.mp4'. Correct" in out


def test_what_is_no_dataset_is_a_row_too(capsys, tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        code, out, _ = run(capsys, "check", path, "--json")
        assert code == 2
        assert json.loads(out)["kind"] == ""


def test_the_folder_of_a_batch_is_a_dataset(capsys, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a cat\na house\n", "utf-8")
    drawn = ["--model", "tiny", "--num-frames", "9", "--device", "cpu", "--quiet"]
    batch = tmp_path / "batch"
    assert main(["sketch", "--prompts-file", str(prompts), "--output-dir", str(batch), *drawn]) == 0
    capsys.readouterr()
    code, out, _ = run(capsys, "check", batch, "--json")
    report = json.loads(out)
    assert (code, report["kind"], report["usable"]) == (0, "drawings", 2)


def test_books_are_listed_with_their_flaws(capsys, home):
    assert run(capsys, "books") == (0, "", "")
    books = Sketchbooks(home / FOLDER)
    books.create("ink")
    strokes = compose_primitives(np.random.default_rng(0)).sketch.strokes
    sketch_id = books.add("ink", strokes, width=432, height=240)
    (home / FOLDER / "other").mkdir()
    _, out, _ = run(capsys, "books")
    assert out.startswith("ink: 1 sketch\nother: ")
    _, out, _ = run(capsys, "books", "--json")
    assert [json.loads(line)["sketches"] for line in out.splitlines()] == [1, 0]
    for named in ("ink", home / FOLDER / "ink"):
        code, out, _ = run(capsys, "check", named, "--json")
        assert code == 2
        assert json.loads(out)["rows"][0]["row"] == f"1 ({sketch_id})"
    books.set_caption("ink", sketch_id, "a page of shapes")
    assert run(capsys, "check", "ink")[0] == 0


def test_bad_requests_are_one_line(capsys, tmp_path):
    for words in (["--count", 0], ["--style", "nothing"], ["--source", "x"], ["--width", 3]):
        code, out, err = run(capsys, "shapes", tmp_path / "set", *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert not (tmp_path / "set").exists()
