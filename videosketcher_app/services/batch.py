"""A list of prompts, one run each: resumes, reports what is broken, and goes on.

The command line follows `run_batch` itself; the app runs it in the background (batch_runs.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from videosketcher_app.core.errors import CannotWrite, InvalidRequest, OutOfMemory
from videosketcher_app.core.events import Done, Event
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.job import JobFailure
from videosketcher_app.services.outputs import file_names
from videosketcher_app.services.prompts_file import read_prompts
from videosketcher_app.storage import atomic

__all__ = [
    "SUMMARY",
    "BatchEntry",
    "BatchEvent",
    "Draws",
    "read_prompts",
    "run_batch",
]

SUMMARY = "batch_summary.json"
_SUMMARY_PAUSE_S = 1.0
# What one prompt can be to blame for; anything else would befall the next prompt too.
OF_ONE_PROMPT = (InvalidRequest, JobFailure, OutOfMemory)


@dataclass(frozen=True, kw_only=True)
class BatchEntry:
    """How one prompt ended.

    Attributes:
        index: its line among the non-empty lines, from 1.
        status: "done", "skipped" (was finished before) or "failed".
        folder: name of its folder below the batch's; empty if it failed.
        seconds: how long it took now.
        error: what was wrong; empty unless it failed.
        note: what sets it apart from others with the same prompt.
    """

    index: int
    prompt: str
    status: str
    folder: str = ""
    seconds: float = 0.0
    error: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchEvent:
    """An event of the prompt being drawn, or its entry once it has ended."""

    index: int
    count: int
    event: Event | None = None
    entry: BatchEntry | None = None


class Draws(Protocol):
    """What a batch draws with: GenerationService, or the app's own way to it."""

    def run(self, request: SketchRequest, *, destination: Destination) -> Iterator[Event]:
        """As `GenerationService.run`."""
        ...


def run_batch(
    generation: Draws,
    prompts: Sequence[str],
    settings: Mapping[str, Any],
    *,
    output_dir: Path,
    force: bool = False,
    gif: bool = False,
    own_settings: Sequence[Mapping[str, Any]] = (),
) -> Generator[BatchEvent, None, None]:
    """Draws every prompt into `<i>_<name>`; closing the iterator cancels what is being drawn.

    Args:
        settings: fields of every request but its prompt.
        force: draws again what is finished.
        own_settings: further fields for each prompt; none if all requests are alike.

    Raises:
        AppError: what would stop every prompt (a missing model, an unwritable folder).
    """
    check_settings(settings)
    summary = Summary(output_dir, total=len(prompts))
    earlier = {} if force else earlier_folders(output_dir)
    try:
        for index, prompt in enumerate(prompts, start=1):
            own = own_settings[index - 1] if own_settings else {}
            for event in prompt_events(
                generation,
                index,
                {**settings, **own, "prompt": prompt},
                earlier.get(index, ()),
                destination=destination_of(index, output_dir, gif=gif),
            ):
                if isinstance(event, BatchEntry):
                    summary.add(event)
                    yield BatchEvent(index=index, count=len(prompts), entry=event)
                else:
                    yield BatchEvent(index=index, count=len(prompts), event=event)
    finally:
        summary.write_if_new()


def check_settings(settings: Mapping[str, Any]) -> None:
    """A bad flag is nobody's broken prompt.

    Raises:
        InvalidRequest: a field of every request is not possible.
    """
    SketchRequest(**{**settings, "prompt": "anything"})


def destination_of(index: int, output_dir: Path, *, gif: bool) -> Destination:
    """Where the prompt in this place of a batch goes."""
    return Destination(folder=output_dir, prefix=f"{index}_", gif=gif)


def prompt_events(
    generation: Draws,
    index: int,
    fields: Mapping[str, Any],
    earlier: Sequence[Path],
    *,
    destination: Destination,
) -> Iterator[Event | BatchEntry]:
    """Events of one prompt, then its entry, also if the prompt is to blame for its end.

    Args:
        fields: of the request.
        earlier: folders that may hold it already.

    Raises:
        AppError: what would stop every prompt.
    """
    begun = time.monotonic()
    try:
        yield from _run_one(generation, index, fields, earlier, destination=destination)
    except OF_ONE_PROMPT as error:
        if isinstance(error, CannotWrite):
            raise
        yield failed_entry(index, fields["prompt"], str(error), time.monotonic() - begun)


class Summary:
    """Keeps batch_summary.json up to date: at once after a drawing, so that a kill loses nothing;
    what was skipped or failed follows within a second, since ten thousand may do so at once.
    """

    def __init__(self, output_dir: Path, *, total: int) -> None:
        self._output_dir = output_dir
        self._total = total
        self._entries: list[BatchEntry] = []
        self._num_written = 0
        self._written_at = 0.0

    def add(self, entry: BatchEntry) -> None:
        """One prompt has ended."""
        self._entries.append(entry)
        is_due = time.monotonic() - self._written_at >= _SUMMARY_PAUSE_S
        if entry.status == "done" or is_due:
            self.write_if_new()

    def write_if_new(self) -> None:
        """Writes what is not written yet."""
        if len(self._entries) > self._num_written:
            write_summary(self._output_dir, self._entries, total=self._total)
            self._num_written, self._written_at = len(self._entries), time.monotonic()


def write_summary(output_dir: Path, entries: Sequence[BatchEntry], *, total: int) -> None:
    """Writes batch_summary.json."""
    counts = {s: sum(e.status == s for e in entries) for s in ("done", "skipped", "failed")}
    atomic.write_json(
        output_dir / SUMMARY,
        {
            "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "total_prompts": total,
            **counts,
            "results": [asdict(entry) for entry in sorted(entries, key=lambda entry: entry.index)],
        },
    )


def earlier_folders(output_dir: Path) -> dict[int, list[Path]]:
    """Folders of earlier runs by the place in the batch that their names begin with."""
    found: dict[int, list[Path]] = {}
    for folder in sorted(output_dir.iterdir()) if output_dir.is_dir() else ():
        place, line, _ = folder.name.partition("_")
        if line and place.isascii() and place.isdecimal() and len(place) < 9:
            found.setdefault(int(place), []).append(folder)
    return found


def finished_folder(folders: Sequence[Path], request: SketchRequest) -> Path | None:
    """The one of these folders that holds the very same request, if one does."""
    wanted = request.to_mapping()
    for folder in folders:
        names = file_names(folder.name)
        try:
            config = json.loads((folder / names["config"]).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(config, dict) and config.get("request") == wanted:
            return folder
    return None


def _run_one(
    generation: Draws,
    index: int,
    fields: Mapping[str, Any],
    earlier: Sequence[Path],
    *,
    destination: Destination,
) -> Iterator[Event | BatchEntry]:
    """Events of one prompt, then its entry."""
    begun = time.monotonic()
    request = SketchRequest(**fields)
    finished = finished_folder(earlier, request)
    if finished is not None:
        yield BatchEntry(index=index, prompt=request.prompt, status="skipped", folder=finished.name)
        return
    for event in generation.run(request, destination=destination):
        yield event
        if isinstance(event, Done):
            yield BatchEntry(
                index=index,
                prompt=request.prompt,
                status="done",
                folder=event.drawing.folder.name,
                seconds=round(time.monotonic() - begun, 3),
            )


def failed_entry(index: int, prompt: str, error: str, seconds: float = 0.0) -> BatchEntry:
    """The entry of a prompt that was not drawn."""
    return BatchEntry(
        index=index,
        prompt=shortened(prompt),
        status="failed",
        seconds=round(seconds, 3),
        error=error,
    )


def shortened(prompt: str) -> str:
    """A prompt as it is shown in lists and summaries."""
    return prompt if len(prompt) <= 200 else f"{prompt[:200]}…"
