"""WeightsFolder: the folder of downloaded and imported weights, as the catalogue reads it.

    <folder>/<name>/...            files of a row, under the paths that the catalogue gives them
    <folder>/<name>/row.json       of an imported model: its own row, as in checkpoints/models.yaml
    <folder>/places.json           rows whose files stay elsewhere on this disk

Reading only; `services.model_store` is who writes. A process has one such folder: that of the
workspace that its store was opened on, or else of the settings.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.settings import AppSettings, load_settings
from videosketcher_app.models.model_rows import ModelRow, row_from
from videosketcher_app.storage import bounded
from videosketcher_app.storage.paths import Workspace, safe_join, safe_name

logger = logging.getLogger(__name__)
ROW_FILE, PLACES_FILE, CHECKS_FILE = "row.json", "places.json", "checks.json"
PATTERN = "*"  # in the path of a row's file: as many files as there are
MAX_ROW_BYTES, MAX_TABLE_BYTES = 1 << 20, 8 << 20


@dataclass(frozen=True)
class WeightsFolder:
    """The folder `root`, which need not exist."""

    root: Path

    def own_rows(self) -> dict[str, ModelRow]:
        """Imported models by name; one whose row cannot be read is left out with a warning."""
        if not self.root.is_dir():
            return {}
        rows = (self.own_row(path.parent.name) for path in sorted(self.root.glob(f"*/{ROW_FILE}")))
        return {row.name: row for row in rows if row is not None}

    def holds_all(self, row: ModelRow, found: Mapping[str, Path]) -> bool:
        """True if these are all files of a row: those it lists, or those of the chosen place."""
        if not found:
            return False
        if found == self.place_of(row.name):
            return True
        return all(any(_is_meant(path, file.path) for path in found) for file in row.files)

    def own_row(self, name: str) -> ModelRow | None:
        """One imported model; None if there is none, or its row cannot be read."""
        try:
            path = safe_join(self.root, f"{safe_name(name)}/{ROW_FILE}")
            if not path.is_file():
                return None
            text = bounded.read_text(path, max_bytes=MAX_ROW_BYTES, what="row of a model")
            row = row_from(name, json.loads(text), is_own=True)
            for file in row.files:
                safe_join(path.parent, file.path)
            return replace(row, folder="")
        except (AppError, AssertionError, ValueError, KeyError, TypeError, AttributeError) as error:
            logger.warning("the imported model %s is left out: %s", name, error)
            return None

    def files_of(self, row: ModelRow) -> dict[str, Path]:
        """Those files of a row that are on this disk: chosen places first, then the own folder."""
        chosen = self.place_of(row.name)
        found = {file: path for file, path in chosen.items() if path.is_file()}
        if found and found == chosen:
            return found
        return {**self._own_files(row), **found}

    def _own_files(self, row: ModelRow) -> dict[str, Path]:
        folder = self.root / row.name
        named = {file.path: folder / file.path for file in row.files}
        if named and not any(PATTERN in file for file in named):
            return {file: path for file, path in named.items() if path.is_file()}
        found = sorted(folder.rglob("*")) if folder.is_dir() else []
        paths = {path.relative_to(folder): path for path in found if path.is_file()}
        return {
            below.as_posix(): path
            for below, path in paths.items()
            if not any(part.startswith(".") for part in below.parts)
            and (not named or any(_is_meant(below.as_posix(), file) for file in named))
        }

    def place_of(self, name: str) -> dict[str, Path]:
        """Where somebody said that a row's files are; empty if nobody did."""
        entry = self.places().get(name, {})
        files = entry.get("files", {}) if isinstance(entry, Mapping) else {}
        if not isinstance(files, Mapping):
            return {}
        return {str(file): Path(path) for file, path in files.items() if isinstance(path, str)}

    def places(self) -> dict[str, Any]:
        """The content of places.json by row."""
        return self.table(PLACES_FILE)

    def table(self, name: str) -> dict[str, Any]:
        """A JSON file of the folder; empty if there is none or it cannot be read."""
        path = self.root / name
        if not path.is_file():
            return {}
        try:
            content = json.loads(bounded.read_text(path, max_bytes=MAX_TABLE_BYTES, what=name))
        except (AppError, ValueError, RecursionError) as error:
            logger.warning("%s is left out: %s", path, error)
            return {}
        return content if isinstance(content, dict) else {}


def _is_meant(path: str, file: str) -> bool:
    """Whether a row that lists this file, or this pattern of files, means this path."""
    return fnmatchcase(path, file) if PATTERN in file else path == file


_named: list[WeightsFolder] = []


def use_weights(root: Path | None) -> None:
    """Names this process's folder of weights; None goes back to that of the settings.

    Naming the folder of the settings names none, so that it goes on to follow them.
    """
    _named[:] = [] if root in (None, _of_settings()) else [WeightsFolder(Path(root))]


def used_weights() -> WeightsFolder:
    """This process's folder of weights: the one that was named, else that of the settings.

    Raises:
        InvalidRequest: nobody named one, and the settings are not possible.
    """
    return _named[0] if _named else WeightsFolder(_folder_of(load_settings()))


def _of_settings() -> Path | None:
    try:
        return _folder_of(load_settings())
    except InvalidRequest:  # somebody else says so
        return None


def _folder_of(settings: AppSettings) -> Path:
    return Workspace(settings.workspace).models
