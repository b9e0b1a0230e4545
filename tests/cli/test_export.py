"""`export` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.services.drawings import published
from videosketcher_app.cli.main import main


def test_export_writes_what_is_asked_for(tmp_path: Path, capsys) -> None:
    folder = published(tmp_path).folder
    words = ["export", str(folder), "--kind", "svg", "--kind", "png", "--height", "240", "--json"]
    assert main(words) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["kind"] for result in told] == ["svg", "png"]
    assert all(Path(result["file"]).is_file() for result in told)


def test_export_says_what_is_wrong(tmp_path: Path, capsys) -> None:
    assert main(["export", str(tmp_path / "none")]) == 2
    assert "There is no drawing" in capsys.readouterr().err
    folder = published(tmp_path).folder
    assert main(["export", str(folder), "--kind", "avi"]) == 2
    assert "Choose one of" in capsys.readouterr().err
