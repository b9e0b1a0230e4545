"""Files of nested folders, moved up into one: nothing is overwritten, twins are dropped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from filecmp import cmp
from pathlib import Path

from videosketcher_app.core.errors import CannotWrite, InvalidFile


@dataclass(kw_only=True)
class Flattened:
    """What a run did, with paths relative to the folder.

    Attributes:
        moved: files that now lie at the top, under their old names.
        renamed: old path -> new name, of files whose name was taken by other content.
        twins: files dropped because one of the same name and the same bytes lies at the top.
        links: links, left where they are.
    """

    moved: int = 0
    renamed: dict[str, str] = field(default_factory=dict)
    twins: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def nested_files(folder: Path) -> list[Path]:
    """Files and links below the folders of `folder`, sorted; links to folders are not entered.

    Raises:
        InvalidFile: it is no folder.
    """
    if not folder.is_dir():
        raise InvalidFile(f"There is no folder {folder.name}.", hint="Give a folder of videos.")
    return sorted(path for path in _entries(folder) if path.parent != folder)


def flatten(folder: Path, *, keep_structure: bool = False) -> Flattened:
    """Moves every nested file to the top of `folder`.

    Args:
        keep_structure: leave the emptied folders.

    Raises:
        InvalidFile: it is no folder.
        CannotWrite: a file cannot be moved; those before it have been, and running it again goes on.
    """
    done = Flattened()
    for path in nested_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            _move_up(path, name, folder, done)
        except OSError as error:
            raise CannotWrite(
                f"{name} cannot be moved: {error.strerror or error}.",
                hint="Correct that and run it again; it goes on where it stopped.",
            ) from error
    if not keep_structure:
        _remove_empty(folder)
    return done


def _move_up(path: Path, name: str, folder: Path, done: Flattened) -> None:
    target = folder / path.name
    if path.is_symlink():
        done.links.append(name)
    elif not _taken(target):
        path.rename(target)
        done.moved += 1
    elif target.is_file() and not target.is_symlink() and cmp(path, target, shallow=False):
        path.unlink()
        done.twins.append(name)
    else:
        free = _free_file(target)
        path.rename(free)
        done.renamed[name] = free.name


def _free_file(target: Path) -> Path:
    number = 2
    while _taken(candidate := target.with_name(f"{target.stem}_{number}{target.suffix}")):
        number += 1
    return candidate


def _taken(path: Path) -> bool:
    return os.path.lexists(path)


def _entries(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        yield from (Path(root) / name for name in (*files, *links))


def _remove_empty(folder: Path) -> None:
    for root, _, _ in os.walk(folder, topdown=False):
        if Path(root) != folder and not any(Path(root).iterdir()):
            Path(root).rmdir()
