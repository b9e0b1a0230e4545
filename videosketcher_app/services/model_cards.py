"""ModelCard: one row of the catalogue as it is on this disk, and what the last check found of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from videosketcher_app.models.model_rows import ModelRow
from videosketcher_app.models.weights_folder import CHECKS_FILE, WeightsFolder
from videosketcher_app.services.model_checks import VerifyReport
from videosketcher_app.services.model_places import Place
from videosketcher_app.storage import atomic

STATES = ("shipped", "here", "found", "partial", "absent", "damaged")


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """One row as it is on this disk.

    Attributes:
        state: one of STATES. "found": whole, in a folder that is not the app's: `use_place` it.
            "damaged": a file has another size than published, or failed its last verification.
        place: where it is, or was found; None if it is absent.
        bytes_on_disk: of its files in that place.
        needs_missing: rows that it needs and that are not here.
        flaw: why it is damaged, in one sentence.
    """

    row: ModelRow
    state: str
    place: Place | None = None
    bytes_on_disk: int = 0
    needs_missing: tuple[str, ...] = ()
    flaw: str = ""


class CheckNotes:
    """How the last verification of every row ended, as long as its files are still the same."""

    def __init__(self, weights: WeightsFolder) -> None:
        self._weights = weights

    def note(self, name: str, files: Mapping[str, Path], report: VerifyReport) -> None:
        """Keeps how a verification of these files ended.

        Raises:
            CannotWrite: the folder of weights cannot be written.
        """
        flaw = report.flaws[0] if report.flaws else ""
        checks = self._weights.table(CHECKS_FILE)
        checks[name] = {"files": _marks(files), "flaw": flaw}
        atomic.write_json(self._weights.root / CHECKS_FILE, checks)

    def flaw(self, name: str, files: Mapping[str, Path]) -> str:
        """What was wrong with these files; empty if nothing was, or they are others by now."""
        noted = self._weights.table(CHECKS_FILE).get(name)
        same = isinstance(noted, dict) and noted.get("files") == _marks(files)
        return str(noted.get("flaw", "")) if same and isinstance(noted, dict) else ""


def card_of(
    row: ModelRow, notes: CheckNotes, find: Callable[[str], tuple[Place, ...]]
) -> ModelCard:
    """The card of a row.

    Args:
        find: the places that hold files of a row, whole ones first.
    """
    from videosketcher_app.models.catalogue import files_here, is_here, is_whole

    files = files_here(row)
    whole = is_whole(row) or row.family == "tiny"
    if whole or row.is_shipped:
        place = place_of(files, whole=whole)
        flaw = _flaw(row, files, notes) if whole else f"A file of {row.name} is missing."
        state = "damaged" if flaw else "shipped" if row.comes_with_the_app else "here"
    else:
        state, place = _elsewhere(row, files, find)
        flaw = ""
    return ModelCard(
        row=row,
        state=state,
        place=place,
        bytes_on_disk=sum(path.stat().st_size for path in place.files.values()) if place else 0,
        needs_missing=tuple(needed for needed in row.needs if not is_here(needed)),
        flaw=flaw,
    )


def place_of(files: Mapping[str, Path], *, whole: bool) -> Place | None:
    """The place of files that the catalogue reads; None if there are none."""
    if not files:
        return None
    file, path = next(iter(files.items()))
    above = path.parents[min(file.count("/"), len(path.parents) - 1)]
    return Place(folder=above, layout="app", files=dict(files), is_whole=whole)


def _elsewhere(
    row: ModelRow, files: Mapping[str, Path], find: Callable[[str], tuple[Place, ...]]
) -> tuple[str, Place | None]:
    found = next((place for place in find(row.name) if place.is_whole), None)
    if found is not None:
        return "found", found
    place = place_of(files, whole=False)
    return ("partial", place) if place is not None else ("absent", None)


def _flaw(row: ModelRow, files: Mapping[str, Path], notes: CheckNotes) -> str:
    for file in row.files:
        path = files.get(file.path)
        if path is not None and file.num_bytes not in (None, path.stat().st_size):
            return f"{path.name} has {path.stat().st_size:,} bytes instead of {file.num_bytes:,}."
    return notes.flaw(row.name, files)


def _marks(files: Mapping[str, Path]) -> dict[str, list[int]]:
    """What tells whether files are still those that were verified: sizes and times."""
    return {
        file: [path.stat().st_size, path.stat().st_mtime_ns] for file, path in sorted(files.items())
    }
