"""Rules for all tests: no network, nothing left behind, the same random examples every time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

if "PYTEST_XDIST_WORKER" in os.environ:
    # Several workers share the cores; torch and OpenCV read these when they are imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Nothing that a test draws is noted in the history of the person who runs it.
os.environ.setdefault("VIDEOSKETCHER_WORKSPACE", tempfile.mkdtemp(prefix="videosketcher-tests-"))

from tests.ledger import add_option, configure
from videosketcher_app.core import faults

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_BROWSER = "VIDEOSKETCHER_REQUIRE_BROWSER"
THREAD_GRACE_S = 5.0
LINES_OF_A_FAILURE = 40
# Threads that libraries keep for the life of the process.
KEPT_THREADS = (
    "AnyIO worker",
    "asyncio_",
    "tqdm",
    "ThreadPoolExecutor-",
    "Thread-auto_conversion",
    "InductorSubproc",
    "subproc_worker_timer",
)

settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_addoption(parser: pytest.Parser) -> None:
    add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    configure(config)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))


class FailuresAtOnce:
    """Tells a failed attempt when it happens: a run that reaches its limit has no summary."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome not in ("failed", "rerun"):
            return
        crash = getattr(report.longrepr, "reprcrash", None)
        why = str(crash.message).strip().splitlines()[:LINES_OF_A_FAILURE] if crash else []
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            words = f"{report.outcome} after {report.duration:.0f} s: {report.nodeid}"
            reporter.write_line("\n" + " | ".join([words, *(line[:2000] for line in why)]))


@pytest.fixture(autouse=True)
def _no_network(_nothing_left_behind: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another machine fails at once.

    Asks for the other rule first, so that monkeypatch has undone its work when that one looks.
    """
    connect = socket.socket.connect
    connect_ex = socket.socket.connect_ex

    def check(sock: socket.socket, address: Any) -> None:
        inet = sock.family in (socket.AF_INET, socket.AF_INET6)
        if inet and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to connect to {address}")

    def guarded(sock: socket.socket, address: Any) -> None:
        check(sock, address)
        connect(sock, address)

    def guarded_ex(sock: socket.socket, address: Any) -> int:
        check(sock, address)
        return connect_ex(sock, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_ex)


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Threads, our variables, the working folder and armed faults are as before the test."""
    threads, folder, variables = _threads(), Path.cwd(), _variables()
    yield
    new_threads = _threads() - threads
    for thread in new_threads:
        thread.join(THREAD_GRACE_S)
    alive = sorted(thread.name for thread in new_threads if thread.is_alive())
    assert not alive, f"the test left threads running: {alive}"
    assert Path.cwd() == folder, "the test changed the working folder"
    assert _variables() == variables, "the test changed the app's environment variables"
    assert not faults.armed_names(), "the test left a fault point armed"


@pytest.fixture(autouse=True)
def _folder_of_its_own(
    _nothing_left_behind: None,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """A test starts in an empty folder and leaves it empty: files go where the test says."""
    folder = tmp_path_factory.mktemp("cwd")
    monkeypatch.chdir(folder)
    yield
    left = sorted(entry.name for entry in folder.iterdir())
    assert not left, f"the test left files in the working folder: {left}"


def _threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if not t.name.startswith(KEPT_THREADS)}


def _variables() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k.startswith("VIDEOSKETCHER_")}


@pytest.fixture
def run_python(tmp_path: Path) -> RunPython:
    """Runs a snippet of Python in a child process with the package in reach."""

    def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
        command = [sys.executable, "-c", code, *arguments]
        options = {"cwd": tmp_path, "env": environment, "timeout": 300, **options}
        return subprocess.run(command, capture_output=True, text=True, check=False, **options)

    return run


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The system's Chromium; CI must have one, other machines skip without.

    The headless shell comes first: it has no window's own pages to draw beside ours.
    """
    for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    message = "no Chromium on this machine: install the package chromium"
    if os.environ.get(REQUIRE_BROWSER):
        pytest.fail(f"{message} ({REQUIRE_BROWSER} is set)")
    pytest.skip(message)
