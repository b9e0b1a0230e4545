"""The table of texts and the code that reads it name the same keys and placeholders."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest
import yaml

from videosketcher_app.ui.texts import FOLDER, t, table

UI = FOLDER.parent
SECTIONS = {path.stem for path in (FOLDER / "en").glob("*.yaml")}


def strings(tree: ast.AST) -> set[str]:
    """Texts in a piece of code that could be keys; a key made up as it goes counts as "begin*"."""
    made_up = {n.values[0] for n in ast.walk(tree) if isinstance(n, ast.JoinedStr) and n.values}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value + "*" if node in made_up else node.value)
    return {text for text in found if text.partition(".")[0] in SECTIONS and "." in text}


def keys_of(text: str) -> set[str]:
    """The keys of the table that a text in the code stands for."""
    if text.endswith("*"):
        return {key for key in table() if key.startswith(text[:-1])}
    return {text} & table().keys()


def calls(path: Path) -> list[tuple[str, set[str], int]]:
    """Key, placeholders and line of every `t("...", ...)` in a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if not is_call or node.func.id != "t" or not node.args:
            continue
        given = {word.arg for word in node.keywords if word.arg} - {"language"}
        if any(word.arg is None for word in node.keywords):
            given.add("**")
        found += [(key, given, node.lineno) for key in strings(node.args[0])]
    return found


def read_as_a_whole() -> set[str]:
    """Keys of sections that go to a script whole, if the script or its template names them."""
    code = "".join(path.read_text(encoding="utf-8") for path in UI.rglob("*.py"))
    scripts = "".join(path.read_text(encoding="utf-8") for path in UI.rglob("*.js"))
    sections = set(re.findall(r'\b(?:section|html_texts)\("(\w+)"\)', code))
    words = set(re.findall(r"\w+", scripts)) | set(re.findall(r"\{(\w+)\}", code))
    names = {key: key.split(".") for key in table()}
    return {key for key, (section, name) in names.items() if section in sections and name in words}


CALLS = [(path, *call) for path in sorted(UI.rglob("*.py")) for call in calls(path)]


def test_the_walk_found_the_calls() -> None:
    assert len(CALLS) >= 50
    assert len(SECTIONS) >= 4


def test_every_key_that_is_read_exists() -> None:
    missing = [f"{path.name}:{line}: {key}" for path, key, _, line in CALLS if not keys_of(key)]
    assert not missing


def test_every_key_in_the_table_is_read() -> None:
    used = read_as_a_whole()
    for path in UI.rglob("*.py"):
        for text in strings(ast.parse(path.read_text(encoding="utf-8"))):
            used |= keys_of(text)
    unused = sorted(set(table()) - used)
    assert not unused


def test_placeholders_are_filled_by_the_call() -> None:
    wrong = []
    for path, key, given, line in CALLS:
        wanted = {name for _, name, _, _ in string.Formatter().parse(table().get(key, "")) if name}
        if not wanted <= given and "**" not in given:
            wrong.append(f"{path.name}:{line}: {key} needs {sorted(wanted - given)}")
    assert not wrong


def test_no_key_is_there_twice() -> None:
    for path in (FOLDER / "en").glob("*.yaml"):
        node = yaml.compose(path.read_text(encoding="utf-8"))
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), path.name


def test_an_unknown_key_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        t("shell.no_such_text")
