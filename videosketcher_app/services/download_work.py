"""Brings everything that one row of the catalogue needs, from the first source that can.

No thread and no queue here: `bring` works until the row is whole, and raises if it cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, DamagedModel
from videosketcher_app.core.secret import Secret
from videosketcher_app.core.settings import DEFAULT_HF_ENDPOINT, AppSettings
from videosketcher_app.services.download_plan import (
    DATASET,
    PlannedFile,
    Record,
    is_verified,
    plan_files,
    read_record,
    sources_of,
)

if TYPE_CHECKING:
    from videosketcher_app.models.catalogue import ModelRow, Source
    from videosketcher_app.storage.downloads.hubs import Hub, Snapshot
    from videosketcher_app.storage.downloads.limits import Limits
    from videosketcher_app.storage.downloads.wire import Wire

ARCHIVES = (".zip", ".tar")
UNPACKED = "data"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a row is.

    Attributes:
        stage: "fetching", "waiting" or "verifying".
        num_bytes: of the row that are here.
        total_bytes: of the row; None while a size is not known.
        note: what is going on, in words; may be empty.
    """

    stage: str
    num_bytes: int
    total_bytes: int | None
    note: str = ""


OnStanding = Callable[[Standing], None]


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The line to the hubs, and the hubs by name."""

    wire: Wire
    hubs: Mapping[str, Hub]


def open_lines(settings: AppSettings, limits: Limits | None = None) -> Lines:
    """A line as the settings want it; nothing is asked yet.

    Raises:
        InvalidRequest: a hub's address is impossible.
    """
    from videosketcher_app.storage.downloads.hosts import HostRules, origin_of
    from videosketcher_app.storage.downloads.hubs import HuggingFace, ModelScope
    from videosketcher_app.storage.downloads.wire import Wire

    rules = HostRules((settings.hf_endpoint, settings.modelscope_endpoint))
    origin, key = origin_of(settings.hf_endpoint), _key(settings)
    keys = {origin: key} if origin is not None and key is not None else {}
    return Lines(
        wire=Wire(rules, limits=limits, offline=settings.offline, keys=keys),
        hubs={
            "huggingface": HuggingFace(settings.hf_endpoint),
            "modelscope": ModelScope(settings.modelscope_endpoint),
        },
    )


def bring(
    row: ModelRow,
    folder: Path,
    lines: Lines,
    *,
    source: str | None,
    revision: str | None,
    on_standing: OnStanding,
    cancel: CancelToken,
) -> None:
    """Brings a row's files into a folder; archives of a dataset are unpacked beside them.

    Args:
        source: a hub's name; None tries them in the catalogue's order.
        revision: instead of the catalogue's.

    Raises:
        AppError: it was stopped, or no source gives what the catalogue describes. What has arrived
            is kept.
    """
    failures: list[AppError] = []
    for place in sources_of(row, source):
        haul = _Haul(row, folder, lines, on_standing, cancel)
        try:
            haul.run(place, source, revision)
        except AppError as error:
            if not _is_sources_fault(error):
                raise
            failures.append(error)
            continue
        if row.kind == DATASET:
            haul.unpack()
        return
    raise _summary(failures)


class _Haul:
    """One attempt to bring a row from one source."""

    def __init__(
        self,
        row: ModelRow,
        folder: Path,
        lines: Lines,
        on_standing: OnStanding,
        cancel: CancelToken,
    ) -> None:
        self._row, self._folder, self._lines = row, folder, lines
        self._on_standing, self._cancel = on_standing, cancel
        self._planned: tuple[PlannedFile, ...] = ()
        self._here = 0

    def run(self, place: Source, source: str | None, revision: str | None) -> None:
        before = read_record(self._folder)
        snapshot = self._look(place, revision, before)
        self._planned = plan_files(self._row, snapshot, self._folder)
        record = Record.of(snapshot, self._planned, source=source, revision=revision)
        missing = []
        for file in self._planned:
            facts = before.files.get(file.path) if before else None
            if is_verified(facts, file) or self._is_right(file):
                self._here += file.target.stat().st_size
                record = record.with_verified(file.path, file.target.stat().st_mtime_ns)
            else:
                missing.append(file)
        record.write(self._folder)
        self._check_room(missing)
        for file in missing:
            self._fetch(file)
            record = record.with_verified(file.path, file.target.stat().st_mtime_ns)
            record.write(self._folder)

    def unpack(self) -> None:
        """Unpacks a dataset's archives, each into a folder of its own under `data`."""
        from videosketcher_app.storage.unpacking import unpack

        for file in self._planned:
            if file.target.suffix.lower() not in ARCHIVES:
                continue
            inside = file.target.relative_to(self._folder).with_suffix("")
            target = self._folder / UNPACKED / inside
            if _is_newer(target, file.target):
                continue
            self._tell("verifying", self._here, f"unpacking {file.target.name}")
            unpack(file.target, target, cancel=self._cancel)

    def _look(self, place: Source, revision: str | None, before: Record | None) -> Snapshot:
        """Asks the hub, patiently: a hub may be as busy as a file server."""
        from videosketcher_app.storage.downloads.hubs import Repository
        from videosketcher_app.storage.downloads.patience import patiently

        repository = Repository(
            hub=place.hub,
            repo=place.repo,
            revision=revision or place.revision,
            is_dataset=place.repo_type == DATASET,
        )
        if before is not None and before.chosen_revision == revision:
            repository = before.pinned(repository)
        hub, wire = self._lines.hubs[place.hub], self._lines.wire
        return patiently(
            lambda: hub.look(wire, repository),
            wire.limits,
            self._cancel,
            lambda note: self._tell("waiting", 0, note),
        )

    def _fetch(self, file: PlannedFile) -> None:
        from videosketcher_app.storage.downloads.fetch import Progress, fetch

        def show(progress: Progress) -> None:
            verifying = progress.stage == "verifying"
            arrived = file.remote.num_bytes if verifying else progress.num_bytes
            note = progress.note or (f"checking {file.path}" if verifying else file.path)
            self._tell(progress.stage, self._here + (arrived or progress.num_bytes), note)

        fetch(
            file.remote,
            file.target,
            wire=self._lines.wire,
            on_progress=show,
            cancel=self._cancel,
        )
        self._here += file.target.stat().st_size

    def _is_right(self, file: PlannedFile) -> bool:
        """Compares a file that nobody vouches for with the hub's hash; none, no trust."""
        from videosketcher_app.storage.downloads.fetch import digest_differs

        if not file.target.is_file():
            return False
        if file.remote.num_bytes not in (None, file.target.stat().st_size):
            return False
        self._tell("verifying", self._here, f"checking {file.path}")
        return digest_differs(file.target, file.remote, self._cancel) is False

    def _check_room(self, missing: list[PlannedFile]) -> None:
        """Says at once that everything will not fit, not after the first twenty gigabytes."""
        from videosketcher_app.storage.downloads.fetch import check_room
        from videosketcher_app.storage.downloads.part import num_bytes_waiting

        needed = sum(
            max((file.remote.num_bytes or 0) - num_bytes_waiting(file.target), 0)
            for file in missing
        )
        check_room(self._row.name, needed, self._folder, self._lines.wire.limits)

    def _tell(self, stage: str, num_bytes: int, note: str) -> None:
        sizes = [file.remote.num_bytes for file in self._planned]
        known = bool(sizes) and all(size is not None for size in sizes)
        total = sum(size or 0 for size in sizes) if known else self._row.total_bytes
        self._on_standing(Standing(stage=stage, num_bytes=num_bytes, total_bytes=total, note=note))


def _is_newer(folder: Path, archive: Path) -> bool:
    """True for a folder that this very archive was unpacked to: folders appear whole."""
    return folder.exists() and folder.stat().st_mtime_ns >= archive.stat().st_mtime_ns


def _key(settings: AppSettings) -> Secret | None:
    """The key of the settings, else the one of `hf auth login`, which is for the hub itself only."""
    is_hub = settings.hf_endpoint.rstrip("/") == DEFAULT_HF_ENDPOINT
    if settings.hf_token is not None or settings.offline or not is_hub:
        return settings.hf_token
    from huggingface_hub import constants

    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    try:
        text = Path(constants.HF_TOKEN_PATH).read_text("utf-8").strip()
    except (OSError, UnicodeError):
        return None
    return Secret(text) if text else None


def _is_sources_fault(error: AppError) -> bool:
    """True where another source may do better."""
    from videosketcher_app.storage.downloads.errors import DownloadFailed

    return isinstance(error, DownloadFailed | DamagedModel)


def _summary(failures: list[AppError]) -> AppError:
    """The first source's reason, and that the others did no better."""
    first = failures[0]
    if len(failures) == 1:
        return first
    rest = " ".join(error.message for error in failures[1:])
    return type(first)(f"{first.message} Then: {rest}", hint=first.hint)
