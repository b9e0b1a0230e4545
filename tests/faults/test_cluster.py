"""On a Ray cluster of two nodes everything comes out as in one process, whoever dies meanwhile."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.faults.cluster_chores import TRIES, content_of
from tests.faults.ray_nodes import RayNodes, two_nodes

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="Ray's clusters are for Linux"),
]
pytest.importorskip("ray", reason="needs the extra cluster")

WAIT_S = 240.0
COMMANDS = """
import json, sys
from videosketcher_app.cli.main import main
for words in json.loads(sys.argv[1]):
    print("exit", main(words), flush=True)
"""
CANVAS = ["--model", "tiny", "--num-frames", "9", "--width", "48", "--height", "48"]
PROMPTS = ["a cat", "?!", "a house"]


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """Killed nodes do not come back, so every test that kills one is the last."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Ray's sockets have long names, and the system allows 107 characters.
    with (
        tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder,
        two_nodes(Path(folder), port) as nodes,
    ):
        yield nodes


def chores(
    nodes: RayNodes, folder: Path, troubles: dict[int, str], num_items: int
) -> subprocess.Popen[str]:
    """The process that hands items out."""
    words = [nodes.address, str(folder), json.dumps(troubles), str(num_items)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.cluster_chores", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=nodes.environment(),
    )


def lines_of(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def tries_of(folder: Path, item: int) -> list[str]:
    return [path.name.split("-")[1] for path in (folder / TRIES).glob(f"{item}-*")]


def results(folder: Path) -> dict[int, bytes]:
    return {int(path.stem): path.read_bytes() for path in folder.glob("[0-9]*.bin")}


def left_in(folder: Path) -> dict[str, Any]:
    """Every file but the run records, and the batch's summary without its times."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith("_run.json"):
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    for name in [name for name in found if name.endswith("batch_summary.json")]:
        summary = json.loads(found[name])
        for entry in summary["results"]:
            del entry["seconds"]
        found[name] = {**summary, "written": ""}
    return found


def commands(prompts: Path, out: Path, *more: str) -> list[list[str]]:
    """The three users: a batch, the latents of what it drew, and a teacher's paths."""
    draw = ["sketch", "--prompts-file", str(prompts), *CANVAS, "--output-dir", str(out / "drawn")]
    encode = ["data", "latents", str(out / "drawn"), *CANVAS, "--output-dir", str(out / "clips")]
    pair = ["data", "ode-pairs", str(prompts.parent / "words.txt"), "--model", "tiny"]
    settings = prompts.parent / "pairs.yaml"
    pair += ["--config", str(settings), "--output-dir", str(out / "pairs")]
    few = ["--workers", "1"] if more else []  # each worker costs a start of torch
    return [[*words, *more, "--quiet"] for words in (draw, encode, [*pair, *few])]


def test_three_users_leave_the_bytes_of_one_process(nodes: RayNodes, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("\n".join(PROMPTS), encoding="utf-8")
    (tmp_path / "words.txt").write_text("a cat\na house\n", encoding="utf-8")
    (tmp_path / "pairs.yaml").write_text(
        "{width: 48, height: 48, num_frames: 9, num_inference_steps: 4, keep: [0, 2, -1], count: 4}",
        encoding="utf-8",
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", COMMANDS, json.dumps(commands(prompts, tmp_path / name, *more))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=nodes.environment(),
        )
        for name, more in (("here", []), ("cluster", ["--cluster", nodes.address]))
    ]
    for process in running:
        out, err = process.communicate(timeout=WAIT_S)
        exits = [line for line in out.splitlines() if line.startswith("exit")]
        assert exits == ["exit 1", "exit 0", "exit 0"], (out, err)
    here, cluster = left_in(tmp_path / "here"), left_in(tmp_path / "cluster")
    assert here.keys() == cluster.keys()
    assert [name for name in here if here[name] != cluster[name]] == []
    assert {"clips/00000001.safetensors", "pairs/00003.safetensors"} <= here.keys()
    assert {"drawn/1_cat/1_cat.mp4", "drawn/3_house/3_house.svg"} <= here.keys()


def test_lost_workers_are_replaced_and_one_bad_item_stops_no_other(
    nodes: RayNodes, tmp_path: Path
) -> None:
    troubles = {1: "dies once", 2: "dies", 4: "raises"}
    ended = {line["item"]: line for line in lines_of(chores(nodes, tmp_path, troubles, 8))}
    assert sorted(ended) == [*range(8)]
    assert {item for item, line in ended.items() if line["error"]} == {2, 4}
    assert "the worker was lost" in ended[2]["error"]
    assert "nobody foresaw this" in ended[4]["error"]
    assert {line["value"] for line in ended.values()} <= {"head", "second", None}
    assert results(tmp_path) == {item: content_of(item) for item in (0, 1, 3, 5, 6, 7)}
    assert [len(tries_of(tmp_path, item)) for item in range(8)] == [1, 2, 3, 1, 3, 1, 1, 1]
    assert not [*tmp_path.glob(".cluster-*")]


def test_what_would_befall_every_item_stops_the_run(nodes: RayNodes, tmp_path: Path) -> None:
    *_, last = lines_of(chores(nodes, tmp_path / "disk", {0: "disk"}, 2))
    assert last == {"code": "CANNOT_WRITE", "message": "There is no room."}
    (last,) = lines_of(chores(nodes, tmp_path / "start", {-1: "no start"}, 2))
    assert last["code"] == "CLUSTER_TROUBLE"
    assert "no start" in last["message"]


def test_control_c_ends_the_workers_and_leaves_nothing_half_written(
    nodes: RayNodes, tmp_path: Path
) -> None:
    trouble = "ends with the second node"
    process = chores(nodes, tmp_path, {0: trouble}, 1)
    # Either node may get the only item; both wait.
    until(lambda: bool(tries_of(tmp_path, 0)))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    until(lambda: not nodes.left("ray::Worker"))
    assert results(tmp_path) == {}
    assert not [*tmp_path.glob(".cluster-*")]


def test_a_lost_node_s_item_is_made_elsewhere(nodes: RayNodes, tmp_path: Path) -> None:
    trouble = "ends with the second node"
    process = chores(nodes, tmp_path, dict.fromkeys(range(4), trouble), 4)
    until(lambda: (tmp_path / TRIES / "waiting").exists())
    nodes.kill("second")
    ended = lines_of(process)
    assert {line["value"] for line in ended} == {"head"}
    assert results(tmp_path) == {item: content_of(item) for item in range(4)}
    assert sorted(len(tries_of(tmp_path, item)) for item in range(4)) == [1, 1, 1, 2]
    assert len([*(tmp_path / TRIES).glob("closed-*")]) == 1  # the head's worker ended in order
