"""Every command line of the READMEs is listed, and those that this version owns are accepted."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from videosketcher_app.cli.main import app
from videosketcher_app.cli.reference_spelling import SCRIPTS, WRAPPERS, translate

ROOT = Path(__file__).resolve().parents[2]
ROWS: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "tests/fixtures/readme_commands.yaml").read_text(encoding="utf-8")
)
ISSUES = {"text", "app", "codraw", "brush", "studio", "train"}
STATUSES = {"now", "later", "replaced", "never"}
INTERPRETERS = {"python", "python3", "bash"}
GUIDE = (ROOT / "docs/from-videosketcher.md").read_text(encoding="utf-8")


def _words(row: dict[str, Any]) -> list[str]:
    return shlex.split(row["command"].replace("\\\n", " "))


def _is_translated(row: dict[str, Any]) -> bool:
    names = {Path(word).name for word in _words(row)[:2]}
    return bool(names & (set(SCRIPTS) | set(WRAPPERS))) and row["status"] != "never"


def _same_request(words: list[str]) -> tuple[str, list[str], dict[str, list[str]]]:
    """Command, arguments, and options with their values: what a command line means."""
    options: dict[str, list[str]] = {}
    arguments: list[str] = []
    name = ""
    for word in words[1:]:
        if word.startswith("--"):
            name = word
            options.setdefault(name, [])
        elif name and not options[name]:
            options[name].append(word)
        else:
            arguments.append(word)
    return words[0], arguments, options


def test_the_table_is_complete_and_well_formed() -> None:
    ids = [row["id"] for row in ROWS]
    assert len(ids) == len(set(ids))
    assert {row["source"] for row in ROWS} == {"000", "001", "003", "004"}
    for row in ROWS:
        assert set(row) == {"id", "source", "line", "command", "ours", "issue", "status"}, row["id"]
        assert row["issue"] in ISSUES, row["id"]
        assert row["status"] in STATUSES, row["id"]
        assert bool(row["ours"]) == (row["status"] in {"now", "later"}), row["id"]


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row["id"]) for row in ROWS if _is_translated(row)]
)
def test_a_readme_command_becomes_ours(row: dict[str, Any]) -> None:
    assert _same_request(translate(_words(row))) == _same_request(shlex.split(row["ours"]))


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row["id"]) for row in ROWS if row["status"] == "now"]
)
def test_a_command_of_this_version_is_parsed_as_spelled_in_the_readme(row: dict[str, Any]) -> None:
    rest = translate(_words(row))
    command: Any = typer.main.get_command(app)
    context = command.make_context("videosketcher", list(rest))
    while hasattr(command, "resolve_command"):  # a group, as `data`
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context)
    parsed = context.params
    _, _, options = _same_request(shlex.split(row["ours"]))
    for option, values in options.items():
        value = parsed[option.removeprefix("--").replace("-", "_")]
        given = value[0] if isinstance(value, list | tuple) else value
        expected = values[0] if values else "True"
        assert str(given) == str(type(given)(expected)), option


def test_the_prompt_of_the_readme_arrives_unchanged() -> None:
    row = next(row for row in ROWS if row["id"] == "t2v-single")
    prompt = re.search(r'--prompt "([^"]+)"', row["command"])
    assert prompt is not None
    assert translate(_words(row))[1] == prompt.group(1)


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ROWS])
def test_the_guide_names_every_script_and_option(row: dict[str, Any]) -> None:
    words = _words(row)
    if row["status"] == "replaced":
        return
    script = next(word for word in words if word not in INTERPRETERS and not word.startswith("-"))
    if "torchrun" in words:
        script = next(word for word in words if word.endswith(".py"))
    assert Path(script).name in GUIDE
    launcher = {"--nnodes", "--nproc_per_node", "--rdzv_id", "--rdzv_backend", "--rdzv_endpoint"}
    options = {word.split("=")[0] for word in words if word.startswith("--")} - launcher
    if row["status"] != "never":
        assert options <= set(re.findall(r"--[\w-]+", GUIDE)), row["id"]
