"""Serves both doors in a process of its own and answers questions about it, one a line.

    python -m tests.security.served_alone FOLDER

First comes the guests' address. "memory" asks for the bytes that the process holds, "waiting" for
the number of jobs that wait; the end of the input ends the app.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psutil

from tests.security.served import served


def main() -> None:
    import torch

    torch.set_num_threads(1)
    own = psutil.Process()
    with served(Path(sys.argv[1])) as app:
        answers = {
            "memory": lambda: own.memory_info().rss,
            "waiting": app.services.queue.waiting,
        }
        sys.stdout.write(f"{app.guest_base}\n")
        sys.stdout.flush()
        for line in sys.stdin:
            sys.stdout.write(f"{answers[line.strip()]()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
