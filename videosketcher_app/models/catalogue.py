"""The catalogue: every model by name, where its weights are, and what must be true of them.

A family is a row of checkpoints/models.yaml. `tiny` needs no files; `pocket` rows are shipped. A row
with a `base` is an adapter: it needs the files of both rows.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.storage import tensors as tensor_files

if TYPE_CHECKING:
    import torch

    from videosketcher_app.models.pocket import PocketModel

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
CATALOGUE_FILE = CHECKPOINTS / "models.yaml"


@cache
def _rows() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(CATALOGUE_FILE.read_text("utf-8"))["models"]


def list_models() -> list[dict[str, Any]]:
    """Every model: name, family, summary, whether it reads a condition frame, and is on this disk."""
    return [
        {
            "name": name,
            "family": row["family"],
            "summary": row["summary"],
            "image_conditioned": _is_image_conditioned(row),
            "here": row["family"] == "tiny" or _files_here(row),
        }
        for name, row in _rows().items()
    ]


def verify_model(name: str) -> None:
    """Reads the weights, those of the base included, and compares them with the catalogue.

    Raises:
        InvalidRequest: there is no such model.
        MissingModel: its weights are not on this disk.
        DamagedModel: size or hash differ.
    """
    row = _row(name)
    _require_here(name, row)
    if "base" in row:
        verify_model(row["base"])
    for file, facts in row.get("files", {}).items():
        path = CHECKPOINTS / row["folder"] / file
        tensor_files.verify(path, sha256=facts["sha256"], size_bytes=facts["bytes"])


def load_text_model(name: str, device: str = "cpu") -> PocketModel:
    """The model on its device.

    Raises:
        InvalidRequest: there is no such model, or it does not draw from text.
        MissingModel: its weights are not on this disk.
        DamagedModel: they do not fit the catalogue.
    """
    row = _row(name)
    if row["family"] == "tiny":
        from videosketcher_app.models.tiny import tiny_model

        return tiny_model(name=name, image_conditioned=_is_image_conditioned(row))
    verify_model(name)
    from videosketcher_app.models.pocket import load_adapted, load_pocket

    if "base" in row:
        base = CHECKPOINTS / _row(row["base"])["folder"]
        model = load_adapted(CHECKPOINTS / row["folder"], base, device)
        model.image_conditioned = _is_image_conditioned(row)
        return model
    return load_pocket(CHECKPOINTS / row["folder"], device)


def folder_of_model(name: str) -> Path:
    """Where a model's files are, once they were compared with the catalogue.

    Raises:
        InvalidRequest: there is no such model, or it has no files.
        MissingModel: its weights are not on this disk.
        DamagedModel: size or hash differ.
    """
    row = _row(name)
    verify_model(name)
    if "folder" not in row:
        raise InvalidRequest(f"{name} has no files.", hint="Choose another model.")
    return CHECKPOINTS / row["folder"]


def brush_model_of(name: str) -> str:
    """The model that draws with a brush for a model: its image-conditioned kin if that is here.

    Raises:
        InvalidRequest: there is no such model.
    """
    if _is_image_conditioned(_row(name)):
        return name
    kin = (
        other
        for other, row in _rows().items()
        if row.get("base") == name and _is_image_conditioned(row) and _files_here(row)
    )
    return next(kin, name)


def is_image_conditioned(name: str) -> bool:
    """True if a model reads a condition frame beside the words.

    Raises:
        InvalidRequest: there is no such model.
    """
    return _is_image_conditioned(_row(name))


def _is_image_conditioned(row: dict[str, Any]) -> bool:
    return row.get("image_conditioned") is True


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
    verify_model(base)
    return load_adapted(folder, CHECKPOINTS / _row(base)["folder"], device, dtype)


def _row(name: str) -> dict[str, Any]:
    if name not in _rows():
        raise InvalidRequest(
            f"There is no model named {name!r}.", hint=f"Known models: {', '.join(_rows())}."
        )
    return _rows()[name]


def _files_here(row: dict[str, Any]) -> bool:
    files = row.get("files", {})
    here = bool(files) and all((CHECKPOINTS / row["folder"] / file).is_file() for file in files)
    return here and ("base" not in row or _files_here(_row(row["base"])))


def _require_here(name: str, row: dict[str, Any]) -> None:
    if row["family"] == "tiny" or _files_here(row):
        return
    if row["family"] == "pocket":
        hint = f"Restore checkpoints/{row['folder']} from the repository."
    else:
        hint = (
            f"Fetching them with `models download {name}` is not built yet; "
            "draw with --model pocket-t2v."
        )
    raise MissingModel(f"The weights of {name} are not on this disk.", hint=hint)
