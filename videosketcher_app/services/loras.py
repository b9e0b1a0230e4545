"""LoRAs as people use them: a folder of imported files, and those that a request asks for.

    <workspace>/loras/ink.safetensors      the file
    <workspace>/loras/ink.lora.json        what was found in it, and its trigger words

A file that somebody put there by hand is read once, when the folder is listed. Requests name an
imported LoRA or a file; guests name imported ones only.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from videosketcher_app.core.requests import LoraSpec, SketchRequest
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


@dataclass(frozen=True, kw_only=True)
class ChosenLora:
    """A LoRA of a request, read and checked by itself.

    Attributes:
        spec: as asked for, with the hash of the file that was read.
    """

    spec: LoraSpec
    adapter: LoraAdapter


class LoraLibrary:
    """The folder of imported LoRAs, and the way from a request's LoRAs to a model's.

    Args:
        folder: need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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

    def open(self, name: str) -> LoraAdapter:
        """One LoRA by its name in the folder or its path, read and checked by itself.

        Raises:
            MissingModel: there is none.
            InvalidFile: it is no LoRA for a Wan transformer.
            DamagedModel: it holds NaN or Inf.
        """
        from videosketcher_app.models.lora.reading import read_lora

        return read_lora(self._path(LoraSpec(path=name), Role.OWNER))

    def read(self, specs: Sequence[LoraSpec], *, role: Role = Role.OWNER) -> tuple[ChosenLora, ...]:
        """The LoRAs of a request, each checked by itself.

        Raises:
            MissingModel: one is not on this disk.
            DamagedModel: one is another file than the request means, or holds NaN.
            InvalidFile: one is no LoRA for a Wan transformer.
            InvalidRequest: one is named twice.
            Forbidden: a guest names a file.
        """
        from videosketcher_app.models.lora.reading import read_lora

        chosen: list[ChosenLora] = []
        for spec in specs:
            adapter = read_lora(self._path(spec, role))
            _check_same(spec, adapter.sha256)
            if adapter.sha256 in {other.spec.sha256 for other in chosen}:
                raise InvalidRequest(
                    f"The LoRA {spec.path[:80]!r} is named twice.",
                    hint="Name it once, with the sum of the scales.",
                )
            pinned = LoraSpec(path=spec.path, scale=spec.scale, sha256=adapter.sha256)
            chosen.append(ChosenLora(spec=pinned, adapter=adapter))
        return tuple(chosen)

    def pinned(self, specs: Sequence[LoraSpec], *, role: Role = Role.OWNER) -> tuple[LoraSpec, ...]:
        """The same LoRAs with the hashes of the files that are there now.

        Raises:
            MissingModel: one is not on this disk.
            DamagedModel: one is another file than its hash says.
            Forbidden: a guest names a file.
        """
        from videosketcher_app.models.lora.reading import lora_file

        found = []
        for spec in specs:
            sha256 = sha256_of(lora_file(self._path(spec, role)))
            _check_same(spec, sha256)
            found.append(LoraSpec(path=spec.path, scale=spec.scale, sha256=sha256))
        return tuple(found)

    def merge(self, base: str, specs: Sequence[LoraSpec], out: Path) -> tuple[Path, ...]:
        """Writes a model with LoRAs merged into it; returns its files of weights.

        Args:
            base: a name of the catalogue, a folder of weights, or a .safetensors file.
            out: a free name: of a folder, or of a .safetensors file if the base is one.

        Raises:
            MissingModel: the base or a LoRA is not on this disk.
            InvalidFile: a LoRA does not fit the base.
            InvalidRequest: `out` is taken or of another kind.
            CannotWrite: the disk is full or `out` cannot be written.
        """
        from videosketcher_app.models.lora.merged_model import write_merged

        if not specs:
            raise InvalidRequest("There is no LoRA to merge.", hint="Name one with --lora FILE.")
        chosen = self.read(specs)
        stack = [(lora.adapter, lora.spec.scale) for lora in chosen]
        return write_merged(_files_of_model(base), stack, out)

    def _path(self, spec: LoraSpec, role: Role) -> Path:
        try:
            return self._file(spec.path)
        except (ForbiddenPath, MissingModel):
            if role is not Role.OWNER:
                raise Forbidden(
                    f"There is no LoRA named {spec.path[:80]!r} here.",
                    hint="Choose one of the list.",
                ) from None
        return Path(spec.path).expanduser()

    def _file(self, name: str) -> Path:
        file = self._target(name.removesuffix(SUFFIX))
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


@contextmanager
def applied_to(model: Any, chosen: Sequence[ChosenLora]) -> Generator[None, None, None]:
    """The model draws with these LoRAs inside the block, and is the very same after it.

    Raises:
        InvalidFile: one does not fit this model; nothing was touched.
    """
    if not chosen:
        yield
        return
    from videosketcher_app.models.lora.applying import applied

    stack = [(lora.adapter, lora.spec.scale) for lora in chosen]
    with applied(model.transformer, stack, base=model.name):
        yield


def with_hashes(request: SketchRequest, chosen: Sequence[ChosenLora]) -> SketchRequest:
    """The request with the hashes of the files that were read; without LoRAs the very same."""
    return request.replaced(loras=[lora.spec for lora in chosen]) if chosen else request


def hashes_of(chosen: Sequence[ChosenLora]) -> dict[str, str]:
    """SHA-256 by LoRA, for a run's files."""
    return {lora.spec.path: lora.spec.sha256 or "" for lora in chosen}


def _check_same(spec: LoraSpec, sha256: str) -> None:
    if spec.sha256 is not None and spec.sha256 != sha256:
        raise DamagedModel(
            f"The LoRA {spec.path[:80]!r} has changed: it is not the file that this request means.",
            hint="Bring the old file back, or name the LoRA anew with --lora.",
        )


def _files_of_model(base: str) -> Path:
    """Where a model's weights are: a name of the catalogue, or a path."""
    from videosketcher_app.models.catalogue import folder_of_model

    path = Path(base).expanduser()
    return path if path.exists() else folder_of_model(base)


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
