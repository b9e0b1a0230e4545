"""The note beside an imported LoRA: what was found in its file, and its trigger words.

Listing a folder then needs no look into files of hundreds of megabytes. A note holds for the file
of this size and time; any other file is read again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError
from videosketcher_app.storage import atomic, bounded

SUFFIX = ".lora.json"
FORMAT = 1
MAX_NOTE_BYTES = 100_000


@dataclass(frozen=True, kw_only=True)
class LoraEntry:
    """One LoRA of the folder.

    Attributes:
        fits: the size of Wan transformer that it is for; empty if of none that is known.
        ranks: every rank that occurs; usually one.
        trigger_words: words of a prompt that call its style.
        flaw: why it cannot be used; empty if it can.
    """

    name: str
    sha256: str = ""
    disk_bytes: int = 0
    fits: str = ""
    layout: str = ""
    ranks: tuple[int, ...] = ()
    trigger_words: tuple[str, ...] = ()
    flaw: str = ""

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def note_path(file: Path) -> Path:
    """Where the note of a LoRA file is."""
    return file.with_name(file.stem + SUFFIX)


def noted(file: Path) -> LoraEntry | None:
    """What the note says; None if there is none for this very file."""
    values = _read(file)
    if values is None or values.get("file") != _stamp(file):
        return None
    ranks, words = values.get("ranks"), values.get("trigger_words")
    texts = {name: values.get(name) for name in ("sha256", "fits", "layout")}
    whole = all(isinstance(value, str) for value in texts.values())
    if not (whole and isinstance(ranks, list) and isinstance(words, list)):
        return None
    return LoraEntry(
        name=file.stem,
        disk_bytes=file.stat().st_size,
        ranks=tuple(int(rank) for rank in ranks if isinstance(rank, int)),
        trigger_words=tuple(str(word) for word in words),
        **{name: str(value) for name, value in texts.items()},
    )


def write_note(file: Path, *, trigger_words: Sequence[str] = ()) -> None:
    """Reads a LoRA file and writes its note.

    Args:
        trigger_words: none keeps those of an earlier note, else those inside the file.

    Raises:
        InvalidFile: it is no LoRA for a Wan transformer.
        DamagedModel: it holds NaN or Inf.
        CannotWrite: the folder cannot be written.
    """
    from videosketcher_app.models.lora.trigger_words import cleaned

    entry = entry_of(file)
    earlier = (_read(file) or {}).get("trigger_words")
    words = trigger_words or (earlier if isinstance(earlier, list) else ()) or entry.trigger_words
    note = {
        "format": FORMAT,
        "file": _stamp(file),
        "sha256": entry.sha256,
        "fits": entry.fits,
        "layout": entry.layout,
        "ranks": list(entry.ranks),
        "trigger_words": list(cleaned(words)),
    }
    atomic.write_json(note_path(file), note)


def entry_of(file: Path) -> LoraEntry:
    """What a LoRA file itself says.

    Raises:
        InvalidFile: it is no LoRA for a Wan transformer.
        DamagedModel: it holds NaN or Inf.
    """
    from videosketcher_app.models.lora.facts import describe
    from videosketcher_app.models.lora.reading import read_lora

    facts = describe(read_lora(file))
    return LoraEntry(
        name=file.stem,
        sha256=facts.sha256,
        disk_bytes=file.stat().st_size,
        fits=facts.fits,
        layout=facts.layout,
        ranks=facts.ranks,
        trigger_words=facts.trigger_words,
    )


def _read(file: Path) -> Mapping[str, Any] | None:
    try:
        text = bounded.read_text(note_path(file), max_bytes=MAX_NOTE_BYTES, what="note of a LoRA")
        values = json.loads(text)
    except (AppError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) and values.get("format") == FORMAT else None


def _stamp(file: Path) -> dict[str, int]:
    """Tells one state of a file from another without reading it."""
    facts = file.stat()
    return {"bytes": facts.st_size, "modified_ns": facts.st_mtime_ns}
