"""A local chat model plans, leaves no memory behind, and refuses plainly when it cannot."""

from __future__ import annotations

import gc
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.chat_server import GOOD_PARTS
from tests.services.tiny_chat_model import write_tiny_chat_model
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.lease import DeviceLease, DeviceMemory
from videosketcher_app.services.planner import qwen
from videosketcher_app.services.planner.chat import PlannerFailed
from videosketcher_app.services.planner.prompt import messages_for
from videosketcher_app.services.planner.qwen import FOLDER, MODEL, QwenChat, weight_bytes
from videosketcher_app.services.request_planner import RequestPlanner

REPLY = json.dumps({"parts": GOOD_PARTS[:2]}, separators=(",", ":"))
ROOM_BYTES = 8_000_000_000


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qwen") / FOLDER
    write_tiny_chat_model(folder, REPLY)
    return folder


@pytest.fixture(autouse=True)
def _no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path: Path, shipped: Path) -> Path:
    copy = tmp_path / "home" / "models" / FOLDER
    shutil.copytree(shipped, copy)
    return copy


def lease_of(free_bytes: int) -> DeviceLease:
    memory = DeviceMemory(total_bytes=free_bytes, free_bytes=free_bytes)
    return DeviceLease(memory=lambda: memory)


def planner_of(tmp_path: Path, lease: DeviceLease, backend: str = "auto") -> RequestPlanner:
    settings = load_settings(workspace=tmp_path / "home", device="cpu", refine_backend=backend)
    return RequestPlanner(settings, lease=lease)


def test_auto_plans_with_the_local_model_and_frees_it(tmp_path: Path, folder: Path) -> None:
    from transformers import Qwen2ForCausalLM

    lease = lease_of(ROOM_BYTES)
    planned = planner_of(tmp_path, lease).plan(SketchRequest(prompt="a dog"), role=Role.OWNER)
    assert planned.planner == "qwen"
    assert planned.note == ""
    assert [part.name for part in planned.plan.parts] == ["Body", "Head"]
    assert lease.grants() == ()
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o) is Qwen2ForCausalLM]


def test_it_never_loads_beside_a_model_that_needs_the_memory(tmp_path: Path, folder: Path) -> None:
    lease = lease_of(ROOM_BYTES)
    with lease.resident("pocket-t2v", ROOM_BYTES - qwen.WORKING_BYTES):
        planned = planner_of(tmp_path, lease).plan(SketchRequest(prompt="a dog"), role=Role.OWNER)
    assert planned.planner == "library"
    assert planned.note.startswith("Qwen needs")
    assert planned.note.endswith("so this plan comes from the library.")
    assert lease.grants() == ()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "file model.safetensors is missing"),
        (lambda f: (f / "tokenizer.json").unlink(), "file tokenizer.json is missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x00" * 100), "cannot be used"),
        (lambda f: (f / "config.json").write_text("{"), "cannot be used"),
        (lambda f: (f / "config.json").write_text('{"model_type": "none"}'), "cannot be used"),
        (lambda f: (f / "model.safetensors.index.json").write_text("[]"), "cannot be read"),
        (
            lambda f: (f / "model.safetensors.index.json").write_text(
                '{"weight_map": {"a": "model-00001-of-00004.safetensors"}}'
            ),
            "file model-00001-of-00004.safetensors is missing",
        ),
        (
            lambda f: (f / "model.safetensors.index.json").write_text(
                '{"weight_map": {"a": "../../../etc/passwd"}}'
            ),
            "cannot be read",
        ),
    ],
)
def test_missing_and_damaged_files_are_said_and_the_library_takes_over(
    tmp_path: Path, folder: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(folder)
    lease = lease_of(ROOM_BYTES)
    planned = planner_of(tmp_path, lease).plan(SketchRequest(prompt="a dog"), role=Role.OWNER)
    assert planned.planner == "library"
    assert said in planned.note
    assert lease.grants() == ()


def test_what_was_removed_meanwhile_is_a_failure_like_any_other(tmp_path: Path) -> None:
    chat = QwenChat(tmp_path, device="cpu", lease=lease_of(ROOM_BYTES))
    assert not chat.is_on_disk
    with pytest.raises(PlannerFailed, match="not on this disk") as failure:
        chat.complete(messages_for("a dog"), seconds=5)
    assert f"models download {MODEL}" in failure.value.hint


def test_without_time_it_writes_nothing(folder: Path) -> None:
    lease = lease_of(ROOM_BYTES)
    with pytest.raises(PlannerFailed, match="was not loaded within"):
        QwenChat(folder.parent, device="cpu", lease=lease).complete(
            messages_for("a dog"), seconds=0.0
        )
    assert lease.grants() == ()


def test_a_large_model_is_not_tried_on_a_processor(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qwen, "MAX_BYTES_ON_CPU", weight_bytes(folder) - 1)
    chat = QwenChat(folder.parent, device="cpu", lease=lease_of(ROOM_BYTES))
    with pytest.raises(PlannerFailed, match="too slow without a graphics card"):
        chat.complete(messages_for("a dog"), seconds=5)


@pytest.mark.parametrize("planner", ["qwen", "openai"])
def test_a_planner_asked_for_by_name_must_be_set_up(tmp_path: Path, planner: str) -> None:
    request = SketchRequest(prompt="a dog", planner=planner)
    with pytest.raises(InvalidRequest) as refusal:
        planner_of(tmp_path, lease_of(ROOM_BYTES)).plan(request, role=Role.OWNER)
    assert planner in refusal.value.message
    assert refusal.value.hint


def test_auto_without_key_and_model_is_the_library_and_says_nothing(tmp_path: Path) -> None:
    planned = planner_of(tmp_path, lease_of(0)).plan(SketchRequest(prompt="a dog"), role=Role.OWNER)
    assert planned.planner == "library"
    assert planned.note == ""
