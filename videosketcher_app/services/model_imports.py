"""Importing: files that somebody has become a model of this app, whole or not at all.

What satisfies a row of the catalogue becomes that row; a model that somebody trained becomes a row of
its own. Everything is checked before anything is written: what it is, strictly by names and shapes,
then every number of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import DamagedModel, InvalidFile, InvalidRequest
from videosketcher_app.models.weights_folder import ROW_FILE
from videosketcher_app.services.model_checks import Meter, OnProgress, check_numbers
from videosketcher_app.storage import atomic
from videosketcher_app.storage.copying import copy_files, require_room
from videosketcher_app.storage.paths import safe_name, slug
from videosketcher_app.storage.safetensors_format import read_header

if TYPE_CHECKING:
    from videosketcher_app.models.identify import Identity
    from videosketcher_app.models.model_rows import ModelRow

WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
_POCKET_KINDS = ("pocket", "pocket adapter")
_WAN_NEEDS = ("umt5-xxl", "wan2.1-vae")
_BRUSH_STAGES = ("brush",)
# What training calls every one of its models; the folder above says more.
_NAMELESS = ("model", "transformer", "adapter", "generator", "")


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """What an import writes.

    Attributes:
        name: the row's.
        files: by the path below the model's folder.
        row: the content of row.json; None for a row of the catalogue.
    """

    name: str
    files: Mapping[str, Path]
    row: dict[str, Any] | None = None


def planned_import(identity: Identity, path: Path, name: str | None, cache: Path) -> Incoming:
    """What importing these files would write.

    Args:
        name: which row they are, or what their own row shall be called; None finds it out.
        cache: folder for converted pickles.

    Raises:
        InvalidRequest: the name is taken, or does not say which row it is.
        InvalidFile: it cannot be used.
        ForbiddenPath: the name cannot name a folder.
    """
    if identity.kind in _POCKET_KINDS:
        return _own_pocket(identity, _own_name(name, identity, path))
    row = _row_meant(identity, name)
    if row is not None:
        return Incoming(name=row.name, files=_by_row(row, identity.files))
    if identity.kind in ("causal", "transformer"):
        return _own_wan(identity, _own_name(name, identity, path), path, cache)
    raise InvalidRequest(
        f"{path.name} is {identity.label}, which fits several models.",
        hint=f"Say which with --name: {', '.join(identity.candidates) or 'none is known'}.",
    )


def checked(incoming: Incoming, row: ModelRow | None, meter: Meter, cancel: CancelToken) -> None:
    """Reads everything that will be written.

    Raises:
        DamagedModel: a size is another one than published, or a number is NaN or Inf.
        InvalidFile: a LoRA that cannot be used.
    """
    known = {file.path: file for file in row.files} if row is not None else {}
    for path, source in incoming.files.items():
        expected = known[path].num_bytes if path in known else None
        if expected is not None and source.stat().st_size != expected:
            raise DamagedModel(
                f"{source.name} has {source.stat().st_size:,} bytes, the published file "
                f"{expected:,}.",
                hint="Download it again.",
            )
    unknown = [s for p, s in incoming.files.items() if p not in known or not known[p].sha256]
    if row is not None and row.kind == "lora":
        from videosketcher_app.models.lora.reading import read_lora

        for file in incoming.files.values():
            read_lora(file)
    weights = [file for file in unknown if file.suffix not in (".json", ".mdb", ".model")]
    check_numbers(weights, meter=meter, cancel=cancel)


def write(
    incoming: Incoming,
    row: ModelRow | None,
    folder: Path,
    *,
    on_progress: OnProgress | None = None,
    cancel: CancelToken | None = None,
) -> None:
    """Copies the files into the model's folder.

    The folder of somebody's own model appears whole. Into that of a published row every file
    arrives whole, beside what is there already, such as the tokenizer of a text encoder.

    Raises:
        CannotWrite: no room, or the folder cannot be written.
        DamagedModel: a copy has another hash than the published file.
        Cancelled: somebody asked to stop; nothing new remains.
    """
    sources = list(incoming.files.values())
    require_room(sources, folder)
    meter = Meter(sum(path.stat().st_size for path in sources), on_progress)
    if incoming.row is None:
        known = {file.path: file.sha256 for file in row.files} if row is not None else {}
        copy_files(incoming.files, folder, sha256=known, on_bytes=meter.add, cancel=cancel)
        return
    with atomic.publish_folder(folder) as temporary:
        hashes = copy_files(incoming.files, temporary, sha256={}, on_bytes=meter.add, cancel=cancel)
        atomic.write_json(temporary / ROW_FILE, _with_facts(incoming, temporary, hashes))


def _with_facts(incoming: Incoming, folder: Path, hashes: Mapping[str, str]) -> dict[str, Any]:
    files = {
        path: {"bytes": (folder / path).stat().st_size, "sha256": hashes[path]} for path in hashes
    }
    return {**(incoming.row or {}), "files": files}


def _row_meant(identity: Identity, name: str | None) -> ModelRow | None:
    """The catalogue's row that these files are; None if they are somebody's own model."""
    from videosketcher_app.models.model_rows import shipped_rows

    rows = shipped_rows()
    if name is not None and name in rows:
        if name not in identity.candidates:
            raise InvalidFile(
                f"This is {identity.label}, which is not what {name} consists of.",
                hint=f"Leave --name out, or use {', '.join(identity.candidates) or 'another name'}.",
            )
        return rows[name]
    if name is None and identity.model_name is not None:
        return rows[identity.model_name]
    return None


def _by_row(row: ModelRow, files: Sequence[Path]) -> dict[str, Path]:
    """Files by the paths that the row gives them; others, such as one shard for six, by name."""
    by_name = {Path(file.path).name: file.path for file in row.files}
    weights = [file for file in row.files if Path(file.path).parent == Path()]
    if len(files) == 1 and len(weights) == 1 and files[0].suffix == Path(weights[0].path).suffix:
        return {weights[0].path: files[0]}
    return {by_name.get(file.name, file.name): file for file in files}


def _own_name(name: str | None, identity: Identity, path: Path) -> str:
    """The name of somebody's own model: as given, else as its run or its file is called."""
    from videosketcher_app.models.model_rows import shipped_rows

    if name is None:
        found = slug(_called(identity, path))
        return f"my_{found}" if found in shipped_rows() else found
    if name in shipped_rows():
        raise InvalidRequest(
            f"{name!r} is the name of a published model.", hint="Choose another with --name."
        )
    return safe_name(name)


def _called(identity: Identity, path: Path) -> str:
    from videosketcher_app.models.model_rows import shipped_rows

    told = str(identity.facts.get("name") or "")
    if told and told not in shipped_rows():
        return told
    resolved = path.resolve()
    names = [resolved.name if path.is_dir() else resolved.stem]
    names += [parent.name for parent in resolved.parents]
    return next((each for each in names if each not in _NAMELESS), "model")


def _own_pocket(identity: Identity, name: str) -> Incoming:
    row = {
        "kind": "causal" if identity.facts.get("stage") in ("causal", "ode", "dmd") else "model",
        "family": "pocket",
        "network": "pocket",
        "about": f"your own: {identity.label}",
        "licence": "your own",
        "image_conditioned": identity.facts.get("stage") in _BRUSH_STAGES,
    }
    if identity.kind == "pocket adapter":
        row["base"] = identity.facts["base"]
    return Incoming(name=name, files={file.name: file for file in identity.files}, row=row)


def _own_wan(identity: Identity, name: str, path: Path, cache: Path) -> Incoming:
    """A transformer that somebody trained; a pickle becomes safetensors in a child process."""
    from videosketcher_app.models.conversion import PICKLE_SUFFIXES, converted

    if len(identity.files) != 1:
        raise InvalidFile(
            f"{path.name} is {identity.label}, which is not in the catalogue.",
            hint="Give a model of one file, or shards of a published model.",
        )
    file = identity.files[0]
    source = converted(file, cache) if file.suffix in PICKLE_SUFFIXES else file
    _check_heads(source, file)
    files = {WEIGHTS_FILE: source}
    if (file.parent / CONFIG_FILE).is_file():
        files[CONFIG_FILE] = file.parent / CONFIG_FILE
    row = {
        "kind": "causal" if identity.kind == "causal" else "model",
        "family": "wan",
        "network": identity.network,
        "about": f"your own: {identity.label}",
        "licence": "your own",
        "needs": list(_WAN_NEEDS),
    }
    return Incoming(name=name, files=files, row=row)


def _check_heads(source: Path, file: Path) -> None:
    """Refuses a transformer whose number of heads nobody knows.

    Raises:
        InvalidFile: its config.json is wrong, or is needed and missing.
    """
    import torch

    from videosketcher_app.models.published import infer_config, plain_names, read_config

    shapes = {name: info.shape for name, info in read_header(source).tensors.items()}
    bare = plain_names(shapes, file.name)
    meta = {name: torch.empty(shape, device="meta") for name, shape in bare.items()}
    infer_config(meta, read_config(file.parent / CONFIG_FILE).get("num_heads"), file.name)
