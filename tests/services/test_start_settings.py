"""A broken line of .env is left out and named; the environment and arguments stay strict."""

from __future__ import annotations

from pathlib import Path

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.start_settings import load_start_settings


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_the_default_is_used_for_a_broken_line_and_the_rest_counts(env_file: Path) -> None:
    env_file.write_text(
        "VIDEOSKETCHER_PORT=a lot\nVIDEOSKETCHER_QUEUE_SIZE=7\nOPENAI_API_KEY=sk-canary-123456\n",
        encoding="utf-8",
    )
    settings, (notice,) = load_start_settings()
    assert (settings.port, settings.queue_size) == (7860, 7)
    assert settings.openai_api_key is not None
    assert (notice.file, notice.line) == (".env", 1)
    assert "VIDEOSKETCHER_PORT" in notice.message
    assert "a lot" not in notice.message


def test_arguments_and_the_environment_go_first(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("VIDEOSKETCHER_PORT=x\nVIDEOSKETCHER_QUEUE_SIZE=7\n", encoding="utf-8")
    monkeypatch.setenv("VIDEOSKETCHER_QUEUE_SIZE", "9")
    settings, notices = load_start_settings(port=8000)
    assert (settings.port, settings.queue_size, len(notices)) == (8000, 9, 1)


def test_trouble_in_the_environment_stops_the_start(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("VIDEOSKETCHER_PORT=x\n", encoding="utf-8")
    monkeypatch.setenv("VIDEOSKETCHER_QUEUE_SIZE", "many")
    with pytest.raises(InvalidRequest, match="QUEUE_SIZE"):
        load_start_settings()


def test_no_file_is_no_notice(env_file: Path) -> None:
    assert load_start_settings()[1] == []


def test_bytes_that_are_no_text_are_named(env_file: Path) -> None:
    env_file.write_bytes(b"VIDEOSKETCHER_PORT=8000\n\xff\xff\n")
    settings, (notice,) = load_start_settings()
    assert (settings.port, notice.line) == (7860, 2)
