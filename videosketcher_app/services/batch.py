"""A file of prompts, one run a line: resumes, reports what is broken, and goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import CannotWrite, InvalidFile, InvalidRequest, OutOfMemory
from videosketcher_app.core.events import Done, Event
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.generation import Destination, GenerationService
from videosketcher_app.services.job import JobFailure
from videosketcher_app.services.outputs import file_names
from videosketcher_app.storage import atomic

MAX_PROMPTS_BYTES = 5_000_000
SUMMARY = "batch_summary.json"
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
    """

    index: int
    prompt: str
    status: str
    folder: str = ""
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchEvent:
    """An event of the prompt being drawn, or its entry once it has ended."""

    index: int
    count: int
    event: Event | None = None
    entry: BatchEntry | None = None


def read_prompts(path: Path) -> list[str]:
    """The non-empty lines of a UTF-8 file, stripped.

    Raises:
        InvalidFile: it cannot be read, is too large, is not UTF-8, or has no prompt in it.
    """
    try:
        if path.stat().st_size > MAX_PROMPTS_BYTES:
            raise InvalidFile(
                f"{path} has {path.stat().st_size:,} bytes.",
                hint=f"Split it into files of at most {MAX_PROMPTS_BYTES:,} bytes.",
            )
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidFile(
            f"The prompts file {path} cannot be read: {error.strerror}.", hint="Check its name."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidFile(
            f"The prompts file {path} is not UTF-8 text: {error.reason} at byte {error.start}.",
            hint="Save it as UTF-8.",
        ) from None
    prompts = [line.strip() for line in text.splitlines() if line.strip()]
    if not prompts:
        raise InvalidFile(f"The prompts file {path} is empty.", hint="Write one prompt a line.")
    return prompts


def run_batch(
    generation: GenerationService,
    prompts: Sequence[str],
    settings: Mapping[str, Any],
    *,
    output_dir: Path,
    force: bool = False,
    gif: bool = False,
) -> Iterator[BatchEvent]:
    """Draws every prompt into `<i>_<name>`; closing the iterator cancels what is being drawn.

    Args:
        settings: fields of every request but its prompt.
        force: draws again what is finished.

    Raises:
        AppError: what would stop every prompt (a missing model, an unwritable folder).
    """
    SketchRequest(**{**settings, "prompt": "anything"})  # a bad flag is nobody's broken prompt
    entries: list[BatchEntry] = []
    for index, prompt in enumerate(prompts, start=1):
        begun = time.monotonic()
        events = _run_one(
            generation, index, prompt, settings, output_dir=output_dir, force=force, gif=gif
        )
        entry = None
        try:
            for event in events:
                if isinstance(event, BatchEntry):
                    entry = event
                else:
                    yield BatchEvent(index=index, count=len(prompts), event=event)
        except OF_ONE_PROMPT as error:
            if isinstance(error, CannotWrite):
                raise
            seconds = round(time.monotonic() - begun, 3)
            entry = BatchEntry(
                index=index,
                prompt=_short(prompt),
                status="failed",
                seconds=seconds,
                error=str(error),
            )
        assert entry is not None
        entries.append(entry)
        write_summary(output_dir, entries, total=len(prompts))
        yield BatchEvent(index=index, count=len(prompts), entry=entry)


def write_summary(output_dir: Path, entries: Sequence[BatchEntry], *, total: int) -> None:
    """Writes batch_summary.json; called after every prompt, so that a kill loses nothing."""
    counts = {s: sum(e.status == s for e in entries) for s in ("done", "skipped", "failed")}
    atomic.write_json(
        output_dir / SUMMARY,
        {
            "written": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "total_prompts": total,
            **counts,
            "results": [asdict(entry) for entry in entries],
        },
    )


def finished_folder(output_dir: Path, index: int, request: SketchRequest) -> Path | None:
    """The folder of an earlier run of the same request at this place of the batch, if complete."""
    wanted = request.to_mapping()
    for folder in sorted(output_dir.glob(f"{index}_*")):
        names = file_names(folder.name)
        try:
            config = json.loads((folder / names["config"]).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(config, dict) and config.get("request") == wanted:
            return folder
    return None


def _run_one(
    generation: GenerationService,
    index: int,
    prompt: str,
    settings: Mapping[str, Any],
    *,
    output_dir: Path,
    force: bool,
    gif: bool,
) -> Iterator[Event | BatchEntry]:
    """Events of one prompt, then its entry."""
    begun = time.monotonic()
    request = SketchRequest(**{**settings, "prompt": prompt})
    finished = None if force else finished_folder(output_dir, index, request)
    if finished is not None:
        yield BatchEntry(index=index, prompt=request.prompt, status="skipped", folder=finished.name)
        return
    destination = Destination(folder=output_dir, prefix=f"{index}_", gif=gif)
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


def _short(prompt: str) -> str:
    return prompt if len(prompt) <= 200 else f"{prompt[:200]}…"
