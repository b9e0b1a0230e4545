"""One app a workspace: of many that start at once one wins, and a dead one is in nobody's way."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.services.instance import AlreadyRunning, InstanceLock, read_holder

ROOT = Path(__file__).resolve().parents[2]
NUM_RACES = 50
NUM_RUNNERS = 4
# Tries whenever it is told a path, says how it went, and lets go when it is told to.
RUNNER = """
import sys
from pathlib import Path
from videosketcher_app.services.instance import AlreadyRunning, InstanceLock
for line in sys.stdin:
    lock = InstanceLock(Path(line.strip()))
    try:
        lock.acquire()
        print("won", flush=True)
    except AlreadyRunning as running:
        print("lost", flush=True)
    sys.stdin.readline()
    lock.release()
    print("released", flush=True)
"""


def start_runner() -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=environment,
    )


def tell(runner, text):
    runner.stdin.write(f"{text}\n")
    runner.stdin.flush()


@pytest.mark.row("F15", "races", cases=NUM_RACES)
def test_every_race_has_exactly_one_winner(tmp_path):
    runners = [start_runner() for _ in range(NUM_RUNNERS)]
    try:
        for race in range(NUM_RACES):
            for runner in runners:
                tell(runner, tmp_path / f"{race}" / "lock")
            outcomes = [runner.stdout.readline().strip() for runner in runners]
            assert sorted(outcomes) == ["lost"] * (NUM_RUNNERS - 1) + ["won"], race
            for runner in runners:
                tell(runner, "go on")
            assert {runner.stdout.readline().strip() for runner in runners} == {"released"}
    finally:
        for runner in runners:
            runner.communicate()


def stale_texts() -> list[bytes]:
    """What crashed processes may leave: empty, cut, random, and pids that are somebody else's."""
    rng = random.Random(0)
    whole = json.dumps({"pid": 1, "port": 7860, "started": 1.0, "url": "http://x"}).encode()
    alive = whole.replace(b'"pid": 1', f'"pid": {os.getpid()}'.encode())
    dead = whole.replace(b'"pid": 1', b'"pid": 4194303')
    cuts = [whole[: rng.randrange(len(whole))] for _ in range(8)]
    noise = [rng.randbytes(rng.randrange(1, 6000)) for _ in range(8)]
    return [b"", whole, alive, dead, *cuts, *noise]


@pytest.mark.row("F15", "stale locks")
@pytest.mark.parametrize("text", stale_texts(), ids=range(20))
def test_a_stale_lock_is_taken_over(tmp_path, text):
    path = tmp_path / "lock"
    path.write_bytes(text)
    with InstanceLock(path):
        holder = read_holder(path)
        assert holder is not None
        assert holder.pid == os.getpid()


def test_a_killed_holder_leaves_the_workspace_free(tmp_path):
    runner = start_runner()
    tell(runner, tmp_path / "lock")
    assert runner.stdout.readline().strip() == "won"
    with pytest.raises(AlreadyRunning, match=str(runner.pid)):
        InstanceLock(tmp_path / "lock").acquire()
    runner.kill()
    runner.communicate()
    with InstanceLock(tmp_path / "lock"):
        pass


def test_the_second_learns_where_the_first_is(tmp_path):
    path = tmp_path / "lock"
    with InstanceLock(path) as first:
        first.announce(port=7861, url="http://127.0.0.1:7861/?token=x")
        with pytest.raises(AlreadyRunning, match="port 7861") as caught:
            InstanceLock(path).acquire()
        assert caught.value.exit_code == 2
        assert caught.value.holder is not None
        assert caught.value.holder.url.endswith("token=x")
    assert path.read_bytes() == b""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_nobody_else_can_read_the_key_in_it(tmp_path):
    with InstanceLock(tmp_path / "home" / "lock"):
        assert (tmp_path / "home" / "lock").stat().st_mode & 0o077 == 0


def test_a_workspace_that_cannot_be_made_is_answered_with_a_sentence(tmp_path):
    (tmp_path / "home").write_text("in the way", encoding="utf-8")
    with pytest.raises(CannotWrite, match="cannot be written"):
        InstanceLock(tmp_path / "home" / "lock").acquire()
