"""`doctor` measures and tries when it is asked to, and says what came out, row by row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videosketcher_app.cli.main import main
from videosketcher_app.services.model_manager import calibration


def test_calibration_and_self_test_become_rows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "SECONDS", 0.05)
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "home"))
    monkeypatch.setenv("VIDEOSKETCHER_OUTPUT_DIR", str(tmp_path / "out"))
    monkeypatch.setenv("VIDEOSKETCHER_DEVICE", "cpu")
    main(["doctor", "--calibrate", "--self-test", "--json"])
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert "FLOP/s in matrix products" in rows["speed"]["found"]
    assert rows["pocket-t2v draws"]["good"]
    assert "It drew 9 frames" in rows["tiny draws"]["found"]
    assert "measured on this machine" in rows["room for wan2.1-t2v-1.3b"]["found"] or (
        "needs" in rows["room for wan2.1-t2v-1.3b"]["found"]
    )
