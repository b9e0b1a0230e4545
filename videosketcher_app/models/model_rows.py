"""ModelRow: what the catalogue says of one model, read from checkpoints/models.yaml.

    pocket-t2v:                 name
      kind: model               what it is, see KINDS; "model" where nothing is said
      family: pocket            which code draws with it
      about: ...                one sentence (`summary` in older rows)
      licence: Apache-2.0
      folder: pocket            below checkpoints/, of rows that are shipped
      base: other-name          it is an adapter, and needs that row's files too
      needs: [umt5-xxl]         other rows without which it does nothing
      total_bytes: 24000000     of all files, where it is known without counting them
      other_names: [FILE]       what other programs call a file with all of it
      sources: [{hub: huggingface, repo: OWNER/NAME, revision: main, repo_type: model}]
      files: {FILE: {bytes: 1, sha256: null, repo_path: other/FILE}}

A null means that we do not know: such a file is judged by its header and its tensors' names. A row
with sources and no files means everything in the repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from videosketcher_app.core.errors import InvalidRequest

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
CATALOGUE_FILE = CHECKPOINTS / "models.yaml"
# "planner" is a language model that turns words into plans. "part" is what others need and nobody
# draws with: text encoder, VAE, image encoder.
KINDS = ("model", "causal", "lora", "decoder", "planner", "part", "dataset")
DRAWING_KINDS = ("model", "causal")
HUBS = ("huggingface", "modelscope")
REPO_TYPES = ("model", "dataset")


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file of a model.

    Attributes:
        path: below the model's own folder, parts joined by "/".
        num_bytes: None if we do not know.
        sha256: hexadecimal; None if we do not know.
        repo_path: below the repository's root.
    """

    path: str
    num_bytes: int | None
    sha256: str | None
    repo_path: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """A repository that has all files of a row.

    Attributes:
        hub: one of HUBS.
        revision: a branch, or a commit where the files' hashes were noted for one.
        repo_type: "model" or "dataset", which the hubs keep apart.
    """

    hub: str
    repo: str
    revision: str
    repo_type: str = "model"


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One row of the catalogue.

    Attributes:
        kind: one of KINDS.
        family: "pocket", "wan" or "tiny" for what draws; whose part or data it is for the rest.
        files: without any, a row with sources means the whole repository.
        about: one sentence.
        folder: below checkpoints/; empty for rows that are not shipped.
        base: the row that an adapter of ours changes; empty for others.
        needs: rows without which this one does nothing; the base is among them.
        total_bytes: of all files; None if we do not know.
        default_preset: name of the preset that suits it; None for the app's own.
        network: which published network its transformer is, as `models.identify` calls it.
        trainer: whose tables its file holds, of transformers that a trainer wrote.
        other_names: files that other programs keep the same network in, each whole.
        is_own: True for a model that somebody imported.
    """

    name: str
    kind: str
    family: str
    about: str
    licence: str
    files: tuple[ModelFile, ...] = ()
    sources: tuple[Source, ...] = ()
    needs: tuple[str, ...] = ()
    total_bytes: int | None = None
    default_preset: str | None = None
    image_conditioned: bool = False
    folder: str = ""
    base: str = ""
    network: str = ""
    trainer: str = ""
    other_names: tuple[str, ...] = ()
    is_own: bool = False

    @property
    def is_shipped(self) -> bool:
        """True if its files are part of the app."""
        return bool(self.folder)

    @property
    def comes_with_the_app(self) -> bool:
        """True if it can be neither downloaded nor removed: shipped, or without files at all."""
        return self.is_shipped or self.family == "tiny"

    @property
    def draws(self) -> bool:
        """True if one can draw with it, once its files and needs are here."""
        return self.kind in DRAWING_KINDS

    def file(self, path: str) -> ModelFile:
        """One of its files.

        Raises:
            InvalidRequest: it has no such file.
        """
        for file in self.files:
            if file.path == path:
                return file
        raise InvalidRequest(
            f"{self.name} has no file {path[:80]!r}.", hint="Choose one of its files."
        )


@cache
def shipped_rows() -> Mapping[str, ModelRow]:
    """The rows of checkpoints/models.yaml by name, in its order."""
    content = yaml.safe_load(CATALOGUE_FILE.read_text("utf-8"))["models"]
    rows = {name: row_from(name, entry) for name, entry in content.items()}
    for row in rows.values():
        unknown = [needed for needed in row.needs if needed not in rows]
        assert not unknown, f"{row.name} needs rows that the catalogue has not: {unknown}"
    return rows


def row_from(name: str, entry: Mapping[str, Any], *, is_own: bool = False) -> ModelRow:
    """A row from its entry of the catalogue (or of an imported model's row file)."""
    kind = entry.get("kind", "model")
    assert kind in KINDS, f"{name}: {kind!r} is not among {KINDS}"
    files = tuple(
        _file_from(path, facts or {}) for path, facts in (entry.get("files") or {}).items()
    )
    base, needs = entry.get("base", ""), tuple(entry.get("needs", ()))
    if base and base not in needs:
        needs = (base, *needs)
    return ModelRow(
        name=name,
        kind=kind,
        family=entry["family"],
        about=entry.get("about") or entry["summary"],
        licence=entry.get("licence", ""),
        files=files,
        sources=tuple(_source_from(name, source) for source in entry.get("sources", ())),
        needs=needs,
        total_bytes=entry.get("total_bytes") or _sum_of(files),
        default_preset=entry.get("default_preset"),
        image_conditioned=entry.get("image_conditioned") is True,
        folder=entry.get("folder", ""),
        base=base,
        network=entry.get("network", ""),
        trainer=entry.get("trainer", ""),
        other_names=tuple(entry.get("other_names", ())),
        is_own=is_own,
    )


def _file_from(path: str, facts: Mapping[str, Any]) -> ModelFile:
    return ModelFile(
        path=path,
        num_bytes=facts.get("bytes"),
        sha256=facts.get("sha256"),
        repo_path=facts.get("repo_path") or path,
    )


def _source_from(name: str, source: Mapping[str, str]) -> Source:
    assert source["hub"] in HUBS, f"{name}: {source['hub']!r} is not among {HUBS}"
    repo_type = source.get("repo_type", "model")
    assert repo_type in REPO_TYPES, f"{name}: {repo_type!r} is not among {REPO_TYPES}"
    return Source(
        hub=source["hub"],
        repo=source["repo"],
        revision=source.get("revision", "main"),
        repo_type=repo_type,
    )


def _sum_of(files: tuple[ModelFile, ...]) -> int | None:
    sizes = [file.num_bytes for file in files]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(sizes) else None
