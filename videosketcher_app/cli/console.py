"""What a person sees in the terminal: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.events import Done, Event, Planned, Progress, Waiting

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

    from videosketcher_app.services.outputs import Drawing
    from videosketcher_app.services.planner import PlannedDrawing


class Console:
    """Prints what the flags ask for.

    Args:
        quiet: results only, no progress and no remarks.
        as_json: one JSON object a result on stdout and nothing else there.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self._results = sys.stdout  # stays ours, whatever a library does to the name
        self._bars = not quiet and sys.stderr.isatty()

    def result(self, value: dict[str, Any], text: str) -> None:
        """One result: the object with --json, else the text."""
        line = json.dumps(value, ensure_ascii=False) if self.as_json else text
        print(line, file=self._results, flush=True)

    def remark(self, text: str) -> None:
        """Something worth knowing that is not the result."""
        if not self.quiet and text:
            print(text, file=sys.stderr, flush=True)

    def plan(self, planned: PlannedDrawing) -> None:
        """The plan as a list, and the planner's remark."""
        parts = enumerate(planned.plan.parts, start=1)
        lines = [f"{planned.plan.concept}:", *(f"  {i}. {part.text}" for i, part in parts)]
        self.remark("\n".join(lines))
        self.remark(planned.note)

    def follow(self, events: Iterable[Event], *, title: str = "") -> Drawing:
        """Shows a run's events and returns its drawing."""
        with self._progress() as bar:
            task = bar.add_task(title or "starting", total=None) if bar else None
            for event in events:
                match event:
                    case Planned(planned=planned):
                        self.plan(planned)
                    case Progress() if bar is not None and task is not None:
                        bar.update(
                            task,
                            description=f"{title} {event.stage}".strip(),
                            total=event.num_steps or None,
                            completed=event.step,
                        )
                    case Waiting(position=position):
                        self.remark(f"{position} before this one")
                    case Done(drawing=drawing):
                        return drawing
        raise AssertionError("a run ends with Done")

    @contextmanager
    def steps(self) -> Iterator[Callable[[str, int, int], None]]:
        """A progress line: call it with what is going on, the step and how many; 0 if unknown."""
        with self._progress() as bar:
            if bar is None:
                yield lambda _text, _step, _num_steps: None
                return
            task = bar.add_task("starting", total=None)

            def show(text: str, step: int, num_steps: int) -> None:
                bar.update(task, description=text, total=num_steps or None, completed=step)

            yield show

    @contextmanager
    def log_of(self, name: str) -> Iterator[None]:
        """Shows what a package tells its log while the block runs, as remarks."""
        if self.quiet:
            yield
            return
        shown, logger = logging.StreamHandler(sys.stderr), logging.getLogger(name)
        level = logger.level
        logger.addHandler(shown)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(shown)
            logger.setLevel(level)

    @contextmanager
    def _progress(self) -> Iterator[ProgressBar | None]:
        if not self._bars:
            yield None
            return
        from rich.console import Console as Terminal
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as ProgressBar

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with ProgressBar(*columns, console=Terminal(stderr=True), transient=True) as bar:
            yield bar


def report_error(message: str, hint: str = "", *, code: str = "", as_json: bool = False) -> None:
    """One line on stderr: what was wrong, what to do."""
    if as_json:
        line = json.dumps({"code": code, "message": message, "hint": hint}, ensure_ascii=False)
    else:
        line = "error: " + " ".join(f"{message} {hint}".split())
    print(line, file=sys.stderr, flush=True)


def use_utf8() -> None:
    """Plans hold an en dash, which some terminals' own encodings cannot write."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
