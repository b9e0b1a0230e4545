"""Two Ray nodes on this machine, bound to the loopback address, and everything ended afterwards.

They let in whoever has their token, so other people of the machine cannot use them.

A node is a process group of its own. All that belongs to the cluster carries a mark in its
environment, by which a test finds what is left of it.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.conftest import ROOT

START_S = 120.0
END_S = 60.0
MARK, NODE = "TEST_CLUSTER_MARK", "TEST_CLUSTER_NODE"
# A Ray that may serve other machines takes the outer address in place of 127.0.0.1. Whoever only
# connects can be told by a variable that it may not; a node then refuses to start.
CONNECTS_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# A head asks the metadata addresses of clouds where it runs, and tells its makers that it tells them
# nothing. Nothing answers at this port.
NOWHERE = "http://127.0.0.1:9"
NO_CALLS = {
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
    "no_proxy": "localhost,127.0.0.1",
    "RAY_USAGE_STATS_REPORT_URL": NOWHERE,
}
NODE_CODE = """
from ray._private import services
services.get_node_ip_address = lambda address=None: "127.0.0.1"
from ray.scripts.scripts import main
main()
"""


class RayNodes:
    """A head and a second node of one CPU each.

    Attributes:
        address: of the head.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._folder, self._port, self._token = folder, port, secrets.token_hex(32)
        self._nodes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Starts both and waits until they are up."""
        where = ["--head", f"--port={self._port}", "--include-dashboard=false"]
        self._start("head", [*where, f"--temp-dir={self._folder / 'h'}"])
        self._start("second", [f"--address={self.address}"])

    def kill(self, name: str) -> None:
        """Ends a node and its workers at once, as when a machine loses its power."""
        os.killpg(self._nodes[name].pid, signal.SIGKILL)
        self._nodes[name].wait(END_S)

    def stop(self) -> None:
        """Ends whatever is still there, and makes sure of it."""
        for process in [*self._nodes.values()]:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(END_S)
        for process in self.left():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        deadline = time.monotonic() + END_S
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not self.left(), "the cluster left processes"

    def left(self, title: str = "") -> list[psutil.Process]:
        """Living processes of this cluster, or those of a title: "ray::Worker"."""
        return [p for p in psutil.process_iter() if self._is_ours(p, title)]

    def environment(self, node: str = "") -> dict[str, str]:
        """Variables for a process of this cluster: a node, or one that connects to it."""
        own = {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "RAY_USAGE_STATS_ENABLED": "0"}
        own |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self._token, "OMP_NUM_THREADS": "1"}
        own |= {MARK: str(self._folder), NODE: node}
        return {**os.environ, **(NO_CALLS if node else CONNECTS_ONLY), **own}

    def _is_ours(self, process: psutil.Process, title: str) -> bool:
        try:
            return (
                process.status() != psutil.STATUS_ZOMBIE
                and process.pid != os.getpid()
                and process.environ().get(MARK) == str(self._folder)
                and title in " ".join(process.cmdline())
            )
        except psutil.Error:
            return False

    def _start(self, name: str, words: list[str]) -> None:
        log = self._folder / f"{name}.log"
        command = [
            *(sys.executable, "-c", NODE_CODE, "start", *words, "--block"),
            *("--node-ip-address=127.0.0.1", "--num-cpus=1", "--num-gpus=0"),
            *("--object-store-memory=80000000", "--disable-usage-stats"),
            "--include-log-monitor=false",
        ]
        with log.open("wb") as file:
            node = subprocess.Popen(
                command,
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
                env=self.environment(name),
                cwd=self._folder,
                start_new_session=True,
            )
        self._nodes[name] = node
        deadline = time.monotonic() + START_S
        while b"runtime started" not in log.read_bytes():
            assert node.poll() is None, log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.05)


@contextmanager
def two_nodes(folder: Path, port: int) -> Iterator[RayNodes]:
    """Both nodes; they end with the block, whatever happens in it."""
    nodes = RayNodes(folder, port)
    try:
        nodes.start()
        yield nodes
    finally:
        nodes.stop()
