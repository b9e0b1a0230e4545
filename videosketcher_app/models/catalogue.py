"""The catalogue: every model by name, where its weights are, and what must be true of them.

A row is one of checkpoints/models.yaml, or of a model that somebody imported. `tiny` needs no files;
`pocket` rows are shipped. A row with a `base` is an adapter: it needs the files of both rows. Rows of
the family `wan` are downloaded or imported, see `models.weights_folder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.models.model_rows import (
    CATALOGUE_FILE,
    CHECKPOINTS,
    ModelFile,
    ModelRow,
    Source,
    shipped_rows,
)
from videosketcher_app.models.weights_folder import used_weights
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.storage.safetensors_format import read_header

if TYPE_CHECKING:
    import torch

    from videosketcher_app.models.memory_plan import MemoryPlan
    from videosketcher_app.models.pocket import PocketModel

__all__ = [
    "CATALOGUE_FILE",
    "CHECKPOINTS",
    "ModelFile",
    "ModelRow",
    "Source",
    "brush_model_of",
    "files_for",
    "files_here",
    "folder_of_model",
    "is_here",
    "is_image_conditioned",
    "is_whole",
    "lent",
    "list_models",
    "load_adapter_folder",
    "load_text_model",
    "model_row",
    "model_rows",
    "own_files",
    "verify_model",
]


_lent: dict[str, tuple[ModelRow, dict[str, Path]]] = {}


@contextmanager
def lent(row: ModelRow, files: Mapping[str, Path]) -> Iterator[None]:
    """A row that this process has inside the block, with its files wherever they are."""
    _lent[row.name] = (row, dict(files))
    try:
        yield
    finally:
        del _lent[row.name]


def model_rows() -> tuple[ModelRow, ...]:
    """Every row: the catalogue's in its order, then imported models by name."""
    return tuple(_rows().values())


def model_row(name: str) -> ModelRow:
    """One row.

    Raises:
        InvalidRequest: there is no such model.
    """
    rows = _rows()
    if name not in rows:
        known = ", ".join(row.name for row in rows.values() if row.draws)
        raise InvalidRequest(
            f"There is no model named {name[:80]!r}.", hint=f"Known models: {known}."
        )
    return rows[name]


def list_models() -> list[dict[str, Any]]:
    """Every model that draws: name, family, kind, summary, whether it reads a condition frame, and
    whether it is on this disk."""
    return [
        {
            "name": row.name,
            "family": row.family,
            "kind": row.kind,
            "summary": row.about,
            "image_conditioned": row.image_conditioned,
            "here": is_here(row.name),
        }
        for row in model_rows()
        if row.draws
    ]


def is_here(name: str) -> bool:
    """True if all files of a row and of what it needs are on this disk; looks at names alone.

    Raises:
        InvalidRequest: there is no such model.
    """
    row = model_row(name)
    if row.family == "tiny":
        return True
    return is_whole(row) and all(is_here(needed) for needed in row.needs)


def is_whole(row: ModelRow) -> bool:
    """True if every file of the row itself is on this disk."""
    found = files_here(row)
    if row.name in _lent:
        return all(path.is_file() for path in found.values())
    if row.is_shipped:
        return bool(found) and all(file.path in found for file in row.files)
    return used_weights().holds_all(row, found)


def files_here(row: ModelRow) -> dict[str, Path]:
    """Those of a row's own files that are on this disk, by the path that the row gives them."""
    if row.name in _lent:
        return dict(_lent[row.name][1])
    if row.is_shipped:
        folder = CHECKPOINTS / row.folder
        paths = {file.path: folder / file.path for file in row.files}
        return {file: path for file, path in paths.items() if path.is_file()}
    return used_weights().files_of(row)


def files_for(name: str) -> dict[str, dict[str, Path]]:
    """All files that drawing with a model reads, by row and file: its own and of what it needs.

    Raises:
        InvalidRequest: there is no such model.
        MissingModel: names the first row that is not whole on this disk.
    """
    files = {name: own_files(name)}
    for needed in model_row(name).needs:
        files.update(files_for(needed))
    return files


def own_files(name: str) -> dict[str, Path]:
    """A row's own files, without those of what it needs.

    Raises:
        InvalidRequest: there is no such model.
        MissingModel: it is not whole on this disk.
    """
    row = model_row(name)
    _require_files(row)
    return files_here(row)


def verify_model(name: str) -> None:
    """Reads the weights, those of what it needs included, and compares them with the catalogue.

    Raises:
        InvalidRequest: there is no such model.
        MissingModel: its weights are not on this disk.
        DamagedModel: size or hash differ.
        InvalidFile: a file without a known hash is damaged.
    """
    for row_name, paths in _files_to_load(name).items():
        row = model_row(row_name)
        for file in row.files:
            if file.path in paths:  # a place may hold the same network in other files
                verify_file(paths[file.path], file)


def verify_file(path: Path, file: ModelFile) -> None:
    """Compares one file with what its row says; where the hash is not known, its header is read.

    Raises:
        MissingModel: there is no such file.
        DamagedModel: size or hash differ.
        InvalidFile: its header is damaged.
    """
    tensor_files.verify(path, sha256=file.sha256, size_bytes=file.num_bytes)
    if file.sha256 is None and path.suffix == ".safetensors":
        read_header(path)


def load_text_model(
    name: str, device: str = "cpu", *, plan: MemoryPlan | None = None, attention: str = "torch"
) -> PocketModel:
    """The model on its device.

    Args:
        plan: how a Studio model shares the memory; None lets it have all of it.
        attention: the implementation that a Studio model uses.

    Raises:
        InvalidRequest: there is no such model, or it does not draw from text.
        MissingModel: its weights are not on this disk.
        DamagedModel: they do not fit the catalogue.
    """
    row = model_row(name)
    if row.family == "tiny":
        from videosketcher_app.models.tiny import tiny_model

        return tiny_model(name=name, image_conditioned=row.image_conditioned)
    if not row.draws:
        raise InvalidRequest(
            f"{name} is {row.about}; it does not draw by itself.", hint="Choose a model."
        )
    if row.family == "wan":
        # Hashing tens of gigabytes takes minutes; strict names and shapes are checked on the way.
        files = files_for(name)
        from videosketcher_app.models.studio import load_studio

        is_causal = row.kind == "causal"
        model = load_studio(
            name, files, device, plan=plan, attention=attention, text_waits=is_causal
        )
        if is_causal:
            from videosketcher_app.models.wan.causal_model import as_causal

            model = as_causal(model, row.trainer)
        return cast("PocketModel", model)  # engines use what the two have in common
    verify_model(name)
    model = _load_pocket_row(row, device)
    model.name = row.name if row.is_own else model.name
    return model


def _load_pocket_row(row: ModelRow, device: str) -> PocketModel:
    from videosketcher_app.models.pocket import load_adapted, load_pocket

    if not row.base:
        return load_pocket(_folder_of(row), device)
    model = load_adapted(_folder_of(row), _folder_of(model_row(row.base)), device)
    model.image_conditioned = row.image_conditioned
    return model


def folder_of_model(name: str) -> Path:
    """Where a model's files are, once they were compared with the catalogue.

    Raises:
        InvalidRequest: there is no such model, or it has no folder of its own.
        MissingModel: its weights are not on this disk.
        DamagedModel: size or hash differ.
    """
    row = model_row(name)
    if row.family == "tiny":
        raise InvalidRequest(f"{name} has no files.", hint="Choose another model.")
    verify_model(name)
    return _folder_of(row)


def _folder_of(row: ModelRow) -> Path:
    """The folder that holds all files of a row which is on this disk."""
    if row.is_shipped:
        return CHECKPOINTS / row.folder
    file, path = next(iter(files_here(row).items()))
    return path.parents[file.count("/")]


def brush_model_of(name: str) -> str:
    """The model that draws with a brush for a model: its image-conditioned kin if that is here.

    Raises:
        InvalidRequest: there is no such model.
    """
    if model_row(name).image_conditioned:
        return name
    kin = (
        row.name
        for row in model_rows()
        if row.base == name and row.image_conditioned and is_here(row.name)
    )
    return next(kin, name)


def is_image_conditioned(name: str) -> bool:
    """True if a model reads a condition frame beside the words.

    Raises:
        InvalidRequest: there is no such model.
    """
    return model_row(name).image_conditioned


def load_adapter_folder(
    folder: Path, device: str = "cpu", dtype: torch.dtype | None = None
) -> PocketModel:
    """A model that training exported as an adapter of a model of the catalogue.

    Args:
        dtype: of the arithmetic; None for the device's best.

    Raises:
        MissingModel: the folder holds no adapter, or its base is not on this disk.
        DamagedModel: its files do not fit each other.
        InvalidFile: the adapter is none.
    """
    from videosketcher_app.models.pocket import base_name_of, load_adapted

    base = base_name_of(folder)
    return load_adapted(folder, folder_of_model(base), device, dtype)


def _rows() -> Mapping[str, ModelRow]:
    own, shipped = used_weights().own_rows(), shipped_rows()
    own = {name: row for name, row in own.items() if name not in shipped}
    return {**shipped, **own, **{name: row for name, (row, _) in _lent.items()}}


def _files_to_load(name: str) -> dict[str, dict[str, Path]]:
    return {} if model_row(name).family == "tiny" else files_for(name)


def _require_files(row: ModelRow) -> None:
    if is_whole(row):
        return
    if row.is_shipped:
        hint = f"Restore checkpoints/{row.folder} from the repository."
    elif row.is_own:
        hint = f"Import it again, or remove it with `models remove {row.name}`."
    else:
        hint = (
            f"Fetch them with `python -m videosketcher_app models download {row.name}`, or draw "
            "with --model pocket-t2v."
        )
    raise MissingModel(f"The weights of {row.name} are not on this disk.", hint=hint)
