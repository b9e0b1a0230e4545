"""A Ray cluster: connects to it, counts its places, and has items made on it.

Ray's own retries are off. A worker that dies, with its process, its machine or by an error nobody
foresaw, is replaced, and its item goes to the end of the line; an item that was tried three times
in vain ends with an error of its own, and the others go on.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app import __version__
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.scale_out.crew import Crew, Ended
from videosketcher_app.services.scale_out.work import Outcome, Recipe
from videosketcher_app.services.scale_out.worker import Worker
from videosketcher_app.storage import atomic

logger = logging.getLogger(__name__)

MAX_TRIES = 3
MAX_FALSE_STARTS = 3  # workers lost in a row before one of them was ready
PATIENCE_S = 300.0  # without any worker, for a place to become free
CONNECT_S = 10.0
_TICK_S = 1.0
_MARKER = ".cluster-"


class ClusterTrouble(AppError):
    """The cluster is not there, or not fit for the work."""

    code = "CLUSTER_TROUBLE"


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which cluster, and how much of it.

    Attributes:
        address: "HOST:PORT" of its head, or "auto" for the one of this machine.
        workers: at most so many; 0 takes all places.
        cpus_per_worker: of a worker's machine. Each worker also takes one GPU if there are any.
    """

    address: str
    workers: int = 0
    cpus_per_worker: int = 1


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A connection, good until `connected` ends.

    Attributes:
        workers: that work at the same time.
        gpus_per_worker: 1, or 0 where no machine has one.
    """

    workers: int
    cpus_per_worker: int
    gpus_per_worker: int

    def outcomes(
        self, recipe: Recipe, items: Sequence[int], *, folder: Path
    ) -> Generator[Outcome, None, None]:
        """Has items made and yields them as they end, in any order; closing it cancels the rest.

        Args:
            folder: of the results.

        Raises:
            ClusterTrouble: no worker can be had, or none survives its start.
            AppError: what a worker says would befall every item.
        """
        with _marked(folder) as marker:
            crew = Crew(lambda: self._hire(recipe, marker))
            try:
                yield from _Run(crew, items, min(self.workers, len(items))).outcomes()
                crew.close()
            finally:
                crew.kill()

    def _hire(self, recipe: Recipe, marker: Path) -> Any:
        import ray

        options = ray.remote(Worker).options(
            num_cpus=self.cpus_per_worker,
            num_gpus=self.gpus_per_worker,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        device = "cuda" if self.gpus_per_worker else "cpu"
        return options.remote(recipe, device, marker, __version__)


class _Run:
    """Hands items out and takes back what became of them."""

    def __init__(self, crew: Crew, items: Sequence[int], workers: int) -> None:
        self._crew, self._workers = crew, workers
        self._waiting = deque(items)
        self._tries: Counter[int] = Counter()
        self._false_starts = 0
        self._seen_s = time.monotonic()  # when there was a worker

    def outcomes(self) -> Iterator[Outcome]:
        crew = self._crew
        while self._waiting or crew.count("make"):
            while self._waiting and (actor := crew.rested()) is not None:
                crew.make(actor, self._waiting.popleft())
            while crew.size < min(self._workers, len(self._waiting) + crew.count("make")):
                crew.hire()
            ended = crew.next_ended(_TICK_S)
            self._check_patience()
            if ended is None:
                continue
            if ended.lost:
                yield from self._lose(ended)
            elif ended.hand.step == "arrive":
                crew.open(ended.hand.actor)
            else:
                crew.rest(ended.hand.actor)
                self._false_starts = 0
                if ended.hand.item is not None:
                    yield Outcome(item=ended.hand.item, value=ended.value)

    def _lose(self, ended: Ended) -> Iterator[Outcome]:
        item = ended.hand.item
        if item is None:
            self._false_starts += 1
            if self._false_starts == MAX_FALSE_STARTS:
                raise ClusterTrouble(
                    f"{MAX_FALSE_STARTS} workers failed before they could begin: {ended.lost}.",
                    hint="Look into Ray's logs: memory, drivers, or a version that differs.",
                )
            return
        self._tries[item] += 1
        if self._tries[item] < MAX_TRIES:
            self._waiting.append(item)
        else:
            yield Outcome(item=item, error=f"Tried {MAX_TRIES} times, the last time: {ended.lost}.")

    def _check_patience(self) -> None:
        crew, now = self._crew, time.monotonic()
        if crew.size > crew.count("arrive"):
            self._seen_s = now
        elif now - self._seen_s > PATIENCE_S:
            raise ClusterTrouble(
                f"The cluster had no free place for {PATIENCE_S / 60:.0f} minutes.",
                hint="`ray status` shows who has them, and whether its machines are alive.",
            )


@contextmanager
def connected(options: ClusterOptions) -> Iterator[Cluster]:
    """A connection to a cluster; one at a time in a process.

    Raises:
        ClusterTrouble: Ray is not installed, nothing answers, or no worker fits.
        InvalidRequest: the address is none.
    """
    _check_address(options.address)
    # Ray counts its users and tells its makers; it reads this when it is imported.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ClusterTrouble(
            "Ray is not installed.", hint='Install it: pip install "videosketcher-app[cluster]".'
        ) from error
    from ray.exceptions import RayError

    try:
        ray.init(
            address=options.address,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, RayError) as error:
        if "AuthToken" in str(error):
            raise ClusterTrouble(
                f"The cluster at {options.address} wants its token.",
                hint="Copy its ~/.ray/auth_token here, or set RAY_AUTH_MODE and RAY_AUTH_TOKEN.",
            ) from error
        raise _unreachable(options.address) from error
    try:
        yield room_of(options, ray.nodes())
    finally:
        ray.shutdown()


def room_of(options: ClusterOptions, nodes: Sequence[dict[str, Any]]) -> Cluster:
    """How many workers fit on machines that are alive.

    Raises:
        ClusterTrouble: none.
    """
    resources = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = 1 if any(here.get("GPU", 0) >= 1 for here in resources) else 0
    places = [int(here.get("CPU", 0)) // options.cpus_per_worker for here in resources]
    if gpus:
        places = [
            min(room, int(here.get("GPU", 0))) for room, here in zip(places, resources, strict=True)
        ]
    if not sum(places):
        raise ClusterTrouble(
            f"No machine of the cluster has {options.cpus_per_worker} CPUs for a worker.",
            hint="Give fewer --cpus-per-worker, or start Ray with more --num-cpus.",
        )
    workers = min(options.workers or sum(places), sum(places))
    return Cluster(workers=workers, cpus_per_worker=options.cpus_per_worker, gpus_per_worker=gpus)


def _check_address(address: str) -> None:
    """Asks the head before Ray does, which would go on asking for a while, or start a cluster."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidRequest(
            f"{address[:80]!r} is no address of a cluster.", hint="Give HOST:PORT, or auto."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        raise _unreachable(address) from error


def _unreachable(address: str) -> ClusterTrouble:
    return ClusterTrouble(
        f"No Ray cluster answers at {address[:80]}.",
        hint="Start one: `ray start --head` here, `ray start --address HOST:PORT` elsewhere.",
    )


@contextmanager
def _marked(folder: Path) -> Iterator[Path]:
    """Lends a file in the folder of the results, by which workers know that they see it too."""
    with atomic.explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{_MARKER}*"):
            old.unlink(missing_ok=True)
    marker = folder / f"{_MARKER}{secrets.token_hex(4)}"
    atomic.write_text(marker, "")
    try:
        yield marker
    finally:
        with suppress(OSError):
            marker.unlink(missing_ok=True)
