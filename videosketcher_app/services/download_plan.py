"""What a row of the catalogue needs from a hub: which files, how large, with which hashes.

The catalogue has the last word: a file whose size or hash at the hub is another one was replaced
there, and is refused before its first byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.storage import atomic, bounded
from videosketcher_app.storage.paths import safe_join

if TYPE_CHECKING:
    from videosketcher_app.models.catalogue import ModelFile, ModelRow, Source
    from videosketcher_app.storage.downloads.hubs import RemoteFile, Repository, Snapshot

DATASET = "dataset"
RECORD = ".download.json"
_MAX_RECORD_BYTES = 32_000_000
_PATTERN = "*"


@dataclass(frozen=True, kw_only=True)
class PlannedFile:
    """One file on its way: what the hub says of it, and where it goes."""

    path: str
    target: Path
    remote: RemoteFile


def sources_of(row: ModelRow, chosen: str | None) -> tuple[Source, ...]:
    """Where a row can come from, in the catalogue's order.

    Raises:
        InvalidRequest: nowhere, or not from the chosen hub.
    """
    if not row.sources:
        raise InvalidRequest(
            f"{row.name} is not downloaded: it comes with the app.",
            hint="`models list` names what can be downloaded.",
        )
    found = tuple(source for source in row.sources if chosen in (None, source.hub))
    if not found:
        hubs = ", ".join(source.hub for source in row.sources)
        raise InvalidRequest(
            f"{row.name} is not known at {chosen!r}.", hint=f"Known sources: {hubs}."
        )
    return found


def plan_files(row: ModelRow, snapshot: Snapshot, folder: Path) -> tuple[PlannedFile, ...]:
    """The files of a row as a hub has them; all visible ones of the repository if it names none.

    Raises:
        DownloadFailed: the repository lacks one, or has another one than the catalogue says.
        ForbiddenPath: the hub names a file that would leave its folder.
    """
    if not row.files:
        return _everything(snapshot, folder)
    planned: dict[str, PlannedFile] = {}
    for file in row.files:
        for each in _of_one(file, snapshot, folder):
            planned[each.path] = each
    return tuple(planned.values())


def _everything(snapshot: Snapshot, folder: Path) -> tuple[PlannedFile, ...]:
    from videosketcher_app.storage.downloads.errors import DownloadFailed

    paths = [path for path in sorted(snapshot.files) if not _is_hidden(path)]
    if not paths:
        raise DownloadFailed(
            f"{snapshot.repository} holds no files.",
            hint="Check the revision, or use another source.",
        )
    return tuple(_whole(path, snapshot.files[path], folder) for path in paths)


def _of_one(file: ModelFile, snapshot: Snapshot, folder: Path) -> list[PlannedFile]:
    from videosketcher_app.storage.downloads.errors import DownloadFailed

    where = file.repo_path
    if _PATTERN in where:
        found = [path for path in sorted(snapshot.files) if fnmatchcase(path, where)]
        planned = [_whole(path, snapshot.files[path], folder) for path in found]
    else:
        remote = snapshot.files.get(where)
        planned = [] if remote is None else [_checked(file, remote, folder)]
    if not planned:
        raise DownloadFailed(
            f"{snapshot.repository} has no file {where}.",
            hint="Check the revision, or use another source.",
        )
    return planned


def _whole(path: str, remote: RemoteFile, folder: Path) -> PlannedFile:
    return PlannedFile(path=path, target=safe_join(folder, path), remote=remote)


def _checked(file: ModelFile, remote: RemoteFile, folder: Path) -> PlannedFile:
    from videosketcher_app.storage.downloads.errors import DownloadFailed

    for expected, found, what in (
        (file.num_bytes, remote.num_bytes, "length"),
        (file.sha256, remote.sha256, "SHA-256"),
    ):
        if expected is not None and found is not None and expected != found:
            raise DownloadFailed(
                f"{remote.path} of {remote.where} is not the file that the catalogue describes: "
                f"its {what} is another one. Nothing was downloaded.",
                hint="Use another source, or the revision that the catalogue names.",
            )
    known = replace(
        remote,
        num_bytes=file.num_bytes if remote.num_bytes is None else remote.num_bytes,
        sha256=file.sha256 or remote.sha256,
    )
    return PlannedFile(path=file.path, target=safe_join(folder, file.path), remote=known)


def _is_hidden(path: str) -> bool:
    """True for what git keeps for itself; ".." is no hidden file but a way out, and is refused."""
    return any(part.startswith(".") and part.strip(".") for part in path.split("/"))


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a download across restarts; kept beside its files.

    Attributes:
        chosen_source, chosen_revision: what the person asked for; None if they did not.
        hub, repo, commit: where the files come from.
        files: path -> bytes, sha256, git_sha1, and `mtime_ns` once it was verified.
    """

    chosen_source: str | None
    chosen_revision: str | None
    hub: str
    repo: str
    commit: str
    files: dict[str, dict[str, Any]]

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        planned: tuple[PlannedFile, ...],
        *,
        source: str | None,
        revision: str | None,
    ) -> Record:
        """The record of a download that begins."""
        repository = snapshot.repository
        return cls(
            chosen_source=source,
            chosen_revision=revision,
            hub=repository.hub,
            repo=repository.repo,
            commit=snapshot.commit,
            files={file.path: facts_of(file.remote) for file in planned},
        )

    def pinned(self, repository: Repository) -> Repository:
        """The same repository at the commit that was begun with, if it is the same."""
        same = (self.hub, self.repo) == (repository.hub, repository.repo)
        return replace(repository, revision=self.commit) if same else repository

    def write(self, folder: Path) -> None:
        """Keeps it.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        atomic.write_json(folder / RECORD, vars(self))

    def with_verified(self, path: str, mtime_ns: int) -> Record:
        """The same with one file known to be right as it was written at that time."""
        return replace(self, files={**self.files, path: {**self.files[path], "mtime_ns": mtime_ns}})


def facts_of(remote: RemoteFile) -> dict[str, Any]:
    """What a record keeps of a file."""
    return {"bytes": remote.num_bytes, "sha256": remote.sha256, "git_sha1": remote.git_sha1}


def read_record(folder: Path) -> Record | None:
    """The record in a folder; None if there is none that can be read."""
    path = folder / RECORD
    if not path.is_file():
        return None
    import json

    from videosketcher_app.core.errors import InvalidFile

    try:
        text = bounded.read_text(path, max_bytes=_MAX_RECORD_BYTES, what="record")
        value = json.loads(text)
        files = value["files"]
        if not isinstance(files, dict) or not all(isinstance(v, dict) for v in files.values()):
            return None
        return Record(**{key: value[key] for key in Record.__dataclass_fields__})
    except (InvalidFile, ValueError, KeyError, TypeError, RecursionError):
        return None


def is_verified(facts: Mapping[str, Any] | None, file: PlannedFile) -> bool:
    """True for a file that a record knows to be this very one, untouched since."""
    if facts is None or {key: facts.get(key) for key in facts_of(file.remote)} != facts_of(
        file.remote
    ):
        return False
    try:
        status = file.target.stat()
    except OSError:
        return False
    size_fits = file.remote.num_bytes in (None, status.st_size)
    return size_fits and facts.get("mtime_ns") == status.st_mtime_ns
