"""The folder of LoRAs: imported files, each with a note beside it.

    <workspace>/loras/ink.safetensors      the file
    <workspace>/loras/ink.lora.json        what was found in it, and its trigger words

A file that somebody put there by hand is read once, when the folder is listed. What has the suffix
is a path, what has none a name of the folder; guests give names only.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.errors import (
    AppError,
    CannotWrite,
    DamagedModel,
    Forbidden,
    ForbiddenPath,
    InvalidRequest,
    MissingModel,
)
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.services.lora_notes import LoraEntry, entry_of, note_path, noted, write_note
from videosketcher_app.storage import atomic
from videosketcher_app.storage.paths import Workspace, safe_join, safe_name, slug
from videosketcher_app.storage.tensors import read_metadata, sha256_of

if TYPE_CHECKING:
    from videosketcher_app.models.lora.adapter import LoraAdapter

SUFFIX = ".safetensors"
MAX_LISTED = 1000
_SOURCE = "source_sha256"  # in a file that was written anew: the hash of what it was made from


class LoraLibrary:
    """The folder of imported LoRAs.

    Args:
        folder: need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, LoraAdapter] = {}

    def entries(self) -> tuple[LoraEntry, ...]:
        """Every LoRA of the folder by name; one that cannot be used says why in `flaw`."""
        if not self.folder.is_dir():
            return ()
        files = sorted(filter(_is_lora, self.folder.iterdir()), key=lambda path: path.stem)
        return tuple(_entry(path) for path in files[:MAX_LISTED])

    def entry(self, name: str) -> LoraEntry:
        """One LoRA of the folder.

        Raises:
            MissingModel: there is none of this name.
            ForbiddenPath: it cannot be a name.
        """
        return _entry(self._file(name))

    def add(
        self,
        source: Path,
        *,
        name: str | None = None,
        trigger_words: Sequence[str] = (),
        role: Role = Role.OWNER,
    ) -> LoraEntry:
        """Copies a LoRA into the folder; what is not safetensors already becomes it.

        Args:
            name: in the folder; None takes the file's own.
            trigger_words: none keeps the file's own.

        Raises:
            Forbidden: the role may not import files.
            MissingModel: there is no such file.
            InvalidFile: it is no LoRA for a Wan transformer, or is damaged.
            InvalidRequest: another LoRA has this name.
            CannotWrite: the folder cannot be written.
        """
        require(role, Capability.IMPORT_FILES)
        from videosketcher_app.models.lora.reading import lora_file, read_lora

        file, adapter = lora_file(source), read_lora(source)
        target = self._target(name or _name_for(source))
        if target.is_file() and not _is_copy(target, adapter.sha256):
            raise InvalidRequest(
                f"There is another LoRA named {target.stem!r}.",
                hint="Give it a name of its own with --name, or remove the other one first.",
            )
        _copy(file, target, adapter)
        write_note(target, trigger_words=trigger_words)
        return _entry(target)

    def set_trigger_words(
        self, name: str, words: Sequence[str], *, role: Role = Role.OWNER
    ) -> LoraEntry:
        """Notes the words that call a LoRA's style; the file itself stays as it is.

        Raises:
            Forbidden: the role may not change it.
            MissingModel: there is none of this name.
        """
        require(role, Capability.IMPORT_FILES)
        file = self._file(name)
        write_note(file, trigger_words=words)
        return _entry(file)

    def remove(self, name: str, *, role: Role = Role.OWNER) -> None:
        """Removes a LoRA and its note from the folder.

        Raises:
            Forbidden: the role may not remove it.
            MissingModel: there is none of this name.
            CannotWrite: it cannot be removed.
        """
        require(role, Capability.IMPORT_FILES)
        file = self._file(name)
        try:
            file.unlink()
            note_path(file).unlink(missing_ok=True)
        except OSError as error:
            raise CannotWrite(
                f"The LoRA {name!r} cannot be removed: {error.strerror or error}.",
                hint="Close programs that use it, or check the permissions.",
            ) from error

    def read(self, name: str, *, role: Role = Role.OWNER) -> LoraAdapter:
        """One LoRA by its name in the folder or its path, checked by itself.

        Raises:
            MissingModel: there is none.
            InvalidFile: it is no LoRA for a Wan transformer.
            DamagedModel: it holds NaN or Inf.
            Forbidden: a guest names a file.
        """
        from videosketcher_app.models.lora.reading import lora_hash, read_lora

        path = self.path_of(name, role=role)
        sha256 = lora_hash(path)
        return self._kept.get(sha256) or read_lora(path)

    def keep(self, adapters: Sequence[LoraAdapter]) -> None:
        """Holds these in memory, and no others: another scale then costs no reading."""
        self._kept = {adapter.sha256: adapter for adapter in adapters}

    def path_of(self, name: str, *, role: Role = Role.OWNER) -> Path:
        """Where a LoRA's file should be: a name of the folder or the catalogue, or the owner's path.

        Raises:
            MissingModel: the catalogue has it, this disk has not.
            Forbidden: a guest names something else than a LoRA of the folder.
        """
        try:
            return self._file(name)
        except (ForbiddenPath, MissingModel):
            known = _of_catalogue(name)
            if known is not None:
                return known
            if role is not Role.OWNER:
                raise Forbidden(
                    f"There is no LoRA named {name[:80]!r} here.", hint="Choose one of the list."
                ) from None
        return Path(name)

    def has(self, name: str) -> bool:
        """True if a LoRA of this name is in the folder or, downloaded, in the catalogue."""
        try:
            return self.path_of(name, role=Role.GUEST).is_file()
        except AppError:
            return False

    def _file(self, name: str) -> Path:
        file = self._target(name)
        if not file.is_file():
            raise MissingModel(
                f"There is no LoRA named {name[:80]!r}.", hint="See the names with `lora list`."
            )
        return file

    def _target(self, name: str) -> Path:
        return safe_join(self.folder, safe_name(name) + SUFFIX)


def library_of(settings: AppSettings) -> LoraLibrary:
    """The folder of LoRAs in the workspace of these settings."""
    return LoraLibrary(Workspace(settings.workspace).root / "loras")


def _of_catalogue(name: str) -> Path | None:
    """The file of a LoRA of the catalogue; None if it has none of this name.

    Raises:
        MissingModel: it is not on this disk.
    """
    from videosketcher_app.models.catalogue import files_here, model_rows

    row = next((row for row in model_rows() if row.name == name and row.kind == "lora"), None)
    if row is None:
        return None
    files = (path for path in files_here(row).values() if path.suffix == SUFFIX)
    file = next(files, None)
    if file is None:
        raise MissingModel(
            f"The LoRA {name} is not on this disk.",
            hint=f"Fetch it with `python -m videosketcher_app models download {name}`.",
        )
    return file


def _is_lora(path: Path) -> bool:
    return path.suffix == SUFFIX and path.is_file() and not path.name.startswith(".")


def _entry(file: Path) -> LoraEntry:
    note = noted(file)
    if note is not None:
        return note
    try:
        write_note(file)
        return noted(file) or entry_of(file)
    except CannotWrite:
        return entry_of(file)
    except AppError as error:
        return LoraEntry(name=file.stem, disk_bytes=file.stat().st_size, flaw=str(error))


def _name_for(source: Path) -> str:
    stem = source.name if source.is_dir() else source.stem
    try:
        return safe_name(stem)
    except ForbiddenPath:
        return slug(stem)


def _is_copy(target: Path, sha256: str) -> bool:
    return sha256 in (sha256_of(target), read_metadata(target).get(_SOURCE))


def _copy(file: Path, target: Path, adapter: LoraAdapter) -> None:
    """Byte for byte if the file says everything itself; else as this app writes LoRAs."""
    from videosketcher_app.models.lora.reading import PEFT_WEIGHTS

    if file.suffix != SUFFIX or file.name == PEFT_WEIGHTS:
        from videosketcher_app.models.lora.writing import write_lora

        write_lora(target, adapter, metadata={**adapter.metadata, _SOURCE: adapter.sha256})
        return
    with atomic.replacing(target) as temporary:
        shutil.copyfile(file, temporary)
        if sha256_of(temporary) != adapter.sha256:
            raise DamagedModel(
                f"{file.name} changed while it was copied.", hint="Import it once more."
            )
