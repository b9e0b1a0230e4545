"""Items that cost nothing and bring trouble on purpose, and the process that hands them out.

python -m tests.faults.cluster_chores ADDRESS FOLDER 'TROUBLES as JSON' NUM_ITEMS
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from tests.faults.ray_nodes import NODE
from videosketcher_app.core.errors import AppError, CannotWrite
from videosketcher_app.storage import atomic

TRIES = "tries"


def content_of(item: int) -> bytes:
    """What an item's file holds, whoever makes it."""
    return hashlib.sha256(str(item).encode()).digest()


@dataclass(frozen=True, kw_only=True)
class ChoreRecipe:
    """Writes one file an item.

    Attributes:
        troubles: item -> what happens to it.
    """

    folder: Path
    troubles: Mapping[int, str]

    def open(self, device: str) -> ChoreMaker:
        """There is nothing to load, but it can fail."""
        assert device == "cpu"
        if self.troubles.get(-1) == "no start":
            raise RuntimeError("no start")
        return ChoreMaker(self)


class ChoreMaker:
    """Makes a file, unless trouble comes first."""

    def __init__(self, recipe: ChoreRecipe) -> None:
        self._folder, self._troubles = recipe.folder, recipe.troubles

    def make(self, item: int) -> str:
        """Writes the file of an item and returns the node that did."""
        node = os.environ[NODE]
        is_first = not [*(self._folder / TRIES).glob(f"{item}-*")]
        atomic.write_text(self._folder / TRIES / f"{item}-{node}-{secrets.token_hex(4)}", "")
        with atomic.replacing(self._folder / f"{item}.bin") as path:
            path.write_bytes(content_of(item)[:7])
            self._suffer(self._troubles.get(item, ""), node, is_first=is_first)
            path.write_bytes(content_of(item))
        return node

    def close(self) -> None:
        """Says that the end was in order."""
        atomic.write_text(self._folder / TRIES / f"closed-{secrets.token_hex(4)}", "")

    def _suffer(self, trouble: str, node: str, *, is_first: bool) -> None:
        if trouble == "dies" or (trouble == "dies once" and is_first):
            os.kill(os.getpid(), signal.SIGKILL)
        elif trouble == "raises":
            raise RuntimeError("nobody foresaw this")
        elif trouble == "disk":
            raise CannotWrite("There is no room.", hint="Free some space.")
        elif trouble == "ends with the second node":
            announced = self._folder / TRIES / "waiting"
            if node == "second":
                atomic.write_text(announced, "")
                time.sleep(1000)
            while not announced.exists():
                time.sleep(0.02)


def main(address: str, folder: str, troubles: str, num_items: str) -> int:
    """Says how each item ended, as JSON lines."""
    from videosketcher_app.cli.cluster_flags import connection
    from videosketcher_app.services.scale_out.cluster import ClusterOptions

    out = sys.stdout
    known = {int(item): trouble for item, trouble in json.loads(troubles).items()}
    recipe = ChoreRecipe(folder=Path(folder), troubles=known)
    try:
        with connection(ClusterOptions(address=address)) as cluster:
            outcomes = cluster.outcomes(recipe, range(int(num_items)), folder=Path(folder))
            with closing(outcomes):
                for outcome in outcomes:
                    say(asdict(outcome), out)
    except AppError as error:
        say({"code": error.code, "message": error.message}, out)
    except KeyboardInterrupt:
        return 130
    return 0


def say(value: object, out: TextIO) -> None:
    """One JSON line for the test."""
    out.write(json.dumps(value) + "\n")
    out.flush()


if __name__ == "__main__":
    # Workers know these classes by the module's own name.
    from tests.faults.cluster_chores import main as run

    sys.exit(run(*sys.argv[1:]))
