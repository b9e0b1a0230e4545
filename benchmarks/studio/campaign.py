"""Every row that waits for a GPU, each in a process of its own, the most important ones first.

    python -m benchmarks.studio campaign --out DIR [--budget-s 540] [--gpus 0,1] [--skip-done]
                                         [--rows NAME ...] [--smoke]

A row that fails, or runs past its limit, says why in DIR/campaign.jsonl, and the rest goes on; what it
had measured by then stays in DIR/lines.jsonl, and its last words in DIR/log.txt. `--skip-done` leaves
out what DIR says is done. Every GPU of `--gpus` takes the next row when it is free; rows for several
GPUs come last and take all of them. `--smoke` takes every row through at a tiny size on the CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lines import append_line

LINES_FILE, REPORT_FILE, LOG_FILE = "lines.jsonl", "campaign.jsonl", "log.txt"
LOG_TAIL_BYTES = 8_000  # of a row's output that is kept
WHY_CHARACTERS = 400
DONE, FAILED, LATE = "done", "failed", "out of time"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One command of the campaign.

    Attributes:
        command: after `python -m`; the file for its lines is added.
        smoke: the same at a tiny size on a CPU.
        limit_s: after which it is ended.
        least_s: without so much time left it is not begun.
        takes_all: it uses all GPUs at once.
    """

    name: str
    command: tuple[str, ...]
    smoke: tuple[str, ...]
    limit_s: int
    least_s: int
    takes_all: bool = False


def _studio(name: str, limit_s: int, least_s: int, *, takes_all: bool = False) -> Row:
    command = ("benchmarks.studio", name)
    return Row(
        name=name,
        command=command,
        smoke=(*command, "--tiny", "--device", "cpu"),
        limit_s=limit_s,
        least_s=least_s,
        takes_all=takes_all,
    )


SPARSE, APPROXIMATIONS = "benchmarks.sparse", "benchmarks.approximations"
# Seconds are guesses for one H200, compilation included.
ROWS: tuple[Row, ...] = (
    _studio("forward", 420, 150),
    _studio("memory", 400, 150),
    _studio("rollout", 540, 150),
    _studio("vae", 180, 60),
    _studio("few-steps", 300, 120),
    Row(
        name="sparse",
        command=(SPARSE,),
        smoke=(SPARSE, "--small", "--rounds", "3", "--shape", "wan2.1-14b-480p"),
        limit_s=240,
        least_s=80,
    ),
    _studio("complete", 420, 240),
    _studio("training-limits", 240, 150),
    _studio("training-speed", 420, 240),
    _studio("pipeline", 200, 80),
    _studio("cards", 540, 150),
    _studio("session", 120, 60),
    _studio("resident", 300, 100),
    _studio("forward-720p", 360, 200),
    Row(
        name="approximations",
        command=(APPROXIMATIONS, "--limit", "24"),
        smoke=(
            *(APPROXIMATIONS, "--limit", "1", "--frames", "5", "--steps", "4"),
            *("--device", "cpu", "--only", "frozen paper", "mode"),
        ),
        limit_s=400,
        least_s=150,
    ),
    Row(
        name="sparse-tune",
        command=(SPARSE, "cosine", "--tune", "--shape", "wan2.1-14b-480p"),
        smoke=(SPARSE, "cosine", "--small", "--shape", "wan2.1-14b-480p"),
        limit_s=400,
        least_s=120,
    ),
    _studio("kernels", 240, 120),
    _studio("parallel", 300, 120, takes_all=True),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one call of the campaign does.

    Attributes:
        gpus: numbers as CUDA counts them; "" is the CPU.
        budget_s: after which nothing runs any more.
    """

    rows: tuple[Row, ...]
    out: Path
    gpus: tuple[str, ...]
    budget_s: float
    is_smoke: bool = False


class Campaign:
    """Runs a plan's rows, one a GPU at a time."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._end_s = plan, time.monotonic() + plan.budget_s
        self._waiting = deque(row for row in plan.rows if not row.takes_all)
        self._lock = threading.Lock()
        plan.out.mkdir(parents=True, exist_ok=True)

    def run(self) -> list[dict[str, Any]]:
        """What came of every row that was begun."""
        reports: list[dict[str, Any]] = []

        def work(gpu: str) -> None:
            while (row := self._next()) is not None:
                reports.append(self._one(row, (gpu,)))

        threads = [threading.Thread(target=work, args=(gpu,)) for gpu in self._plan.gpus]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for row in self._plan.rows:
            if row.takes_all and self._left_s() >= self._least_s(row):
                reports.append(self._one(row, self._plan.gpus))
        return reports

    def _next(self) -> Row | None:
        """The first waiting row that there is time for."""
        with self._lock:
            left_s = self._left_s()
            for row in self._waiting:
                if left_s >= self._least_s(row):
                    self._waiting.remove(row)
                    return row
        return None

    def _one(self, row: Row, gpus: Sequence[str]) -> dict[str, Any]:
        lines = self._plan.out / LINES_FILE
        arguments = row.smoke if self._plan.is_smoke else row.command
        begun, limit_s = time.monotonic(), min(row.limit_s, self._left_s())
        state, output = finished(
            [sys.executable, "-m", *arguments, "--out", str(lines)], gpus, limit_s
        )
        report = {
            "row": row.name,
            "state": state,
            "seconds": round(time.monotonic() - begun, 1),
            "gpus": ",".join(filter(None, gpus)) or "cpu",
            "why": None if state == DONE else _why(output),
        }
        with self._lock:
            append_line(self._plan.out / REPORT_FILE, json.dumps(report))
            append_line(self._plan.out / LOG_FILE, f"== {row.name}: {state}\n{output}")
            sys.stdout.write(json.dumps(report) + "\n")
            sys.stdout.flush()
        return report

    def _left_s(self) -> float:
        return self._end_s - time.monotonic()

    def _least_s(self, row: Row) -> float:
        return 1.0 if self._plan.is_smoke else row.least_s


def finished(command: Sequence[str], gpus: Sequence[str], limit_s: float) -> tuple[str, str]:
    """Runs a command to its end, or ends it and all that it started; state and last output."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    if any(gpus):
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
    with subprocess.Popen(  # noqa: S603 - our own interpreter and modules, no shell
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,  # so that its own processes end with it
    ) as child:
        try:
            output, _ = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return LATE, child.communicate()[0][-LOG_TAIL_BYTES:]
    return DONE if child.returncode == 0 else FAILED, output[-LOG_TAIL_BYTES:]


def done_rows(out: Path) -> set[str]:
    """Names of the rows that a folder says are done."""
    path = out / REPORT_FILE
    if not path.exists():
        return set()
    reports = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {report["row"] for report in reports if report["state"] == DONE}


def _why(output: str) -> str:
    """The last line that says anything, which is where Python names the error."""
    said = [line.strip() for line in output.splitlines() if line.strip()]
    return said[-1][:WHY_CHARACTERS] if said else "no output"


def main(arguments: Sequence[str]) -> int:
    """Parses the command line; 1 if a row was not done."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.studio campaign",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget-s", type=float, default=540.0)
    parser.add_argument("--gpus", default="0", help="Numbers of GPUs, with commas.")
    parser.add_argument("--rows", nargs="*", choices=names, default=names, metavar="ROW")
    parser.add_argument("--skip-done", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args(arguments)
    left_out = done_rows(args.out) if args.skip_done else set()
    plan = Plan(
        rows=tuple(row for row in ROWS if row.name in args.rows and row.name not in left_out),
        out=args.out,
        gpus=("", "") if args.smoke else tuple(args.gpus.split(",")),
        budget_s=args.budget_s,
        is_smoke=args.smoke,
    )
    reports = Campaign(plan).run()
    missing = [row.name for row in plan.rows if row.name not in {r["row"] for r in reports}]
    if missing:
        sys.stdout.write(json.dumps({"not begun": missing}) + "\n")
    return int(bool(missing) or any(report["state"] != DONE for report in reports))
