"""Own brushes: what somebody saved on the shelf, one folder each, and what they gave a star.

<place>/own_red_chalk/brush.json    title and BrushSpec; an image is named within the folder
                      picture.png   the picture that it was understood from, if there was one
                      preview.png   a stroke of it
<place>/stars.json                  names of favorites
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import BrushSpec, parse_request_json
from videosketcher_app.services.brushes.pictures import name_of
from videosketcher_app.storage import atomic, bounded, media
from videosketcher_app.storage.paths import safe_join

logger = logging.getLogger(__name__)

PREFIX = "own_"
MAX_OWN = 200
MAX_TITLE_CHARACTERS = 60
_MAX_FILE_BYTES = 100_000
_FILE, _PICTURE, _PREVIEW, _STARS = "brush.json", "picture.png", "preview.png", "stars.json"
_NAME = re.compile(rf"{PREFIX}[a-z0-9_]{{1,56}}")


@dataclass(frozen=True, kw_only=True)
class OwnBrush:
    """A saved brush.

    Attributes:
        name: of its folder; begins with PREFIX.
        spec: with the name of its picture, see `pictures.name_of`.
    """

    name: str
    title: str
    spec: BrushSpec
    preview: Path


def own_brushes(place: Path) -> list[OwnBrush]:
    """All saved brushes, by title; a damaged one is left out."""
    return sorted(_readable(place), key=lambda brush: (brush.title.casefold(), brush.name))


def open_own(place: Path, name: str) -> OwnBrush:
    """One saved brush.

    Raises:
        InvalidRequest: there is none, or it is damaged.
    """
    folder = _folder(place, name)
    text = bounded.read_text(folder / _FILE, max_bytes=_MAX_FILE_BYTES, what="brush")
    values = parse_request_json(text)
    spec = dict(values.get("spec") or {})
    if spec.get("image") is not None:
        spec["image"] = name_of((folder / _PICTURE).absolute(), place)
    title = str(values.get("title") or name)[:MAX_TITLE_CHARACTERS]
    return OwnBrush(name=name, title=title, spec=BrushSpec(**spec), preview=folder / _PREVIEW)


def save_own(
    place: Path,
    title: str,
    spec: BrushSpec,
    *,
    picture: NDArray[np.uint8] | None,
    preview_HW3: NDArray[np.uint8],
) -> OwnBrush:
    """Saves a brush under a new name; none is ever written over.

    Raises:
        InvalidRequest: it has no title, or there are too many.
        CannotWrite: the folder cannot be written; nothing is left half-written.
    """
    title = " ".join(title.split())
    if not 0 < len(title) <= MAX_TITLE_CHARACTERS:
        raise InvalidRequest(
            f"A brush needs a name of 1 to {MAX_TITLE_CHARACTERS} characters.",
            hint='Write one, for instance "Red chalk".',
        )
    taken = {path.name for path in place.iterdir()} if place.is_dir() else set()
    if sum(name.startswith(PREFIX) for name in taken) >= MAX_OWN:
        raise InvalidRequest(
            f"There are {MAX_OWN} own brushes already.", hint="Remove one that you do not need."
        )
    name = _free_name(title, taken)
    place.mkdir(parents=True, exist_ok=True)
    kept = spec.model_dump(mode="json") | ({"image": _PICTURE} if spec.image else {})
    with atomic.publish_folder(place / name) as folder:
        if picture is not None:
            media.write_png(folder / _PICTURE, picture)
        media.write_png(folder / _PREVIEW, preview_HW3)
        atomic.write_json(folder / _FILE, {"title": title, "spec": kept})
    return open_own(place, name)


def delete_own(place: Path, name: str) -> None:
    """Removes a saved brush from the disk; drawings made with it stay as they are.

    Raises:
        InvalidRequest: there is none.
    """
    shutil.rmtree(_folder(place, name), ignore_errors=True)
    set_star(place, name, on=False)


def stars(place: Path) -> frozenset[str]:
    """Names of favorites; none if the list cannot be read."""
    try:
        text = bounded.read_text(place / _STARS, max_bytes=_MAX_FILE_BYTES, what="list of stars")
        names = json.loads(text)
    except (AppError, ValueError, RecursionError):
        return frozenset()
    return (
        frozenset(n for n in names if isinstance(n, str))
        if isinstance(names, list)
        else frozenset()
    )


def set_star(place: Path, name: str, *, on: bool) -> None:
    """Gives a brush a star or takes it away.

    Raises:
        CannotWrite: the folder cannot be written.
    """
    now = stars(place)
    wanted = now | {name} if on else now - {name}
    if wanted != now:
        place.mkdir(parents=True, exist_ok=True)
        atomic.write_json(place / _STARS, sorted(wanted))


def _readable(place: Path) -> Iterator[OwnBrush]:
    for folder in place.iterdir() if place.is_dir() else ():
        if not _NAME.fullmatch(folder.name):
            continue
        try:
            yield open_own(place, folder.name)
        except AppError as error:
            logger.warning("The brush %s is left out: %s", folder.name, error)


def _folder(place: Path, name: str) -> Path:
    if _NAME.fullmatch(name):
        folder = safe_join(place, name)
        if (folder / _FILE).is_file():
            return folder
    raise InvalidRequest("This brush is not on the shelf any more.", hint="Pick another one.")


def _free_name(title: str, taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    stem = PREFIX + ("_".join(re.findall(r"[a-z0-9]+", plain))[:40].strip("_") or "brush")
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}_{number}", number + 1
    return name
