"""Kills a process that downloads, and says what it left and how the next one ended, as JSON lines.

    python -m tests.faults.download_victims FOLDER URL

The hub at URL is of another process, since victims are forks of one without threads.

Every pass of every fault point of one download kills one process; the next goes on with what it left.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from tests.faults.download_faults import LONG, PATH
from tests.faults.forks import KILLED, run_victim
from tests.storage.local_hub import COMMIT, sha256
from videosketcher_app.core import faults
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.storage.downloads.fetch import fetch
from videosketcher_app.storage.downloads.hosts import HostRules
from videosketcher_app.storage.downloads.hubs import RemoteFile
from videosketcher_app.storage.downloads.limits import Limits
from videosketcher_app.storage.downloads.wire import Wire

LIMITS = Limits(stall_s=20.0, tries=2, pause_s=0.01, keep_free_bytes=0)


def work(url: str, place: Path) -> None:
    """What a victim does: brings one file."""
    remote = RemoteFile(
        url=f"{url}/someone/sketches/resolve/{COMMIT}/{PATH}",
        path=PATH,
        num_bytes=len(LONG),
        sha256=sha256(LONG),
        where="the hub",
    )
    with Wire(HostRules([url]), limits=LIMITS) as wire:
        fetch(remote, place / PATH, wire=wire, on_progress=lambda _: None, cancel=CancelToken())


def points_of(url: str, place: Path) -> list[str]:
    """The fault points that an undisturbed download passes."""
    with faults.traced() as names:
        work(url, place)
    return names


def one_case(url: str, place: Path, point: str, skip: int) -> None:
    """Kills one download and lets another go on."""
    code = run_victim(lambda: work(url, place), point=point, skip=skip)
    final = place / PATH
    left = final.read_bytes() if final.exists() else None
    work(url, place)
    say(
        point=point,
        skip=skip,
        killed=code == KILLED,
        whole_or_absent=left in (None, LONG),
        after=final.read_bytes() == LONG,
        beside=sorted(entry.name for entry in place.iterdir() if entry.name != PATH),
    )


def main(folder: Path, url: str) -> None:
    """Every point once for each time that it is passed, at most three times."""
    names = points_of(url, folder / "reference")
    say(points=sorted(set(names)))
    seen: Counter[str] = Counter()
    for name in names:
        if seen[name] < 3:
            one_case(url, folder / f"{name}-{seen[name]}", name, seen[name])
        seen[name] += 1


def say(**line: object) -> None:
    """One JSON line, at once."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
