"""One reader for every dataset that a training takes, whatever made it.

    a sketchbook                        dataset.json                        (data.sketchbooks)
    a table of clips                    metadata*.csv|json|jsonl, clips beside it or in a folder
    a styled set                        style_train_path.txt and a table    (data.name_maps)
    what `sketch --prompts-file` left   <i>_<name>/<name>.mp4 and <name>_config.json
    clips with texts                    cat.mp4 and cat.txt

A table's clip is looked for beside the table, in its folders `video` and `videos`, and then in its
other folders, by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.clip_media import MEDIA_SUFFIXES, VIDEO_SUFFIXES, read_clip
from videosketcher_app.data.filling import CanvasLike
from videosketcher_app.data.metadata import SUFFIXES, MetadataRow, only_metadata, read_metadata
from videosketcher_app.data.name_maps import (
    NAME_MAP,
    STYLE_LIST,
    NameMap,
    read_name_map,
    read_styles,
)
from videosketcher_app.data.problems import Problems
from videosketcher_app.data.sketchbook_index import INDEX_FILE, is_sketchbook, read_index
from videosketcher_app.data.sketchbooks import read_sketch
from videosketcher_app.storage import bounded

CONFIG_ENDING = "_config.json"
MAX_TEXT_BYTES = 1_000_000
MEDIA_FOLDERS = ("", "video", "videos")
Clip = Callable[[CanvasLike, int], NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class DatasetItem:
    """One clip of a dataset with its prompt.

    Attributes:
        name: of the clip within its dataset; no two items share one.
        caption: its prompt; never empty.
        clip: makes the frames.
        place: file and row that it comes from, for messages.
    """

    name: str
    caption: str
    clip: Clip = field(repr=False)
    place: tuple[str, str] = ("", "")

    def frames(self, canvas: CanvasLike, num_frames: int) -> NDArray[np.uint8]:
        """The clip (T, H, W, 3) at a canvas's size, T = `num_frames`, its whole length.

        Raises:
            InvalidFile: the media file is missing, damaged or over the limits.
        """
        return self.clip(canvas, num_frames)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Everything that a dataset holds, in its own order.

    Attributes:
        kind: "sketchbook", "table", "styled", "drawings" or "texts".
    """

    path: Path
    kind: str
    items: tuple[DatasetItem, ...]


def open_dataset(path: Path, *, name_map: Path | None = None) -> Dataset:
    """Opens a folder, or the table or list of one; reads texts and names, decodes nothing.

    Args:
        name_map: words for {color} and {brush}; None takes `name_map.yaml` beside the list.

    Raises:
        InvalidFile: it is no dataset, empty, or something in it is wrong; the message names file,
            row, column and what to do.
    """
    problems = Problems()
    dataset = survey(path, problems, name_map=name_map)
    problems.require_none()
    if not dataset.items:
        raise InvalidFile(f"The dataset {path.name} is empty.", hint="Add some drawings first.")
    return dataset


def survey(path: Path, problems: Problems, *, name_map: Path | None = None) -> Dataset:
    """Opens as much of a dataset as can be used; what is wrong goes to `problems`.

    Raises:
        InvalidFile: it is no dataset.
    """
    if not path.exists():
        raise InvalidFile(f"There is no {path}.", hint="Give the folder of a dataset.")
    folder = path if path.is_dir() else path.parent
    styles = _style_list(path)
    if (path.is_dir() and is_sketchbook(path)) or path.name == INDEX_FILE:
        kind, items = "sketchbook", _of_sketchbook(folder, problems)
    elif styles is not None:
        kind, items = "styled", _of_styles(styles, _table(path, folder), name_map, problems)
    elif path.is_file() or only_metadata(folder) is not None:
        kind, items = "table", _of_table(_table(path, folder), problems)
    elif any(folder.glob(f"*/*{CONFIG_ENDING}")):
        kind, items = "drawings", _of_drawings(folder, problems)
    else:
        kind, items = "texts", _of_texts(folder, problems)
    return Dataset(path=path, kind=kind, items=tuple(_with_own_names(items)))


def _style_list(path: Path) -> Path | None:
    """The list of a styled set; None if this is none."""
    if path.is_file() and path.suffix.lower() == ".txt":
        return path
    found = (path if path.is_dir() else path.parent) / STYLE_LIST
    return found if found.is_file() else None


def _table(path: Path, folder: Path) -> Path:
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        return path
    table = only_metadata(folder)
    if table is None:
        raise InvalidFile(
            f"There is no table of clips in {folder.name}.",
            hint="Put metadata.csv with the columns video and prompt there, or name the table.",
        )
    return table


def _of_sketchbook(folder: Path, problems: Problems) -> Iterator[DatasetItem]:
    for number, row in enumerate(read_index(folder).rows, start=1):
        where = f"{number} ({row.id})"
        if not row.caption:
            fix = "Write what it shows, or take the suggested plan."
            problems.add(
                INDEX_FILE, "This sketch has no caption.", fix, row=where, column="caption"
            )
            continue
        with problems.noting(INDEX_FILE, row=where):
            sketch = read_sketch(folder, row)
            yield DatasetItem(
                name=row.id, caption=row.caption, clip=sketch.clip, place=(INDEX_FILE, where)
            )


def _of_table(table: Path, problems: Problems) -> Iterator[DatasetItem]:
    roots = _roots(table.parent)
    for row in read_metadata(table, problems):
        found = _found(row, roots, table.name, problems)
        if found is not None:
            yield _media_item(row.media, row.prompt, found, (table.name, str(row.number)))


def _of_styles(
    styles: Path, table: Path, name_map: Path | None, problems: Problems
) -> Iterator[DatasetItem]:
    """Every row in every folder, folder after folder."""
    beside = styles.with_name(NAME_MAP)
    given = name_map or (beside if beside.is_file() else None)
    names = read_name_map(given, problems) if given else NameMap()
    rows = read_metadata(table, problems)
    for style in read_styles(styles, problems):
        for row in rows:
            found = _found(row, [style.folder], table.name, problems, style=style.name)
            if found is not None:
                place = (table.name, f"{row.number} in {style.name}")
                prompt = style.prompt(row.prompt, names)
                yield _media_item(f"{style.name}/{row.media}", prompt, found, place)


def _of_drawings(folder: Path, problems: Problems) -> Iterator[DatasetItem]:
    """The finished drawings of a batch, by their number; other folders by name."""
    for config in sorted(folder.glob(f"*/*{CONFIG_ENDING}"), key=_batch_order):
        name = config.name.removesuffix(CONFIG_ENDING)
        place = f"{config.parent.name}/{config.name}"
        if config.parent.name.startswith("."):
            continue
        with problems.noting(place):
            caption = _drawn_caption(config)
            clip = config.with_name(f"{name}.mp4")
            if not clip.is_file():
                raise InvalidFile(f"Its clip {clip.name} is missing.", hint="Draw it again.")
            yield _media_item(config.parent.name, caption, clip, (place, ""))


def _of_texts(folder: Path, problems: Problems) -> Iterator[DatasetItem]:
    clips = sorted(path for path in folder.iterdir() if path.suffix.lower() in MEDIA_SUFFIXES)
    if not clips:
        raise InvalidFile(
            f"The folder {folder.name} is no dataset.",
            hint="It needs metadata.csv, a sketchbook's dataset.json, drawings of a batch, or "
            "clips with texts of the same name.",
        )
    for clip in clips:
        text = clip.with_suffix(".txt")
        with problems.noting(text.name):
            caption = bounded.read_text(text, max_bytes=MAX_TEXT_BYTES, what="text of this clip")
            caption = caption.removeprefix("\ufeff").strip()
            if not caption:
                raise InvalidFile("It is empty.", hint="Write what the clip shows.")
            yield _media_item(clip.name, caption, clip, (text.name, ""))


def _media_item(name: str, caption: str, path: Path, place: tuple[str, str]) -> DatasetItem:
    def clip(canvas: CanvasLike, num_frames: int) -> NDArray[np.uint8]:
        return read_clip(path, canvas, num_frames)

    return DatasetItem(name=name, caption=caption, clip=clip, place=place)


def _with_own_names(items: Iterator[DatasetItem]) -> Iterator[DatasetItem]:
    """Equal names get a number, since a clip may stand in a table twice."""
    seen: dict[str, int] = {}
    for item in items:
        seen[item.name] = seen.get(item.name, 0) + 1
        count = seen[item.name]
        named = item.name if count == 1 else f"{item.name} ({count})"
        yield DatasetItem(name=named, caption=item.caption, clip=item.clip, place=item.place)


def _roots(folder: Path) -> list[Path]:
    first = [folder / name for name in MEDIA_FOLDERS]
    others = sorted(path for path in folder.iterdir() if path.is_dir())
    return [*first, *(path for path in others if path not in first)]


def _found(
    row: MetadataRow, roots: list[Path], file: str, problems: Problems, *, style: str = ""
) -> Path | None:
    """The media file of a row; None, and a problem, if it is not there."""
    written = PurePosixPath(row.media.replace("\\", "/"))
    where = f"{row.number} in {style}" if style else row.number
    message, fix = f"There is no file {row.media[:120]!r}.", "Correct the name, or add the file."
    if ".." in written.parts:
        message, fix = "A clip lies above the dataset.", "Move it there, or write its whole path."
    elif written.suffix.lower() not in MEDIA_SUFFIXES:
        message = f"{written.name[:80]!r} is no picture or video by its name."
        fix = f"Use {', '.join(VIDEO_SUFFIXES[:4])}, .png or .jpg."
    else:
        for root in roots:
            path = root / Path(written)
            if _is_file(path):
                return path
    problems.add(file, message, fix, row=where, column=row.column)
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no disk can hold
        return False


def _batch_order(config: Path) -> tuple[int, str]:
    number, line, _ = config.parent.name.partition("_")
    is_numbered = line and number.isascii() and number.isdecimal() and len(number) < 9
    return (int(number) if is_numbered else 10**9, config.parent.name)


def _drawn_caption(config: Path) -> str:
    """What the model read when it drew this clip."""
    text = bounded.read_text(config, max_bytes=MAX_TEXT_BYTES, what="file of settings")
    try:
        plan = json.loads(text)["plan"]
        caption = plan.get("model_text") or plan.get("model_plan") or plan["text"]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise InvalidFile("It holds no plan.", hint="Draw it again.") from error
    if not isinstance(caption, str) or not caption.strip():
        raise InvalidFile("Its plan is empty.", hint="Draw it again.")
    return caption
