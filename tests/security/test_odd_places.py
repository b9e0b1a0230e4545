"""F21: 40 odd environments; each starts and serves its page, or says in one sentence why not.

36 workspaces and folders are tried in this process, 4 environments of a process in their own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from tests import thorough
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build
from videosketcher_app.services.instance import InstanceLock
from videosketcher_app.services.launch import LaunchOptions
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.ui.serving import Serving

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.security
FEW = 3  # of the folders are tried on every run; the others with `slow`

NAMES = (
    "with spaces in it",
    "Zeichnungen für Übung",
    "絵を描く",
    "рисунки",
    "رسم",
    "emoji 🖍️",
    'quote\'s "double"',
    "percent%20sign",
    "hash#and?mark",
    "a" * 120,
    "/".join(["deep"] * 20),
    "brackets [1] {2} (3)",
)
KINDS = ("workspace", "output", "both")


def serve_once(workspace: Path, output: Path) -> int:
    settings = load_settings(workspace=workspace, output_dir=output, device="cpu")
    lock = InstanceLock(Workspace(workspace).lock)
    try:
        with lock, build(settings) as services:
            options = LaunchOptions(model="tiny")
            with Serving(services, options, say=str) as serving:
                return httpx.get(serving.owner_url).status_code
    except AppError as error:
        return error.exit_code if error.message and error.hint else 1


def places():
    """Every name as one kind, in a thorough run as every kind; the first few at once."""
    each = list(zip(NAMES, cycle(KINDS), strict=False))
    few = each[:FEW]
    pairs = [(name, kind) for name in NAMES for kind in KINDS] if thorough.IS_THOROUGH else each
    for number, pair in enumerate(pairs):
        yield pytest.param(*pair, id=str(number), marks=() if pair in few else pytest.mark.slow)


@pytest.mark.row("F21", "environments")
@pytest.mark.parametrize(("name", "kind"), list(places()))
def test_an_odd_folder_is_a_folder(tmp_path, name, kind):
    odd, plain = tmp_path / name, tmp_path / "plain"
    workspace = odd / "home" if kind != "output" else plain / "home"
    output = odd / "out" if kind != "workspace" else plain / "out"
    assert serve_once(workspace, output) == 303


@pytest.mark.row("F21", "environments")
def test_a_workspace_that_is_a_file_is_answered_with_a_sentence(tmp_path):
    (tmp_path / "home").write_text("in the way", encoding="utf-8")
    assert serve_once(tmp_path / "home", tmp_path / "out") == 2


ENVIRONMENTS = {
    "no home": {"HOME": None, "USERPROFILE": None},
    "plain locale": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
    "no temporary folder of its own": {"TMPDIR": "/nonexistent"},
    "a proxy in the way": {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
}


@pytest.mark.row("F21", "environments")
@pytest.mark.slow
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_odd_process_starts_or_says_why(tmp_path, name):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    environment["VIDEOSKETCHER_WORKSPACE"] = str(tmp_path / "home")
    for variable, value in ENVIRONMENTS[name].items():
        environment.pop(variable, None)
        if value is not None:
            environment[variable] = value
    command = [sys.executable, "-m", "videosketcher_app", "app", "--model", "tiny", "--no-browser"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = next(
            (m[0] for m in (re.search(r"http://127\S+", line) for line in process.stdout) if m), ""
        )
        if url:
            with httpx.Client(trust_env=False) as client:
                assert client.get(url).status_code == 303
        process.terminate()
        _, errors = process.communicate(timeout=180)
    assert url or errors.startswith("error: "), errors
    assert "Traceback" not in errors
