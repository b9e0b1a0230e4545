"""Styled sets of the reference: every row of a table in many folders, one for each brush and color.

`style_train_path.txt` names one folder a line, relative to itself. A folder's own name is a color,
the name of the folder around it a brush; a folder that holds an entry named `styles_ignore` is left
out. Prompts may hold {color} and {brush}; a name map in YAML, with the keys `color` and `brush`,
says the words for the folders' names, and without one they are read as words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.problems import Problems
from videosketcher_app.storage import atomic, bounded

STYLE_LIST = "style_train_path.txt"
NAME_MAP = "name_map.yaml"
IGNORE = "styles_ignore"
PLACEHOLDERS = ("color", "brush")
MAX_BYTES = 5_000_000
_MAP_FIX = 'Write "color:" and "brush:", and below each "folder name: words".'


@dataclass(frozen=True, kw_only=True)
class NameMap:
    """Words for the names of folders, by placeholder."""

    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, placeholder: str, folder_name: str) -> str:
        """The words for a folder's name; the name itself, as words, if none are given."""
        known = self.words.get(placeholder, {})
        return known.get(folder_name, " ".join(folder_name.replace("_", " ").split()))


@dataclass(frozen=True, kw_only=True)
class Style:
    """One folder of a styled set.

    Attributes:
        folder: where its clips are.
        line: of the list that names it, from 1.
        name: of the folder as the list writes it.
    """

    folder: Path
    line: int
    name: str

    def prompt(self, template: str, names: NameMap) -> str:
        """The prompt with the words of this folder for {color} and {brush}."""
        folders = {"color": self.folder.name, "brush": self.folder.parent.name}
        # Not format(): prompts may hold braces of their own.
        for placeholder, folder_name in folders.items():
            mark = f"{{{placeholder}}}"
            if mark in template:
                template = template.replace(mark, names.of(placeholder, folder_name))
        return template


def read_styles(path: Path, problems: Problems) -> list[Style]:
    """The folders of a list that are there and not ignored.

    Raises:
        InvalidFile: the list cannot be read.
    """
    text = bounded.read_text(path, max_bytes=MAX_BYTES, what=f"file {path.name}")
    styles: list[Style] = []
    named = 0
    for line, name in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        name = name.strip()
        if not name:
            continue
        named += 1
        folder = path.parent / name.replace("\\", "/")
        if not _is_folder(folder):
            problems.add(
                path.name, f"There is no folder {name!r}.", "Make it, or remove the line.", row=line
            )
        elif not (folder / IGNORE).exists():
            styles.append(Style(folder=folder.resolve(), line=line, name=name.rstrip("/\\")))
    if not named:
        problems.add(path.name, "It names no folder.", "Write one folder a line.")
    return styles


def write_styles(path: Path, names: list[str]) -> None:
    """Writes the list of folders, one a line.

    Raises:
        CannotWrite: the folder cannot be written.
    """
    atomic.write_text(path, "".join(f"{name}\n" for name in names))


def read_name_map(path: Path, problems: Problems) -> NameMap:
    """The words for folders' names.

    Raises:
        InvalidFile: the file cannot be read, or is no YAML.
    """
    text = bounded.read_text(path, max_bytes=MAX_BYTES, what=f"file {path.name}")
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise InvalidFile(f"The file {path.name} is no YAML{line}.", hint=_MAP_FIX) from error
    if not isinstance(values, dict):
        raise InvalidFile(f"The file {path.name} is no name map.", hint=_MAP_FIX)
    words: dict[str, dict[str, str]] = {}
    for key, table in values.items():
        if key not in PLACEHOLDERS or not isinstance(table, dict):
            problems.add(path.name, "This is no table of names.", _MAP_FIX, row=key)
            continue
        words[key] = _words(table, path.name, str(key), problems)
    return NameMap(words=words)


def write_name_map(path: Path, names: NameMap) -> None:
    """Writes a name map.

    Raises:
        CannotWrite: the folder cannot be written.
    """
    values = {key: dict(table) for key, table in names.words.items()}
    atomic.write_text(path, yaml.safe_dump(values, allow_unicode=True, sort_keys=False))


def _words(table: dict[object, object], file: str, key: str, problems: Problems) -> dict[str, str]:
    words: dict[str, str] = {}
    for name, text in table.items():
        if isinstance(text, str) and text.strip():
            words[str(name)] = " ".join(text.split())
        else:
            problems.add(file, "These are no words.", "Write a text.", row=key, column=str(name))
    return words


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name that no disk can hold
        return False
