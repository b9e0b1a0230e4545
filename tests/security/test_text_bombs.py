"""T8: YAML, prompts, requests and archives that would unfold to gigabytes are refused at once."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.security.peak import Peak
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.outputs import read_request
from videosketcher_app.services.presets import PRESETS, load_presets
from videosketcher_app.services.prompts_file import MAX_PROMPTS, MAX_PROMPTS_BYTES, read_prompts
from videosketcher_app.storage.guarded_media import TIME_LIMIT_S
from videosketcher_app.storage.tensors import read_pickle_weights

pytestmark = pytest.mark.security

MAX_S, MAX_BYTES = 2.0, 300e6


def laughs(depth: int) -> str:
    """YAML of some lines in which every list holds the one before ten times."""
    lists = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, depth)]
    return "\n".join(["a0: &a0 [ha, ha, ha]", *lists, f"label: *a{depth - 1}"])


def zip_of_zeros(num_bytes: int) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("archive/data.pkl", "w") as member,
    ):
        for _ in range(num_bytes >> 20):
            member.write(bytes(1 << 20))
    return buffer.getvalue()


YAML_BOMBS = {
    "ten times ten times ten": laughs(12),
    "itself": "label: &a [*a]",
    "merged": "a: &a {x: 1}\n" + "\n".join(f"b{n}: &b{n} {{<<: [*a, *a]}}" for n in range(200)),
    "nested lists": "label: " + "[" * 5000,
    "nested maps": "label: " + "{a: " * 5000,
    "deep indents": "\n".join(f"{' ' * n}a:" for n in range(300)),
    "one long word": "label: " + "a" * 50_000_000,
    "many keys": "\n".join(f"k{n}: 1" for n in range(500_000)),
    "a number without an end": "order: " + "9" * 5_000_000,
    "an object": "label: !!python/object/apply:os.system ['true']",
    "base sixty": "order: " + ":".join(["59"] * 4000),
}
PROMPT_BOMBS = {
    "too long.txt": "a" * (MAX_PROMPTS_BYTES + 1),
    "too many.txt": "a\n" * (MAX_PROMPTS + 1),
    "nested.json": "[" * 2_000_000,
    "nested maps.json": '{"a":' * 500_000,
    "a number.json": "[" + "9" * 4_000_000 + "]",
    "numbers.json": json.dumps(list(range(500_000))),
    "too many.json": json.dumps(["a"] * (MAX_PROMPTS + 1)),
    "one field.csv": '"' + "a" * 4_000_000,
    "columns.csv": "," * 2_000_000,
    "rows.csv": "prompt\n" + "a\n" * (MAX_PROMPTS + 1),
    "quotes.csv": '"' * 3_000_001,
}
REQUEST_BOMBS = {
    "nested": '{"prompt":' * 50_000,
    "long": json.dumps({"prompt": "a" * 5_000_000}),
    "number": '{"prompt": "a", "seed": ' + "9" * 150_000 + "}",
    "LoRAs": json.dumps({"prompt": "a", "loras": [{"path": "a"}] * 10_000}),
    "infinity": '{"prompt": "a", "cfg_scale": 1e999}',
}


def refused(read: Callable[[], object]) -> None:
    with Peak() as peak, pytest.raises(AppError) as caught:
        read()
    assert caught.value.message
    assert "Traceback" not in str(caught.value)
    cheap(peak)


def cheap(peak: Peak) -> None:
    assert peak.cpu_s < MAX_S
    assert peak.seconds < TIME_LIMIT_S
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
    cases = len(YAML_BOMBS) + len(PROMPT_BOMBS) + len(REQUEST_BOMBS) + 1
    sys.stdout.write(json.dumps({"id": "T8-text", "cases": cases}) + "\n")
