"""The log turns over, holds no key and, at INFO, no prompt."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import AppSettings, load_settings
from videosketcher_app.services import logs
from videosketcher_app.services.container import build

KEYS = {
    "OPENAI_API_KEY": "canary-key-one-in-no-shape",
    "HF_TOKEN": "hf_canaryTokenTwo0123456789",
    "PROXY_PASSWORD": "canary password three",
}
SHAPED = "sk-canaryfour-0123456789abcdef"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppSettings:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")


@pytest.fixture
def log(settings: AppSettings) -> Iterator[logging.Logger]:
    handler = logs.start_logging(settings)
    yield logging.getLogger("videosketcher_app.tests")
    logs.stop_logging(handler)


def written(settings: AppSettings) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in logs.log_files(settings))


def test_no_key_reaches_the_file_in_whatever_way_it_is_logged(settings, log) -> None:
    for value in (*KEYS.values(), SHAPED):
        log.info("the key is %s", value)
        log.warning(f"https://user:{value.replace(' ', '')}@example.invalid/")
        try:
            raise ValueError(f"refused: {value}")
        except ValueError:
            log.exception("it failed")
    log.info("Authorization: Bearer abcdefgh12345678 and api_key='abcdefghijkl'")
    text = written(settings)
    assert text.count("it failed") == 4
    for value in (*KEYS.values(), SHAPED, "abcdefgh12345678", "abcdefghijkl"):
        assert value not in text


def test_ordinary_words_stay(settings, log) -> None:
    log.info("tiny loaded in 0.25 s, 0.6 MB; task-force, basket, token ring")
    assert "tiny loaded in 0.25 s, 0.6 MB; task-force, basket, token ring" in written(settings)


def test_a_drawing_leaves_no_prompt_in_the_log(settings, log) -> None:
    with build(settings) as services:
        request = SketchRequest(prompt="a canaryprompt", model="tiny", seed=1)
        list(services.generation.run(request, role=Role.OWNER))
    text = written(settings)
    assert "tiny loaded" in text
    assert "canaryprompt" not in text


def test_the_file_turns_over_and_the_oldest_goes(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 2_000)
    handler = logs.start_logging(settings)
    try:
        for number in range(500):
            logging.getLogger("videosketcher_app.tests").info("line %d", number)
    finally:
        logs.stop_logging(handler)
    files = logs.log_files(settings)
    assert len(files) == logs.NUM_OLD_FILES + 1
    assert sum(path.stat().st_size for path in files) <= 5 * 2_000
    assert "line 499" in written(settings)
    assert "line 0\n" not in written(settings)


def test_other_packages_and_the_root_stay_as_they_were(settings) -> None:
    before = list(logging.getLogger().handlers)
    handler = logs.start_logging(settings)
    assert logging.getLogger().handlers == before
    logs.stop_logging(handler)
    assert handler not in logging.getLogger("videosketcher_app").handlers
