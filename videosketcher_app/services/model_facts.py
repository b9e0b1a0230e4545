"""What the catalogue says of every model, for people: size, licence, whether it is on this disk."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.events import Progress

if TYPE_CHECKING:
    from videosketcher_app.models.model_rows import ModelRow

# Pocket's files hold one byte a number (the VAE two); in memory a number takes two or four bytes,
# by the device. Four is the bound that must fit before loading; the shelf then books what it
# measured (42 MB for the 24 MB of pocket-t2v where numbers take two).
UNPACKED = 4
TINY_BYTES = 645_000  # measured: the tiny family has no files


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """One row of the catalogue.

    Attributes:
        kind: "model", or "causal" for what draws block by block.
        disk_bytes: of its own files; 0 if the catalogue does not know.
        base_bytes: of the files of what it needs: the model that it adapts, encoders.
        here: True if it can be loaded now.
        image_conditioned: it reads a condition frame beside the words: it draws with brushes only.
    """

    name: str
    family: str
    kind: str = "model"
    summary: str
    licence: str
    disk_bytes: int
    here: bool
    base_bytes: int = 0
    image_conditioned: bool = False

    @property
    def memory_bytes(self) -> int:
        """What its weights take once loaded, before anyone has measured; 0 if unknown.

        What a Studio model takes is chosen, not given: see the plan of the model manager.
        """
        if self.family == "tiny":
            return TINY_BYTES
        return UNPACKED * (self.disk_bytes + self.base_bytes) if self.family == "pocket" else 0

    @property
    def downloads(self) -> bool:
        """True if its weights are fetched: neither part of the app nor of its family."""
        return self.family not in ("pocket", "tiny")


def all_facts() -> tuple[ModelFacts, ...]:
    """Every model that draws, in the order of the catalogue; looks at the disk."""
    from videosketcher_app.models.catalogue import is_here, model_row, model_rows

    return tuple(
        ModelFacts(
            name=row.name,
            family=row.family,
            kind=row.kind,
            summary=row.about,
            licence=row.licence,
            disk_bytes=_disk_bytes(row),
            here=is_here(row.name),
            base_bytes=sum(_disk_bytes(model_row(needed)) for needed in row.needs),
            image_conditioned=row.image_conditioned,
        )
        for row in model_rows()
        if row.draws
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
    from videosketcher_app.models.catalogue import files_for, model_row, verify_file

    files = files_for(name)[name] if model_row(name).files else {}
    yield Progress(step=0, num_steps=len(files), stage="loading")
    for count, (file, path) in enumerate(files.items(), start=1):
        verify_file(path, model_row(name).file(file))
        yield Progress(step=count, num_steps=len(files), stage="loading")
    return len(files)


def _disk_bytes(row: ModelRow) -> int:
    return row.total_bytes or 0
