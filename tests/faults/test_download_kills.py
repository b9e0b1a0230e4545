"""A process killed while it downloads leaves no wrong byte, and the next one goes on (F17)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, RunPython
from tests.faults.download_faults import LONG, PATH
from tests.ledger import Count
from tests.storage.local_hub import Exchange, serving
from videosketcher_app.storage.downloads.part import num_bytes_waiting

CODE = "import runpy, sys; runpy.run_module(sys.argv.pop(1), run_name='__main__')"

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="victims are forks"),
]


@pytest.mark.row("F17", "kills of a download")
def test_kills_at_every_point_of_a_download(
    run_python: RunPython, tmp_path: Path, ledger: Count
) -> None:
    with serving({PATH: LONG}) as hub:
        words = ["tests.faults.download_victims", str(tmp_path), hub.url]
        done = run_python(CODE, *words, cwd=ROOT, timeout=500)
    assert done.returncode == 0, done.stderr
    reference, *cases = [json.loads(line) for line in done.stdout.splitlines()]
    assert {"download.write", "download.verified", "atomic.replaced"} <= set(reference["points"])
    assert len(cases) >= 15
    for case in cases:
        assert case["killed"], case
        assert case["whole_or_absent"], case
        assert case["after"], case
    ledger("F17", cases=len(cases))


def test_control_c_keeps_what_has_arrived(tmp_path: Path) -> None:
    """The command stops at once, though the hub is silent, and the same command goes on."""
    name, reached = "taew2_1.safetensors", threading.Event()
    target = tmp_path / "workspace/models/tiny-decoder" / name

    def silent_at_half(exchange: Exchange) -> None:
        exchange.head("200 OK", {"Content-Length": len(LONG)})
        exchange.send(LONG[: len(LONG) // 2])
        reached.set()
        exchange.pause(120)

    with serving({name: LONG}) as hub:
        hub.repo = "Kijai/WanVideo_comfy"
        hub.then("bytes", silent_at_half)
        ours = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "PYTHONPATH": str(ROOT)}
        ours["VIDEOSKETCHER_WORKSPACE"] = str(tmp_path / "workspace")
        words = ["-m", "videosketcher_app", "models", "download", "tiny-decoder", "--yes"]
        options = {"cwd": tmp_path, "env": {**os.environ, **ours}}
        child = subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, **options)
        assert reached.wait(120)
        while num_bytes_waiting(target) < len(LONG) // 2 and child.poll() is None:
            time.sleep(0.01)  # another process has no event to wait for
        child.send_signal(signal.SIGINT)
        told = child.communicate(timeout=25)[1]  # less than the hub's silence is tolerated
        assert child.returncode == 130, told
        assert b"Traceback" not in told
        assert num_bytes_waiting(target) == len(LONG) // 2
        again = subprocess.run([sys.executable, *words], timeout=120, check=False, **options)
        assert again.returncode == 0
        assert hub.requests["bytes"][-1].start == len(LONG) // 2
    assert target.read_bytes() == LONG
