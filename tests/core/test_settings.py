"""Defaults < .env < environment < arguments; impossible values are named, keys never printed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from pydantic import ValidationError

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import AppSettings, load_settings

CANARY = "sk-canary-5271"


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for field in AppSettings.model_fields:
        monkeypatch.delenv(f"VIDEOSKETCHER_{field.upper()}", raising=False)


def test_every_source_overrides_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().port == 7860
    (tmp_path / ".env").write_text("VIDEOSKETCHER_PORT=1001\nVIDEOSKETCHER_HOST=a\nOTHER=1\n")
    assert (load_settings().port, load_settings().host) == (1001, "a")
    monkeypatch.setenv("VIDEOSKETCHER_PORT", "1002")
    assert (load_settings().port, load_settings().host) == (1002, "a")
    assert load_settings(port=1003, host=None).port == 1003


def test_settings_never_change_and_listen_to_this_machine_only() -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.output_dir == Path("outputs")
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert load_settings().workspace == tmp_path / ".videosketcher"
    assert load_settings(output_dir="~/sketches").output_dir == tmp_path / "sketches"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "abc"),
        ("port", "0"),
        ("port", "70000"),
        ("port", "1e999"),
        ("queue_size", "-1"),
        ("memory_gb", "nan"),
        ("memory_gb", "inf"),
        ("memory_gb", "0"),
        ("device", "cuda:0; rm"),
        ("refine_backend", "gpt"),
        ("log_level", "LOUD"),
        ("host", "a" * 300),
    ],
)
def test_an_impossible_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"VIDEOSKETCHER_{name.upper()}", value)
    with pytest.raises(InvalidRequest, match=f"VIDEOSKETCHER_{name.upper()} is not possible"):
        load_settings()


def test_a_path_with_nul_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="VIDEOSKETCHER_WORKSPACE"):
        load_settings(workspace="a\x00b")


def test_a_broken_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"VIDEOSKETCHER_HOST=\xff\xfe\n")
    with pytest.raises(InvalidRequest, match=r"\.env is not UTF-8"):
        load_settings()


@pytest.mark.security
@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "VIDEOSKETCHER_OPENAI_API_KEY"])
def test_a_key_is_usable_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    monkeypatch.setenv(variable, CANARY)
    settings = load_settings()
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == CANARY
    logging.getLogger("test").warning("%s %r", settings, settings)
    shown = [str(settings), repr(settings), settings.model_dump_json(), caplog.text]
    monkeypatch.setenv("VIDEOSKETCHER_PORT", CANARY)
    with pytest.raises(InvalidRequest) as caught:
        load_settings()
    assert CANARY not in "".join([*shown, str(caught.value)])
