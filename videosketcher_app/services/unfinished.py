"""Unfinished drawings: drawn, but their files could not be written. Saving needs no new denoising.

A drawing's frames are kept, without loss, before they are encoded, and forgotten once its folder is
published. What an encoder that fails, a full disk or a killed process leaves can therefore be saved
again: `Unfinished.all()` lists it, `retry` publishes it.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.core.requests import parse_request_json
from videosketcher_app.services.outputs import (
    Drawing,
    ModelRecord,
    config_of,
    config_text,
    publish,
    read_config,
)
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.frames import read_frames, write_frames

MAX_KEPT = 20  # older ones go
FRAMES, RECORD = "frames.bin", "drawing.json"
MAX_RECORD_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class KeptDrawing:
    """One drawing that waits to be saved.

    Attributes:
        key: names it for `retry`.
        concept: what it shows.
        output_dir: where its folder was to go.
    """

    key: str
    concept: str
    output_dir: Path


class Unfinished:
    """The drawings that wait to be saved.

    Args:
        folder: where they are kept, in the workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._saving: set[str] = set()  # keys of what is being written just now

    def publish(
        self, drawing: Drawing, output_dir: Path, *, prefix: str = "", gif: bool = False
    ) -> Drawing:
        """Publishes a drawing as `outputs.publish` does; if that fails, its frames stay here.

        Raises:
            AppError: why it failed; the hint says that it can be saved again.
        """
        with self._kept(drawing, output_dir, prefix=prefix, gif=gif):
            return publish(drawing, output_dir, prefix=prefix, gif=gif)

    def all(self, *, within: Path | None = None) -> tuple[KeptDrawing, ...]:
        """What waits, newest first; damaged ones are left out, and what is being saved just now.

        Args:
            within: only what was to go into this folder or below it.
        """
        found = []
        for folder in self._folders():
            with suppress(AppError):
                kept = _kept_drawing(folder)
                if folder.name not in self._saving and _is_within(kept.output_dir, within):
                    found.append(kept)
        return tuple(found)

    def retry(
        self, key: str, *, output_dir: Path | None = None, within: Path | None = None
    ) -> Drawing:
        """Encodes and publishes what was kept; draws nothing.

        Args:
            output_dir: another place, if the first has no room.
            within: as in `all`; what was to go elsewhere counts as gone.

        Raises:
            InvalidFile: nothing of that key waits there, or it is damaged.
            AppError: it failed again; the frames stay.
        """
        with self._lock:
            folder = self._waiting(key, within)
            self._saving.add(key)
        try:
            record = _read_record(folder)
            saved = publish(
                _drawing_of(record, folder, with_frames=True),
                output_dir or Path(record["output_dir"]),
                prefix=record["prefix"],
                gif=record["gif"],
            )
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            with self._lock:
                self._saving.discard(key)
        return saved

    def forget(self, key: str, *, within: Path | None = None) -> None:
        """Throws one away; one that is gone already is no error."""
        with suppress(InvalidFile), self._lock:
            shutil.rmtree(self._waiting(key, within), ignore_errors=True)

    def _waiting(self, key: str, within: Path | None) -> Path:
        """The folder of one that waits."""
        for folder in self._folders():
            is_asked = folder.name == key and key not in self._saving
            if is_asked and _is_within(Path(_read_record(folder)["output_dir"]), within):
                return folder
        raise InvalidFile("This drawing waits no more.", hint="Look for it in the gallery.")

    @contextmanager
    def _kept(
        self, drawing: Drawing, output_dir: Path, *, prefix: str, gif: bool
    ) -> Iterator[None]:
        """Keeps the frames while the block runs, and longer if it fails."""
        record = {
            "config": config_of(drawing),
            "run": dict(drawing.run),
            "output_dir": str(output_dir.absolute()),
            "prefix": prefix,
            "gif": gif,
        }
        target = self._folder / _key(record)
        with self._lock:
            self._saving.add(target.name)
        try:
            yield from self._kept_while(drawing, record, target)
        finally:
            with self._lock:
                self._saving.discard(target.name)

    def _kept_while(self, drawing: Drawing, record: dict[str, Any], target: Path) -> Iterator[None]:
        with suppress(AppError):  # no room to keep it: then saving itself is the only chance
            with atomic.publish_folder(target) as temporary:
                write_frames(temporary / FRAMES, drawing.frames)
                atomic.write_json(temporary / RECORD, record)
            self._drop_old()
        try:
            yield
        except AppError as error:
            if target.is_dir():
                error.hint = f"{error.hint} The drawing is kept: save it again.".strip()
            raise
        shutil.rmtree(target, ignore_errors=True)

    def _folders(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        atomic.sweep_leftovers(self._folder)
        folders = [f for f in self._folder.iterdir() if (f / RECORD).is_file()]
        return sorted(folders, key=lambda f: (f.stat().st_mtime_ns, f.name), reverse=True)

    def _drop_old(self) -> None:
        for folder in self._folders()[MAX_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)


def _is_within(place: Path, folder: Path | None) -> bool:
    return folder is None or place.absolute().is_relative_to(folder.absolute())


def _kept_drawing(folder: Path) -> KeptDrawing:
    record = _read_record(folder)
    drawing = _drawing_of(record, folder, with_frames=False)
    place = Path(record["output_dir"])
    return KeptDrawing(key=folder.name, concept=drawing.plan.concept, output_dir=place)


def _key(record: dict[str, Any]) -> str:
    facts = config_text({name: record[name] for name in ("config", "output_dir", "prefix")})
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _read_record(folder: Path) -> dict[str, Any]:
    text = bounded.read_text(folder / RECORD, max_bytes=MAX_RECORD_BYTES, what="kept drawing")
    record = parse_request_json(text)
    known = {"config": dict, "run": dict, "output_dir": str, "prefix": str, "gif": bool}
    if not all(isinstance(record.get(name), kind) for name, kind in known.items()):
        raise InvalidFile("A kept drawing is damaged.", hint="Draw it again.")
    return record


def _drawing_of(record: dict[str, Any], folder: Path, *, with_frames: bool) -> Drawing:
    import numpy as np

    config = record["config"]
    request, planned = read_config(config)
    if planned is None:
        raise InvalidFile("A kept drawing holds no plan.", hint="Draw it again.")
    frames = read_frames(folder / FRAMES) if with_frames else np.zeros((0, 0, 0, 3), np.uint8)
    return Drawing(
        frames=frames,
        raw_frames=frames,  # the model's own frames are not kept
        request=request,
        planned=planned,
        model=ModelRecord(name=config["model"]["name"], hashes=config["model"]["files"]),
        settings=config["settings"],
        loras=config["loras"],
        run=record["run"],
    )
