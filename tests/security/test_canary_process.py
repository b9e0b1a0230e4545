"""T15 on the real command: canary keys in the environment and in .env are found nowhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import httpx
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.security, pytest.mark.slow]
NAMES = ("OPENAI_API_KEY", "VIDEOSKETCHER_OPENAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY")
KEYS = {name: f"sk-canary-{number}-0a1b2c3d4e5f" for number, name in enumerate(NAMES)}
DOTENV = "sk-canary-dotenv-0a1b2c3d4e5f"
MARK = b"sk-canary-"
ROUTES = ("/", "/config", "/info", "/openapi.json", "/gradio_api/info", "/gradio_api/startup-events",
          "/gradio_api/openapi.json", "/videosketcher/sharing", "/theme.css", "/docs")  # fmt: skip


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        **KEYS,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "VIDEOSKETCHER_WORKSPACE": str(home),
        "VIDEOSKETCHER_OPENAI_BASE_URL": "http://127.0.0.1:9",  # nobody listens: a forced error
    }


class Children:
    """The environments of all children that the process ever had."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._command = self._process.cmdline()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: dict[int, bytes] = {}

    def __enter__(self) -> Children:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.01):
            try:
                for child in self._process.children(recursive=True):
                    self._look(child)
            except (psutil.Error, OSError):
                continue

    def _look(self, child: psutil.Process) -> None:
        text = Path(f"/proc/{child.pid}/environ").read_bytes()
        # A child that has not become another program yet shows its parent's environment as its own.
        if child.cmdline() not in ([], self._command):
            self.seen[child.pid] = text


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "videosketcher_app", *words]


def hits_below(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file() and MARK in path.read_bytes()]
    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found += [path for name in archive.namelist() if MARK in archive.read(name)]
    return found


@pytest.mark.row("T15", "ways out of the process")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_keys_stay_where_they_were_given(tmp_path):
    home, out = tmp_path / "home", tmp_path / "out"
    work = tmp_path / "work"
    work.mkdir()
    (work / ".env").write_text(f"VIDEOSKETCHER_OPENAI_API_KEY={DOTENV}\nOPENAI_API_KEY={DOTENV}\n")
    start = command("app", "--no-browser", "--model", "tiny", "--output-dir", str(out))
    with subprocess.Popen(
        start,
        cwd=work,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        printed: list[str] = []
        try:
            with Children(process.pid) as children:
                answers = draw_and_look(process, printed)
        finally:
            process.terminate()
        rest, _ = process.communicate(timeout=180)
    bundle = subprocess.run(
        command("doctor", "--bundle", str(tmp_path / "bundle.zip")),
        cwd=work, env=environment(home), capture_output=True, check=False, timeout=180,
    )  # fmt: skip
    assert (tmp_path / "bundle.zip").is_file(), bundle.stderr
    (tmp_path / "bundle").mkdir()
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        assert archive.namelist()
        archive.extractall(tmp_path / "bundle")
    said = "".join(printed) + rest + bundle.stdout.decode() + bundle.stderr.decode()
    assert "sk-canary-" not in said
    assert [route for route, body in answers.items() if MARK in body] == []
    assert [pid for pid, text in children.seen.items() if MARK in text] == []
    assert any(out.rglob("*.mp4"))
    assert [path for path in hits_below(tmp_path) if path != work / ".env"] == []


def draw_and_look(process: subprocess.Popen[str], printed: list[str]) -> dict[str, bytes]:
    """Every route's answer and the events of a drawing whose language model cannot be reached."""
    assert process.stdout is not None
    url = ""
    for line in process.stdout:
        printed.append(line)
        if found := re.search(r"http://127\S+token=\S+", line):
            url = found[0]
            break
    assert url, printed
    answers = {}
    base = url.partition("/?")[0]
    with httpx.Client(base_url=base, timeout=180, follow_redirects=True) as client:
        assert client.get(url).status_code == 200
        for route in ROUTES:
            answers[route] = client.get(route).content
        assert len(answers["/config"]) > 10_000
        answers["events"] = draw(client, json.loads(answers["/config"]))
    return answers


def draw(client: httpx.Client, config: dict) -> bytes:
    parts = {part["id"]: part["props"] for part in config["components"]}
    call = next(
        call
        for call in config["dependencies"]
        for target, event in call["targets"]
        if event == "click" and parts.get(target, {}).get("elem_id") == "draw"
    )
    data = [parts[part].get("value") for part in call["inputs"]]
    names = [parts[part].get("elem_id") for part in call["inputs"]]
    data[names.index("concept")] = "a zebra on a bicycle"
    message = {"data": data, "fn_index": call["id"], "session_hash": "canary"}
    assert client.post("/gradio_api/queue/join", json=message).status_code == 200
    begun = time.monotonic()
    with client.stream("GET", "/gradio_api/queue/data?session_hash=canary") as stream:
        body = b"".join(stream.iter_bytes())
    assert b"process_completed" in body
    assert time.monotonic() - begun < 120
    return body
