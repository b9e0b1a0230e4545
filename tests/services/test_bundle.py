"""T15: the report holds what a maintainer needs and none of five canary keys."""

from __future__ import annotations

import json
import logging
import zipfile
from pathlib import Path

import pytest

from videosketcher_app.core.settings import load_settings
from videosketcher_app.services import logs
from videosketcher_app.services.bundle import write_bundle
from videosketcher_app.services.doctor import examine

CANARIES = {
    "OPENAI_API_KEY": "sk-canary-one-0123456789",
    "HF_TOKEN": "hf_canarytwo0123456789",
    "MY_SERVICE_SECRET": "canarythree-of-no-known-shape",
    "DB_PASSWORD": "canary four with spaces",
    "VIDEOSKETCHER_OPENAI_API_KEY": "canaryfive_0123456789",
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    return load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")


def leave_traces(settings) -> None:
    """A run whose prompt is a key, a log with keys in it, and a crash that names one."""
    run = settings.output_dir / "cat"
    run.mkdir(parents=True)
    record = {"request": {"prompt": f"a cat {CANARIES['OPENAI_API_KEY']}"}}
    (run / "cat_config.json").write_text(json.dumps(record), encoding="utf-8")
    folder = settings.workspace / "logs"
    folder.mkdir(parents=True)
    old = "\n".join(f"{name} was {value}" for name, value in CANARIES.items())
    (folder / "app.log.1").write_text(old, encoding="utf-8")
    handler = logs.start_logging(settings)
    try:
        raise RuntimeError(" ".join(CANARIES.values()))
    except RuntimeError:
        logging.getLogger("videosketcher_app.tests").exception("crashed")
    finally:
        logs.stop_logging(handler)


@pytest.mark.row("T15", "ways out of the process")
def test_the_report_is_complete_and_no_canary_is_in_it(settings, tmp_path: Path) -> None:
    leave_traces(settings)
    names = write_bundle(tmp_path / "report.zip", examine(settings), settings)
    with zipfile.ZipFile(tmp_path / "report.zip") as bundle:
        assert bundle.namelist() == names
        texts = {name: bundle.read(name).decode() for name in names}
    assert {"doctor.json", "versions.json", "machine.json", "settings.json"} <= set(texts)
    assert {"logs/app.log", "logs/app.log.1", "runs/cat/cat_config.json"} <= set(texts)
    hits = [(name, key) for name, text in texts.items() for key in CANARIES.values() if key in text]
    assert hits == []
    assert "crashed" in texts["logs/app.log"]
    assert "a cat" in texts["runs/cat/cat_config.json"]
    assert json.loads(texts["doctor.json"])[0]["name"] == "videosketcher"
    assert json.loads(texts["versions.json"])["packages"]["gradio"]
    assert json.loads(texts["machine.json"])["memory_bytes"] > 0


def test_a_copy_that_never_ran_can_be_packed_too(settings, tmp_path: Path) -> None:
    names = write_bundle(tmp_path / "report.zip", [], settings)
    assert len(names) == 4
