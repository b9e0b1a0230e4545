"""Shipped presets are possible requests; a broken one is left out with its file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videosketcher_app.core.requests import SketchRequest, check_canvas
from videosketcher_app.models.catalogue import model_rows
from videosketcher_app.services.presets import DEFAULT, PRESETS, load_presets

STUDIO_MULTIPLE_PX = 16
SHIPPED, _ = load_presets(PRESETS)
MODEL = json.loads((PRESETS.parent / "checkpoints" / "pocket" / "model.json").read_text("utf-8"))


def test_the_shipped_presets_are_all_there_in_their_order() -> None:
    presets, notices = load_presets(PRESETS)
    assert notices == []
    assert len(presets) == len(list(PRESETS.glob("*.yaml"))) >= 4
    assert presets[0].name == "default"
    assert len({preset.label for preset in presets}) == len(presets)


@pytest.mark.parametrize("preset", SHIPPED, ids=lambda preset: preset.name)
def test_every_shipped_preset_is_a_possible_request(preset) -> None:
    request = SketchRequest(prompt="a cat", **preset.request)
    is_pocket = request.model.startswith("pocket")
    multiple_px = MODEL["defaults"]["multiple_px"] if is_pocket else STUDIO_MULTIPLE_PX
    check_canvas(request, multiple_px=multiple_px, model=request.model)
    rows = {row.name: row for row in model_rows()}
    assert rows[request.model].draws
    assert {rows[lora.path].kind for lora in request.loras} <= {"lora"}
    plain = SketchRequest(prompt="a cat")
    assert (request == plain) == (preset.name == "default")


def test_every_preset_that_the_catalogue_names_is_there() -> None:
    named = {row.default_preset for row in model_rows()} - {None}
    assert named <= {preset.name for preset in SHIPPED}


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("label: A\nrequest:\n  fps: fast\n", 3, "fps"),
        ("label: A\nrequest:\n  fps: 12\n  num_frames: 80\n", 4, "Try 81"),
        ("label: A\n\nrequest:\n  stepz: 3\n", 4, "stepz"),
        ("label: A\nrequest:\n  prompt: a dog\n", 3, "cannot set 'prompt'"),
        ("order: 3\nlabel: ''\n", 2, "label"),
        ("label: A\norder: first\n", 2, "order"),
        ("label: A\ncolour: red\n", 2, "colour"),
        ("label: A\nlabel: B\n", 2, "twice"),
        ("label: A\nrequest: [1, 2]\n", 2, "fields"),
        ("label: A\nrequest: {fps: 12\n", 3, "YAML"),
        ("- 1\n- 2\n", 1, "must hold"),
        ("", 1, "must hold"),
        ("label: &a A\nrequest:\n  model: *a\n", 3, "Aliases"),
        ("label: A\norder: 2020-99-99\n", 1, "YAML"),
        ("label: !!python/name:os.system x\n", 1, "YAML"),
        ("label: A\nrequest:\n  fps: .nan\n", 3, "fps"),
        ("# " + "x" * 20_000, 1, "longer"),
        ("label: " + "[" * 5_000, 1, "YAML"),
    ],
)
def test_a_broken_preset_is_named_with_its_line(tmp_path: Path, text, line, told) -> None:
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "good.yaml").write_text("label: Good\n", encoding="utf-8")
    presets, (notice,) = load_presets(tmp_path)
    assert [preset.name for preset in presets] == ["good"]
    assert notice.file == "mine.yaml"
    assert told in notice.message
    assert str(notice).startswith(f"mine.yaml, line {notice.line}: ")
    assert notice.line == line


def test_a_folder_that_is_not_there_leaves_the_default() -> None:
    assert load_presets(Path("nowhere")) == ([DEFAULT], [])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"label: ok\norder: \xff\n")
    _, (notice,) = load_presets(tmp_path)
    assert (notice.line, "UTF-8" in notice.message) == (2, True)


def test_a_preset_of_the_workspace_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("label: Mine\norder: 1\n", encoding="utf-8")
    presets, _ = load_presets(PRESETS, tmp_path)
    assert "Mine" in [preset.label for preset in presets]
    assert len(presets) == len(SHIPPED)
