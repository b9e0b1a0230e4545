"""`brush`: names, pictures and colors from the shell."""

from __future__ import annotations

import json

import numpy as np
import pytest

from videosketcher_app.cli.brush import brush_of, is_picture
from videosketcher_app.cli.main import main
from videosketcher_app.storage.media import write_png

DRAW = ["--model", "tiny-brush", "--num-frames", "5", "--json", "--quiet"]


def run(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_brush_of_the_shelf_draws(capsys, tmp_path):
    where = ["--output-dir", str(tmp_path / "out")]
    code, out, _ = run(capsys, "brush", "a cat", "--input-image", "marker_blue", *DRAW, *where)
    assert code == 0
    result = json.loads(out)
    assert result["painted"] == "model"
    config = json.loads((tmp_path / "out/cat/cat_config.json").read_text("utf-8"))
    assert config["request"]["brush"]["name"] == "marker_blue"
    code, out, _ = run(
        capsys, "brush", "--request", str(tmp_path / "out/cat/cat_config.json"), *DRAW, *where
    )
    assert code == 0
    assert json.loads(out)["folder"] == result["folder"]


def test_the_references_spelling_draws_too(capsys, tmp_path):
    blank = tmp_path / "blank.png"
    write_png(blank, np.full((60, 80, 3), 255, np.uint8))
    words = ["inference.py", "--prompt", "a cat", "--input_image", str(blank), *DRAW]
    code, _, err = run(capsys, *words, "--output_dir", str(tmp_path / "out"))
    assert code == 2
    assert "no mark found" in err or "NO_MARK" in err


BAD = [
    ([], "A brush is missing"),
    (["--input-image", "broom"], "no brush named"),
    (["--input-image", "no/such/file.png"], "cannot be read"),
    (["--brush-color", "red"], "#1d3fa6"),
    (["--input-image", "marker_blue", "--brush-width", "900"], "width_px"),
    (["--input-image", "marker_blue", "--extend-prompt", "--as-written"], "exclude each other"),
]


@pytest.mark.parametrize(("words", "told"), BAD, ids=range(len(BAD)))
def test_bad_input_exits_2_with_one_line(capsys, tmp_path, words, told):
    where = ["--output-dir", str(tmp_path / "out")]
    code, out, err = run(capsys, "brush", "a cat", *words, "--model", "tiny", "--quiet", *where)
    assert code == 2
    assert told in err
    assert not out


def test_a_word_is_a_name_unless_a_file_is_called_so(tmp_path, monkeypatch):
    assert brush_of("marker_blue").name == "marker_blue"
    assert brush_of("my photo.JPG").image.endswith("my photo.JPG")
    assert is_picture("a/b")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "swatch").write_bytes(b"x")
    assert brush_of("swatch").image == str(tmp_path / "swatch")
