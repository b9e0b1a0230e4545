"""Where published weights may already be on this disk, so that nothing is downloaded twice.

Only known places are looked at, by name; no folder is searched through:

    app          <workspace>/models/<row>/
    reference    <workspace>/models/NAME/, where somebody put a repository by hand
    reference    pretrained/OWNER/NAME/ of VideoSketcher, models/OWNER/NAME/ of diffsynth,
                 wan_models/NAME/ of CausVid and Self-Forcing; below the working folder and below
                 every extra folder
    huggingface  the hub's cache, the revision that `main` names first
    modelscope   ModelScope's cache
    comfyui      models/<kind>/ of a ComfyUI folder
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.errors import AppError

if TYPE_CHECKING:
    from videosketcher_app.models.model_rows import ModelFile, ModelRow

LAYOUTS = ("app", "reference", "huggingface", "modelscope", "comfyui", "folder")
_REFERENCE_ROOTS = ("pretrained", "models", "wan_models", "checkpoints")
_COMFYUI_KINDS = (
    "diffusion_models",
    "unet",
    "text_encoders",
    "clip",
    "vae",
    "vae_approx",
    "clip_vision",
    "loras",
    "checkpoints",
)
_FLAT = ("comfyui", "folder")  # layouts that put files of many models side by side
_MOST_SNAPSHOTS = 50
_NAMELESS = ("model", "data")  # names that say nothing outside their repository's folder


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder that holds files of a row.

    Attributes:
        layout: one of LAYOUTS.
        files: by the path that the row gives them.
        is_whole: all files of the row are there, with the sizes that the catalogue knows.
    """

    folder: Path
    layout: str
    files: dict[str, Path]
    is_whole: bool


def find_on_disk(
    name: str, *, workspace_models: Path | None = None, extra: Sequence[Path] = ()
) -> tuple[Place, ...]:
    """Every known place that holds files of a row, whole ones first.

    Args:
        workspace_models: the app's own folder of weights; None takes the one in use.
        extra: folders to look into as well: a repository's own folder, the folder above
            `pretrained`, a ComfyUI folder, a cache.

    Raises:
        InvalidRequest: there is no such model.
    """
    from videosketcher_app.models.catalogue import model_row
    from videosketcher_app.models.weights_folder import used_weights

    row = model_row(name)
    models = workspace_models or used_weights().root
    candidates = [(models / name, "app")]
    candidates += [(models / Path(repo).name, "reference") for repo in _repos_of(row)]
    candidates += list(_candidates(row, [Path.cwd(), *extra], extra))
    places = [_place(row, folder, layout) for folder, layout in _once(candidates)]
    found = [place for place in places if place is not None]
    return tuple(sorted(found, key=lambda place: (not place.is_whole, -len(place.files))))


def _once(candidates: Iterable[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
    seen: set[Path] = set()
    for folder, layout in candidates:
        if _is_folder(folder) and folder.absolute() not in seen:
            seen.add(folder.absolute())
            yield folder, layout


def _candidates(
    row: ModelRow, roots: Sequence[Path], extra: Sequence[Path]
) -> Iterator[tuple[Path, str]]:
    repos = _repos_of(row)
    for root in roots:
        for repo in repos:
            owner_and_name = [root / above / repo for above in _REFERENCE_ROOTS]
            name_alone = [root / above / Path(repo).name for above in _REFERENCE_ROOTS]
            yield from ((folder, "reference") for folder in (*owner_and_name, *name_alone))
    for folder in extra:
        yield from ((folder / repo, "reference") for repo in repos)
    for repo in repos:
        yield from ((folder, "huggingface") for folder in _snapshots(repo, extra))
        yield from ((folder, "modelscope") for folder in _modelscope(repo, extra))
    for comfyui in (*_comfyui_roots(), *extra):
        yield from ((comfyui / "models" / kind, "comfyui") for kind in _COMFYUI_KINDS)
    yield from ((folder, "folder") for folder in extra)


def _repos_of(row: ModelRow) -> tuple[str, ...]:
    """The row's own repositories; of parts those of whole models too, which ship copies of them."""
    from videosketcher_app.models.catalogue import model_rows

    own = [source.repo for source in row.sources]
    if row.kind == "part":
        users = [other for other in model_rows() if row.name in other.needs]
        own += [s.repo for other in users for s in other.sources if s.repo.startswith("Wan-AI/")]
    return tuple(dict.fromkeys(own))


def _place(row: ModelRow, folder: Path, layout: str) -> Place | None:
    paths = {file.path: _found(folder, file, layout) for file in row.files}
    files = {file: path for file, path in paths.items() if path is not None}
    if not files:
        return _renamed(row, folder, layout) if layout in _FLAT else None
    whole = len(files) == len(row.files) and all(
        file.num_bytes in (None, files[file.path].stat().st_size) for file in row.files
    )
    return Place(folder=folder, layout=layout, files=files, is_whole=whole)


def _renamed(row: ModelRow, folder: Path, layout: str) -> Place | None:
    """The same network in a file that another program has named; its content decides."""
    for name in row.other_names:
        if not _is_file(folder / name):
            continue
        from videosketcher_app.models.identify import identify

        try:
            identity = identify(folder / name)
        except AppError:
            continue
        if row.name in identity.candidates and not identity.problems:
            files = {name: folder / name}
            return Place(folder=folder, layout=layout, files=files, is_whole=True)
    return None


def _found(folder: Path, file: ModelFile, layout: str) -> Path | None:
    name = Path(file.path).name
    names = [file.path if layout == "app" else file.repo_path]
    if layout in _FLAT and Path(name).stem not in _NAMELESS:
        names.append(name)
    return next((folder / name for name in names if _is_file(folder / name)), None)


def _snapshots(repo: str, extra: Sequence[Path]) -> Iterator[Path]:
    """Revisions of a repository in the hub's cache, that which `main` names first."""
    for cache in (_hub_cache(), *extra):
        for kind in ("models", "datasets"):
            folder = cache / f"{kind}--{repo.replace('/', '--')}"
            try:
                named = (folder / "refs" / "main").read_text("utf-8").strip()[:64]
            except (OSError, UnicodeDecodeError):
                named = ""
            snapshots = folder / "snapshots"
            if named and "/" not in named and "\\" not in named:
                yield snapshots / named
            try:
                yield from sorted(snapshots.iterdir())[:_MOST_SNAPSHOTS]
            except OSError:
                continue


def _hub_cache() -> Path:
    """As huggingface-hub finds it, without importing it."""
    if cache := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(cache).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    home = os.environ.get("HF_HOME") or str(Path(base) / "huggingface")
    return Path(home).expanduser() / "hub"


def _modelscope(repo: str, extra: Sequence[Path]) -> Iterator[Path]:
    owner, _, name = repo.partition("/")
    home = os.environ.get("MODELSCOPE_CACHE") or str(Path.home() / ".cache" / "modelscope")
    for cache in (Path(home).expanduser(), *extra):
        for root in (cache / "hub" / "models", cache / "hub", cache / "models"):
            # Its older versions wrote three underscores for every dot.
            yield from (root / owner / spelled for spelled in (name, name.replace(".", "___")))


def _comfyui_roots() -> tuple[Path, ...]:
    named = os.environ.get("COMFYUI_PATH")
    own = (Path(named).expanduser(),) if named else ()
    return (*own, Path.home() / "ComfyUI", Path.cwd() / "ComfyUI", Path.cwd().parent / "ComfyUI")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
