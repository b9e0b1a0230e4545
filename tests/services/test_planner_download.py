"""The local planner from the hub to a plan: downloaded, checked, used where it lies, removed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.chat_server import GOOD_PARTS
from tests.services.tiny_planner import catalogue_of, tiny_planner_files
from tests.storage.local_hub import LocalHub, serving
from videosketcher_app.cli.main import main
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.model_rows import shipped_rows
from videosketcher_app.models.weights_folder import use_weights
from videosketcher_app.services.lease import DeviceLease, DeviceMemory
from videosketcher_app.services.planner.base import PlannedDrawing
from videosketcher_app.services.planner.qwen import FOLDER, MODEL
from videosketcher_app.services.request_planner import RequestPlanner

REPLY = json.dumps({"parts": GOOD_PARTS[:2]}, separators=(",", ":"))
REPO = "Qwen/Qwen2.5-7B-Instruct"
SHARD = "model-00003-of-00004.safetensors"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return tiny_planner_files(tmp_path_factory.mktemp("published"), REPLY)


@pytest.fixture
def hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> Iterator[LocalHub]:
    """Publishes the planner; settings and caches are those of a machine that has nothing yet."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLM_MODEL", "COMFYUI_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "ms"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "workspace"))
    with catalogue_of(tmp_path, files), serving(files) as running:
        running.repo = REPO
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running
        use_weights(None)


@pytest.fixture
def planner(hub: LocalHub) -> RequestPlanner:
    memory = DeviceMemory(total_bytes=8_000_000_000, free_bytes=8_000_000_000)
    lease = DeviceLease(memory=lambda: memory)
    return RequestPlanner(load_settings(device="cpu", refine_backend="auto"), lease=lease)


def plan(planner: RequestPlanner, backend: str = "auto") -> PlannedDrawing:
    return planner.plan(SketchRequest(prompt="a dog", planner=backend), role=Role.OWNER)


def told(capsys: Capture, *words: str) -> list[dict]:
    """The results of a command of `models`, which must succeed."""
    capsys.readouterr()  # a plan before shows how its weights are read
    code = main(["models", *words, "--json", "--quiet"])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


def listed(capsys: Capture) -> dict:
    (row,) = (row for row in told(capsys, "list", "--all") if row["name"] == MODEL)
    return row


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_refusal_names_the_command_that_brings_it(
    planner: RequestPlanner, capsys: Capture, files: dict[str, bytes]
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        plan(planner, "qwen")
    assert "Models tab" in refusal.value.hint
    assert plan(planner).planner == "library"
    (command,) = re.findall(r"`python -m videosketcher_app (.+?)`", refusal.value.hint)
    assert main([*shlex.split(command), "--yes", "--quiet"]) == 0
    assert plan(planner, "qwen").planner == "qwen"
    planned = plan(planner)
    assert (planned.planner, planned.note) == ("qwen", "")
    assert [part.name for part in planned.plan.parts] == [part["name"] for part in GOOD_PARTS[:2]]
    row = listed(capsys)
    assert (row["kind"], row["state"], row["here"]) == ("planner", "here", True)
    size = sum(len(content) for content in files.values())
    assert (row["bytes_on_disk"], row["total_bytes"]) == (size, size)


def test_it_is_checked_by_its_hashes_and_removed(
    planner: RequestPlanner, capsys: Capture, tmp_path: Path
) -> None:
    told(capsys, "download", MODEL, "--yes")
    assert main(["models", "verify", MODEL, "--quiet"]) == 0
    names = len(shipped_rows()[MODEL].files)
    assert f"{names} of its files have the published hash" in capsys.readouterr().out
    shard = tmp_path / "workspace" / "models" / MODEL / SHARD
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert main(["models", "verify", MODEL, "--quiet"]) == 3
    assert f"{SHARD} is not the published file" in capsys.readouterr().err
    told(capsys, "remove", MODEL)
    assert not shard.parent.exists()
    assert listed(capsys)["state"] == "absent"
    assert plan(planner).planner == "library"


def test_a_download_that_is_not_whole_does_not_plan(
    planner: RequestPlanner, hub: LocalHub, capsys: Capture, files: dict[str, bytes]
) -> None:
    del hub.files[SHARD]
    assert main(["models", "download", MODEL, "--yes", "--quiet"]) == 1
    assert SHARD in capsys.readouterr().err
    hub.files = {**files, SHARD: files[SHARD][:-1] + b"x"}  # replaced at the hub
    assert main(["models", "download", MODEL, "--yes", "--quiet"]) == 1
    assert "not the file that the catalogue describes" in capsys.readouterr().err
    hub.files = dict(files)
    told(capsys, "download", MODEL, "--yes")
    folder = Path(listed(capsys)["folder"])
    (folder / SHARD).unlink()
    assert listed(capsys)["state"] == "partial"
    planned = plan(planner)
    assert (planned.planner, planned.note) == ("library", "")
    with pytest.raises(InvalidRequest, match="not on this disk"):
        plan(planner, "qwen")
    told(capsys, "download", MODEL, "--yes")
    assert plan(planner).planner == "qwen"


def test_the_hubs_cache_is_used_without_a_copy_and_only_forgotten(
    planner: RequestPlanner,
    hub: LocalHub,
    capsys: Capture,
    tmp_path: Path,
    files: dict[str, bytes],
) -> None:
    cache = tmp_path / "hf" / "hub" / f"models--{REPO.replace('/', '--')}"
    blobs = write(cache / "blobs", files)
    snapshot = cache / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    for name in files:
        (snapshot / name).symlink_to(blobs / name)
    row = listed(capsys)
    assert (row["state"], row["folder"]) == ("found", str(snapshot))
    (here,) = told(capsys, "download", MODEL, "--yes")
    assert (here["state"], here["folder"]) == ("found", str(snapshot))
    assert hub.num_requests() == 0
    assert plan(planner).planner == "library"
    told(capsys, "where", MODEL, "--use")
    assert plan(planner).planner == "qwen"
    told(capsys, "remove", MODEL)
    assert plan(planner).planner == "library"
    assert (snapshot / SHARD).read_bytes() == files[SHARD]


def test_a_folder_that_somebody_put_there_plans_and_is_found(
    planner: RequestPlanner, hub: LocalHub, capsys: Capture, tmp_path: Path, files: dict[str, bytes]
) -> None:
    folder = write(tmp_path / "workspace" / "models" / FOLDER, files)
    assert plan(planner).planner == "qwen"
    row = listed(capsys)
    assert (row["state"], row["folder"]) == ("found", str(folder))
    told(capsys, "where", MODEL, "--use")
    assert plan(planner).planner == "qwen"
    told(capsys, "remove", MODEL)
    assert listed(capsys)["state"] == "found"
    assert hub.num_requests() == 0
