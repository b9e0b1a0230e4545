"""F24: files of every version are read as they were, and those of a newer one are refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.faults.kept_formats import EXPECTED, KINDS
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.saved import open_saved
from videosketcher_app.services.sketchbooks import Sketchbooks

pytestmark = pytest.mark.faults
KEPT = ROOT / "tests" / "fixtures" / "formats"
VERSIONS = sorted(folder.name for folder in KEPT.iterdir())


def copied(version: str, kind: str, folder: Path) -> Path:
    """The kept files, where they may be written beside."""
    return shutil.copytree(KEPT / version / kind, folder / kind)


def test_the_first_version_is_kept_whole() -> None:
    assert VERSIONS[0] == "0.1.0"
    for version in VERSIONS:
        kept = {entry.name for entry in (KEPT / version).iterdir()} - {EXPECTED}
        assert kept <= set(KINDS)
    assert {entry.name for entry in (KEPT / VERSIONS[-1]).iterdir()} == {*KINDS, EXPECTED}


@pytest.mark.row("F24", "kept files of every format")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_earlier_version_wrote_is_read(version: str, kind: str, tmp_path: Path) -> None:
    expected = json.loads((KEPT / version / EXPECTED).read_text(encoding="utf-8"))
    if kind not in expected:
        pytest.skip(f"{version} did not write this")
    found = KINDS[kind].read(copied(version, kind, tmp_path))
    assert _with_what_was_known(json.loads(json.dumps(found)), expected[kind]) == expected[kind]


def _with_what_was_known(found: object, expected: object) -> object:
    """Without fields that a later version has added."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return {k: _with_what_was_known(found[k], expected[k]) for k in found if k in expected}
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        return [_with_what_was_known(*pair) for pair in zip(found, expected, strict=True)]
    return found


# Kind -> the file that states a format, and how the app opens it.
STATED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "drawing": ("cat/cat_config.json", lambda folder: open_saved(folder / "cat")),
    "sketchbook": ("ink/dataset.json", lambda folder: Sketchbooks(folder).sketch("ink", "x")),
}


@pytest.mark.row("F24", "kept files of every format")
@pytest.mark.parametrize("kind", STATED)
def test_a_newer_format_is_refused_in_a_sentence(kind: str, tmp_path: Path) -> None:
    folder = copied(VERSIONS[-1], kind, tmp_path)
    name, opened = STATED[kind]
    values = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps({**values, "format": 731, "more": 1}), encoding="utf-8")
    with pytest.raises(AppError) as caught:
        opened(folder)
    assert "731" in str(caught.value)
    assert caught.value.hint


def test_a_newer_co_drawing_is_left_where_it_is(tmp_path: Path) -> None:
    folder = copied(VERSIONS[-1], "co-drawing", tmp_path)
    (session,) = (folder / "codraw").glob("*/session.json")
    values = json.loads(session.read_text(encoding="utf-8"))
    text = json.dumps({**values, "format": 731})
    session.write_text(text, encoding="utf-8")
    with pytest.raises(AppError, match="another version"):
        KINDS["co-drawing"].read(folder)
    assert session.read_text(encoding="utf-8") == text
