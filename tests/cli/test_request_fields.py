"""Flags become fields of a request in one place, whatever the command."""

from __future__ import annotations

import pytest
import typer

from videosketcher_app.cli.main import app
from videosketcher_app.cli.request_fields import _FIELDS, _OTHER_NAMES, request_fields
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import LoraSpec, SketchRequest

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
# Flags of the drawing commands that say where things come from or go, not what is drawn.
ELSEWHERE = {
    "prompts_file", "request_file", "extend_prompt", "device", "output_dir", "gif", "force",
    "as_json", "quiet", "input_image", "brush_color", "brush_width", "brush_kind", "no_box", "finish",
    "num_rollout", "num_overlap_frames", "endless", "background_image", "checkpoint", "config", "switch",
    "script", "help", "preset", "cluster", "workers", "cpus_per_worker",
}  # fmt: skip


def test_only_what_was_given_becomes_a_field():
    flags = {"prompt": "a cat", "seed": 0, "width": None, "as_written": False, "gif": True}
    assert request_fields(flags) == {"prompt": "a cat", "seed": 0}


def test_fields_that_are_called_otherwise():
    flags = {"refine_backend": "library", "lora": ["ink.safetensors=0.5"], "as_written": True}
    fields = request_fields(flags)
    assert fields["planner"] == "library"
    assert fields["as_written"] is True
    assert fields["loras"] == (LoraSpec.parse("ink.safetensors=0.5"),)
    assert "loras" not in request_fields({"lora": ()})


def test_flags_that_exclude_each_other():
    with pytest.raises(InvalidRequest, match="exclude each other"):
        request_fields({"extend_prompt": True, "as_written": True})


@pytest.mark.parametrize("command", ["sketch", "brush", "rollout", "codraw"])
def test_no_flag_of_a_command_is_forgotten(command):
    names = {parameter.name for parameter in COMMANDS[command].params} - ELSEWHERE
    assert {"seed", "model", "width"} <= names
    assert {_OTHER_NAMES.get(name, name) for name in names} <= set(_FIELDS)


def test_every_field_is_one_of_a_request():
    assert set(_FIELDS) <= set(SketchRequest.model_fields)
