"""T8: YAML, prompts, requests and archives that would unfold to gigabytes are refused at once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import within
from tests.security.peak import Peak
from tests.security.text_cases import (
    PROMPT_BOMBS,
    REQUEST_BOMBS,
    WEIGHT_BOMBS,
    YAML_BOMBS,
    zip_of_zeros,
)
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.outputs import read_request
from videosketcher_app.services.presets import PRESETS, load_presets
from videosketcher_app.services.prompts_file import read_prompts
from videosketcher_app.storage.tensors import read_header, read_pickle_weights

pytestmark = pytest.mark.security

MAX_S, MAX_BYTES = 2.0, 300e6


def refused(read: Callable[[], object]) -> None:
    with Peak() as peak, pytest.raises(AppError) as caught:
        read()
    assert caught.value.message
    assert "Traceback" not in str(caught.value)
    cheap(peak)


def cheap(peak: Peak) -> None:
    assert within(peak.cpu_s, MAX_S)
    assert peak.most < MAX_BYTES


@pytest.mark.row("T8", "bombs")
@pytest.mark.parametrize("name", YAML_BOMBS)
def test_a_preset_that_unfolds_is_left_out_with_its_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "bomb.yaml").write_text(YAML_BOMBS[name], encoding="utf-8")
    with Peak() as peak:
        presets, notices = load_presets(PRESETS, tmp_path)
    cheap(peak)
    assert [notice.file for notice in notices] == ["bomb.yaml"]
    assert notices[0].message
    assert len(presets) == len(load_presets(PRESETS)[0])


@pytest.mark.row("T8", "bombs")
@pytest.mark.parametrize("name", PROMPT_BOMBS)
def test_a_prompts_file_that_unfolds_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(PROMPT_BOMBS[name], encoding="utf-8")
    refused(lambda: read_prompts(path))


@pytest.mark.row("T8", "bombs")
@pytest.mark.parametrize("name", REQUEST_BOMBS)
def test_a_request_that_unfolds_is_refused(name: str) -> None:
    refused(lambda: read_request(REQUEST_BOMBS[name]))


@pytest.mark.row("T8", "bombs")
@pytest.mark.parametrize("name", WEIGHT_BOMBS)
def test_a_bomb_of_weights_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb.safetensors"
    path.write_bytes(WEIGHT_BOMBS[name])
    refused(lambda: read_header(path))


@pytest.mark.row("T8", "bombs")
def test_an_archive_that_unfolds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    path.write_bytes(zip_of_zeros(1 << 29))
    assert path.stat().st_size < 1e6
    refused(lambda: read_pickle_weights(path))


def test_what_looks_alike_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("label: Mine\norder: 3", encoding="utf-8")
    presets, notices = load_presets(PRESETS, tmp_path)
    assert "Mine" in [preset.label for preset in presets]
    assert not notices
    (tmp_path / "prompts.csv").write_text('prompt\n"a cat, sitting"', encoding="utf-8")
    assert read_prompts(tmp_path / "prompts.csv") == ["a cat, sitting"]
    cases = len(YAML_BOMBS) + len(PROMPT_BOMBS) + len(REQUEST_BOMBS) + len(WEIGHT_BOMBS) + 1
    sys.stdout.write(json.dumps({"id": "T8-text", "cases": cases}) + "\n")
