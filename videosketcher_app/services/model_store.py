"""ModelStore: the weights of every model: what is here, whether it is whole, import and removal.

<workspace>/models/<name>/      what was downloaded or imported; its row.json if it is imported
<workspace>/models/places.json  rows whose files stay where they were found
<workspace>/models/checks.json  how the last verification of every row ended
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.models.weights_folder import (
    PLACES_FILE,
    WeightsFolder,
    use_weights,
    used_weights,
)
from videosketcher_app.services.loras import LoraLibrary, library_of
from videosketcher_app.services.model_cards import STATES, CheckNotes, ModelCard, card_of
from videosketcher_app.services.model_checks import Meter, OnProgress, VerifyReport, verify_files
from videosketcher_app.services.model_places import Place, find_on_disk
from videosketcher_app.storage import atomic, folders
from videosketcher_app.storage.paths import Workspace

if TYPE_CHECKING:
    from videosketcher_app.models.identify import Identity


__all__ = ["STATES", "ModelCard", "ModelStore", "VerifyReport"]


class ModelStore:
    """The models of a workspace; this process's catalogue reads from it from now on.

    Args:
        search: folders to look into beside the usual ones, when models are looked for.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: AppSettings,
        *,
        loras: LoraLibrary | None = None,
        search: Sequence[Path] = (),
    ) -> None:
        self._workspace = workspace
        self._loras = loras or library_of(settings)
        self._search = tuple(search)
        self._weights = WeightsFolder(workspace.models)
        self._notes = CheckNotes(self._weights)
        use_weights(workspace.models)

    def close(self) -> None:
        """The catalogue reads from the folder of the settings again."""
        if used_weights() == self._weights:
            use_weights(None)

    @property
    def folder(self) -> Path:
        """Where downloads and imports go, a folder a row."""
        return self._weights.root

    def cards(self) -> tuple[ModelCard, ...]:
        """Every row of the catalogue, then imported ones; looks at names and sizes alone."""
        from videosketcher_app.models.catalogue import model_rows

        return tuple(card_of(row, self._notes, self.find) for row in model_rows())

    def card(self, name: str) -> ModelCard:
        """One row.

        Raises:
            InvalidRequest: there is no such model.
        """
        from videosketcher_app.models.catalogue import model_row

        return card_of(model_row(name), self._notes, self.find)

    def find(self, name: str, *, extra: Sequence[Path] = ()) -> tuple[Place, ...]:
        """Where the files of a row are on this disk, whole places first.

        Raises:
            InvalidRequest: there is no such model.
        """
        return find_on_disk(name, workspace_models=self.folder, extra=(*extra, *self._search))

    def path_of(self, name: str) -> dict[str, Path]:
        """A row's own files by the path that the row gives them.

        Raises:
            InvalidRequest: there is no such model.
            MissingModel: it is not whole on this disk.
        """
        from videosketcher_app.models.catalogue import own_files

        return own_files(name)

    def files_for(self, name: str) -> dict[str, dict[str, Path]]:
        """All files that drawing with a model reads, by row: its own and of what it needs.

        Raises:
            InvalidRequest: there is no such model.
            MissingModel: names the first row that is not whole on this disk.
        """
        from videosketcher_app.models.catalogue import files_for

        return files_for(name)

    def verify(
        self,
        name: str,
        on_progress: OnProgress | None = None,
        cancel: CancelToken | None = None,
    ) -> VerifyReport:
        """Reads every file of a row and compares it with what was published.

        Raises:
            InvalidRequest: there is no such model.
            MissingModel: nothing of it is on this disk.
            Cancelled: somebody asked to stop.
        """
        from videosketcher_app.models.catalogue import files_here, model_row

        row = model_row(name)
        files = files_here(row)
        if not files and row.family != "tiny":
            raise MissingModel(
                f"Nothing of {name} is on this disk.",
                hint=f"Fetch it with `python -m videosketcher_app models download {name}`.",
            )
        report = verify_files(row, files, on_progress=on_progress, cancel=cancel)
        lost = [file.path for file in row.files if file.path not in files]
        if lost and files != self._weights.place_of(name):
            told = f"{len(lost)} of its files are missing, the first is {lost[0]}."
            report = VerifyReport(name=name, by_hash=report.by_hash, flaws=(told, *report.flaws))
        if not row.is_shipped and files:
            self._notes.note(name, files, report)
        return report

    def identify(self, path: Path) -> Identity:
        """What a file or folder is; reads names, shapes and headers.

        Raises:
            MissingModel: there is nothing.
            InvalidFile: damaged or unknown.
        """
        from videosketcher_app.models.identify import identify

        return identify(path)

    def import_file(
        self,
        path: Path,
        *,
        name: str | None = None,
        link: bool = False,
        on_progress: OnProgress | None = None,
        cancel: CancelToken | None = None,
        role: Role = Role.OWNER,
    ) -> str:
        """Makes a file or folder a model of this app; returns the name that it has from now on.

        A LoRA joins the LoRAs. What is a row of the catalogue becomes that row; a model that
        somebody trained becomes a row of its own, which `rollout --model` and co-drawing take.

        Args:
            name: which row it is, or what it shall be called; None finds it out.
            link: leaves the files where they are; they must stay there.

        Raises:
            Forbidden: the role may not import files.
            MissingModel: there is nothing.
            InvalidFile: damaged, unknown, or not strictly what it looks like.
            DamagedModel: it is not the published file, or holds NaN or Inf.
            InvalidRequest: the name is taken, or is needed.
            CannotWrite: there is no room.
            Cancelled: somebody asked to stop; nothing was written.
        """
        require(role, Capability.IMPORT_FILES)
        from videosketcher_app.models.catalogue import model_rows
        from videosketcher_app.services import model_imports

        identity = self.identify(path)
        identity.require_usable(path.name)
        if identity.kind == "lora" and (name or identity.model_name) not in identity.candidates:
            return self._loras.add(path, name=name, role=role).name
        cancel = cancel or CancelToken()
        cache = self._workspace.cache / "converted"
        incoming = model_imports.planned_import(identity, path, name, cache)
        rows = {row.name: row for row in model_rows()}
        row = None if incoming.row is not None else rows[incoming.name]
        if incoming.row is not None and incoming.name in rows:
            raise InvalidRequest(
                f"There is a model named {incoming.name!r} already.",
                hint="Give it a name of its own with --name, or remove the other one first.",
            )
        total = sum(file.stat().st_size for file in incoming.files.values())
        model_imports.checked(incoming, row, Meter(total, on_progress), cancel)
        if link and row is not None:
            self._note_place(row.name, incoming.files, "folder", path)
            return row.name
        target = self.folder / incoming.name
        model_imports.write(incoming, row, target, on_progress=on_progress, cancel=cancel)
        other_files = row is not None and not {f.path for f in row.files} & incoming.files.keys()
        if other_files:  # the same network in other files than those that are published
            own = {file: target / file for file in incoming.files}
            self._note_place(incoming.name, own, "app", target)
        return incoming.name

    def use_place(self, name: str, place: Place, *, role: Role = Role.OWNER) -> None:
        """Draws with the files of a place from now on; nothing is copied.

        Raises:
            Forbidden: the role may not manage models.
            InvalidRequest: there is no such model, or the place does not hold it whole.
        """
        require(role, Capability.MANAGE_MODELS)
        from videosketcher_app.models.catalogue import model_row

        model_row(name)
        found = self.find(name, extra=(place.folder,))
        if not any(each.is_whole and each.files == place.files for each in found):
            raise InvalidRequest(
                f"{place.folder} does not hold {name} whole.", hint="Download or import the rest."
            )
        self._note_place(name, place.files, place.layout, place.folder)

    def remove(self, name: str, *, role: Role = Role.OWNER) -> None:
        """Removes a row's files from the app's folder, and forgets a place elsewhere.

        Files that are not in the app's folder are never touched.

        Raises:
            Forbidden: the role may not manage models.
            InvalidRequest: there is no such model, or it is part of the app.
            MissingModel: there is nothing to remove.
            CannotWrite: something cannot be removed.
        """
        require(role, Capability.MANAGE_MODELS)
        from videosketcher_app.models.catalogue import model_row

        row = model_row(name)
        if row.comes_with_the_app:
            raise InvalidRequest(f"{name} is part of the app.", hint="Choose a downloaded model.")
        places = self._weights.places()
        if name not in places and not (self.folder / name).is_dir():
            raise MissingModel(f"Nothing of {name} is in {self.folder}.", hint="See `models list`.")
        if places.pop(name, None) is not None:
            atomic.write_json(self.folder / PLACES_FILE, places)
        folders.remove_folder(self.folder / name)

    def disk_use(self) -> dict[str, Any]:
        """Bytes: `models` by name, `loras`, `converted`, and what the disk has `free` and in `total`."""
        above = next(p for p in (self.folder, *self.folder.absolute().parents) if p.is_dir())
        usage = shutil.disk_usage(above)
        named = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        return {
            "models": {p.name: _size_of(p) for p in named if p.is_dir() and p.name[0] != "."},
            "loras": _size_of(self._loras.folder),
            "converted": _size_of(self._workspace.cache / "converted"),
            "free": usage.free,
            "total": usage.total,
        }

    def _note_place(self, name: str, files: Mapping[str, Path], layout: str, folder: Path) -> None:
        entry = {
            "layout": layout,
            "folder": str(folder.absolute()),
            "files": {file: str(path.absolute()) for file, path in files.items()},
        }
        atomic.write_json(self.folder / PLACES_FILE, {**self._weights.places(), name: entry})


def _size_of(folder: Path) -> int:
    try:
        return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
    except OSError:
        return 0
