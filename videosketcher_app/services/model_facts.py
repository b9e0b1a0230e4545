"""What the catalogue says of every model, for people: size, licence, whether it is on this disk."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cache
from typing import Any

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.events import Progress

# Pocket's files hold one byte a number (the VAE two); in memory a number takes two or four bytes,
# by the device. Four is the bound that must fit before loading; the shelf then books what it
# measured (42 MB for the 24 MB of pocket-t2v where numbers take two).
UNPACKED = 4
TINY_BYTES = 645_000  # measured: the tiny family has no files


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """One row of the catalogue.

    Attributes:
        disk_bytes: of its own files; 0 if the catalogue lists none.
        base_bytes: of the files of the model that it adapts.
        here: True if it can be loaded now.
        image_conditioned: it reads a condition frame beside the words: it draws with brushes only.
    """

    name: str
    family: str
    summary: str
    licence: str
    disk_bytes: int
    here: bool
    base_bytes: int = 0
    image_conditioned: bool = False

    @property
    def memory_bytes(self) -> int:
        """What its weights take once loaded, before anyone has measured; 0 if unknown."""
        return (
            TINY_BYTES if self.family == "tiny" else UNPACKED * (self.disk_bytes + self.base_bytes)
        )

    @property
    def downloads(self) -> bool:
        """True if its weights are not part of the app."""
        return self.family not in ("pocket", "tiny")


def all_facts() -> tuple[ModelFacts, ...]:
    """Every model, in the order of the catalogue; looks at the disk."""
    from videosketcher_app.models.catalogue import list_models

    rows = _rows()
    return tuple(
        ModelFacts(
            name=row["name"],
            family=row["family"],
            summary=row["summary"],
            licence=rows[row["name"]].get("licence", ""),
            disk_bytes=_disk_bytes(rows[row["name"]]),
            here=row["here"],
            base_bytes=_disk_bytes(rows.get(rows[row["name"]].get("base", ""), {})),
            image_conditioned=row["image_conditioned"],
        )
        for row in list_models()
    )


def facts_of(name: str) -> ModelFacts:
    """One model.

    Raises:
        InvalidRequest: there is no such model.
    """
    known = {facts.name: facts for facts in all_facts()}
    if name not in known:
        raise InvalidRequest(
            f"There is no model named {name!r}.", hint=f"Known models: {', '.join(known)}."
        )
    return known[name]


def check_files(name: str) -> Generator[Progress, None, int]:
    """The body of a job that compares a model's files with the catalogue, one an event.

    Returns the number of files.

    Raises:
        InvalidRequest: there is no such model.
        MissingModel: a file is not on this disk.
        DamagedModel: a size or hash differs.
    """
    from videosketcher_app.models.catalogue import CHECKPOINTS
    from videosketcher_app.storage import tensors

    facts_of(name)
    row = _rows()[name]
    files = row.get("files", {})
    yield Progress(step=0, num_steps=len(files), stage="loading")
    for count, (file, facts) in enumerate(files.items(), start=1):
        path = CHECKPOINTS / row["folder"] / file
        tensors.verify(path, sha256=facts["sha256"], size_bytes=facts["bytes"])
        yield Progress(step=count, num_steps=len(files), stage="loading")
    return len(files)


@cache
def _rows() -> dict[str, dict[str, Any]]:
    import yaml

    from videosketcher_app.models.catalogue import CATALOGUE_FILE

    return yaml.safe_load(CATALOGUE_FILE.read_text(encoding="utf-8"))["models"]


def _disk_bytes(row: dict[str, Any]) -> int:
    return sum(file["bytes"] for file in row.get("files", {}).values())
