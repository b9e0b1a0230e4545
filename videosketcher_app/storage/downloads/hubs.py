"""What a repository holds: its files with sizes and hashes, at one commit, before any is brought.

Hugging Face is asked by its documented API (`/api/models/<repo>/revision/<revision>?blobs=true`) and
gives files at the commit that was looked up, so a branch that moves meanwhile changes nothing.
ModelScope's API gives each file's size and SHA-256.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import quote, urlencode

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import DEFAULT_HF_ENDPOINT, DEFAULT_MODELSCOPE_ENDPOINT
from videosketcher_app.storage.downloads.answers import refuse
from videosketcher_app.storage.downloads.errors import DownloadFailed, Trouble
from videosketcher_app.storage.downloads.wire import Wire

HUBS = ("huggingface", "modelscope")
TITLES = {"huggingface": "Hugging Face", "modelscope": "ModelScope"}
_REPO = re.compile(r"[\w.\-]{1,96}/[\w.\-]{1,96}", re.ASCII)
_REVISION = re.compile(r"[\w.\-/]{1,200}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA1 = re.compile(r"[0-9a-f]{40}")
_PAGE = 200  # files in one page of ModelScope's list of a data set
_MAX_PAGES = 500


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository at a revision: a branch, a tag or a commit.

    Raises:
        InvalidRequest: names that no hub can have.
    """

    hub: str
    repo: str
    revision: str
    is_dataset: bool = False

    def __post_init__(self) -> None:
        if self.hub not in HUBS:
            raise InvalidRequest(
                f"There is no source named {self.hub!r}.", hint=f"Use one of: {', '.join(HUBS)}."
            )
        if not _REPO.fullmatch(self.repo) or ".." in self.repo:
            raise InvalidRequest(
                f"{self.repo[:80]!r} names no repository.", hint="Write it as OWNER/NAME."
            )
        if not _REVISION.fullmatch(self.revision) or ".." in self.revision:
            raise InvalidRequest(
                f"{self.revision[:80]!r} names no revision.",
                hint="Use a branch, a tag or a commit.",
            )

    def __str__(self) -> str:
        return f"{self.repo} at {TITLES[self.hub]}"


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """One file as a hub describes it; what the hub does not say is None.

    Attributes:
        path: in the repository.
        git_sha1: of small files, which git itself keeps.
        where: for sentences ("Wan-AI/Wan2.1-T2V-14B at Hugging Face").
    """

    url: str
    path: str
    num_bytes: int | None
    sha256: str | None = None
    git_sha1: str | None = None
    where: str = ""

    @property
    def name(self) -> str:
        """Its name without the folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A repository's files at one commit, by path."""

    repository: Repository
    commit: str
    files: Mapping[str, RemoteFile] = field(default_factory=dict)


class Hub(Protocol):
    """A place that keeps repositories."""

    def look(self, wire: Wire, repository: Repository) -> Snapshot:
        """What a repository holds.

        Raises:
            DownloadFailed: there is no such repository or revision, or it wants a login.
            Trouble: the hub cannot be reached now.
        """
        ...


class HuggingFace:
    """Hugging Face, or a mirror that speaks its API."""

    def __init__(self, endpoint: str = DEFAULT_HF_ENDPOINT) -> None:
        self._endpoint = endpoint.rstrip("/")

    def look(self, wire: Wire, repository: Repository) -> Snapshot:
        """See `Hub.look`."""
        kind = "datasets" if repository.is_dataset else "models"
        revision = quote(repository.revision, safe="")
        url = f"{self._endpoint}/api/{kind}/{repository.repo}/revision/{revision}?blobs=true"
        answer = _table(_json(wire, url, str(repository)))
        commit = answer.get("sha")
        if not isinstance(commit, str) or not _SHA1.fullmatch(commit):
            raise _strange(repository)
        files = {}
        for entry in _tables(answer.get("siblings"), repository):
            path = _path(entry.get("rfilename"), repository)
            files[path] = self._file(repository, commit, path, entry)
        return Snapshot(repository=repository, commit=commit, files=files)

    def _file(
        self, repository: Repository, commit: str, path: str, entry: dict[str, Any]
    ) -> RemoteFile:
        prefix = "datasets/" if repository.is_dataset else ""
        large = entry.get("lfs")
        facts = large if isinstance(large, dict) else entry
        return RemoteFile(
            url=f"{self._endpoint}/{prefix}{repository.repo}/resolve/{commit}/{quote(path)}",
            path=path,
            num_bytes=_count(facts.get("size")),
            sha256=_hash(_SHA256, facts.get("sha256")) if facts is large else None,
            git_sha1=_hash(_SHA1, entry.get("blobId")) if facts is not large else None,
            where=str(repository),
        )


class ModelScope:
    """ModelScope, the second source. Its branches move, so a file may change between two tries."""

    def __init__(self, endpoint: str = DEFAULT_MODELSCOPE_ENDPOINT) -> None:
        self._endpoint = endpoint.rstrip("/")

    def look(self, wire: Wire, repository: Repository) -> Snapshot:
        """See `Hub.look`."""
        kind = "datasets" if repository.is_dataset else "models"
        root = f"{self._endpoint}/api/v1/{kind}/{repository.repo}/repo"
        files = {}
        for entry in self._entries(wire, root, repository):
            if entry.get("Type") == "tree":
                continue
            path = _path(entry.get("Path"), repository)
            query = urlencode({"Revision": repository.revision, "FilePath": path})
            files[path] = RemoteFile(
                url=f"{root}?{query}",
                path=path,
                num_bytes=_count(entry.get("Size")),
                sha256=_hash(_SHA256, entry.get("Sha256")),
                where=str(repository),
            )
        return Snapshot(repository=repository, commit=repository.revision, files=files)

    def _entries(self, wire: Wire, root: str, repository: Repository) -> Iterator[dict[str, Any]]:
        """Models come in one list, data sets in pages."""
        query = {"Revision": repository.revision, "Recursive": "True"}
        if not repository.is_dataset:
            yield from self._page(wire, f"{root}/files?{urlencode(query)}", repository)
            return
        for number in range(1, _MAX_PAGES + 1):
            paging = urlencode({**query, "PageNumber": number, "PageSize": _PAGE})
            page = self._page(wire, f"{root}/tree?{paging}", repository)
            yield from page
            if len(page) < _PAGE:
                return

    def _page(self, wire: Wire, url: str, repository: Repository) -> list[dict[str, Any]]:
        answer = _table(_json(wire, url, str(repository)))
        if answer.get("Success") is False:
            raise DownloadFailed(
                f"There is no {repository}, or it is not public.",
                hint="Check the name and the revision, or use another source.",
            )
        data = answer.get("Data")
        entries = data.get("Files") if isinstance(data, dict) else data
        return _tables(entries, repository)


def _json(wire: Wire, url: str, where: str) -> Any:
    with wire.get(url, {"Accept": "application/json"}) as answer:
        refuse(answer, where)
        content = answer.content(wire.limits.max_answer_bytes)
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Trouble(f"The answer about {where} is not what a hub says.") from None


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Trouble("The hub's answer is not what a hub says.")
    return cast("dict[str, Any]", value)


def _tables(value: Any, repository: Repository) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise _strange(repository)
    return cast("list[dict[str, Any]]", value)


def _path(value: Any, repository: Repository) -> str:
    if not isinstance(value, str) or not value:
        raise _strange(repository)
    return value


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _hash(pattern: re.Pattern[str], value: Any) -> str | None:
    text = value.lower() if isinstance(value, str) else ""
    return text if pattern.fullmatch(text) else None


def _strange(repository: Repository) -> Trouble:
    return Trouble(f"The answer about {repository} is not what a hub says.")
