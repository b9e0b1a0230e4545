"""Entries of the plan library: the YAML files of presets/concepts, read and checked.

Every file holds a list of plans; aliases.yaml holds more names for the plans in taught.yaml, which
scripts/export_grammar_plans.py writes from the sketch grammar.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.core.plan import MAX_PARTS, PlanPart
from videosketcher_app.services.planner.words import normalize

TAUGHT_FILE = "taught.yaml"
ALIASES_FILE = "aliases.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1)
    description: str = Field(min_length=1)


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field(min_length=1)
    parts: list[_Part] = Field(min_length=3, max_length=MAX_PARTS)
    aliases: list[str] = []
    name: str = ""


class Entry:
    """One known concept.

    Attributes:
        title: as it stands in a prompt ("a cat").
        parts: in drawing order, the most recognizable first.
        aliases: other names, in several languages.
        taught: the shipped model was trained on this concept.
        keys: title and aliases, normalized.
    """

    __slots__ = ("aliases", "keys", "name", "parts", "taught", "title")

    def __init__(self, plan: _Plan, *, aliases: list[str], taught: bool) -> None:
        self.name = plan.name
        self.title = plan.title
        self.parts = tuple(PlanPart(name=p.name, description=p.description) for p in plan.parts)
        self.aliases = tuple(aliases)
        self.taught = taught
        self.keys = tuple(dict.fromkeys(normalize(name) for name in (plan.title, *aliases)))


def load_entries(folder: Path) -> tuple[Entry, ...]:
    """All entries below a folder: taught ones first, then the files in alphabetical order.

    Raises:
        InvalidFile: a file is not a list of plans, a key is unknown, or a name is given twice.
    """
    aliases = _read_aliases(folder / ALIASES_FILE)
    entries: list[Entry] = []
    for plan in _read_plans(folder / TAUGHT_FILE):
        more = aliases.pop(plan.name, [])
        entries.append(Entry(plan, aliases=[*plan.aliases, *more], taught=True))
    if aliases:
        raise InvalidFile(
            f"{ALIASES_FILE} names a concept that is not taught: {next(iter(aliases))!r}",
            hint=f"Remove it, or write {TAUGHT_FILE} anew: scripts/export_grammar_plans.py.",
        )
    for path in sorted(folder.glob("*.yaml")):
        if path.name not in (TAUGHT_FILE, ALIASES_FILE):
            entries += [Entry(p, aliases=p.aliases, taught=False) for p in _read_plans(path)]
    _refuse_names_given_twice(entries)
    return tuple(entries)


def _read_plans(path: Path) -> Iterator[_Plan]:
    items = _read_yaml(path)
    if not isinstance(items, list):
        raise InvalidFile(f"{path.name} must hold a list of plans.", hint="Start with '- title:'.")
    for item in items:
        try:
            yield _Plan.model_validate(item)
        except ValidationError as error:
            raise _as_invalid_file(path, item, error) from None


def _read_aliases(path: Path) -> dict[str, list[str]]:
    values = _read_yaml(path)
    if not isinstance(values, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in values.values()
    ):
        raise InvalidFile(
            f"{path.name} must map names to lists of words.", hint="Write 'cat: [kitty, gato]'."
        )
    return values


def _read_yaml(path: Path) -> Any:
    # The C loader is many times faster and builds plain data only, as the safe loader does.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return loader(path.read_text(encoding="utf-8")).get_single_data()
    except FileNotFoundError:
        raise InvalidFile(f"The plan library has no file {path}.", hint="Restore it.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidFile(
            f"{path.name} cannot be read: {' '.join(str(error).split())}", hint="Correct the file."
        ) from None


def _as_invalid_file(path: Path, item: Any, error: ValidationError) -> InvalidFile:
    faults = error.errors(include_url=False)
    # A misspelled key is also a missing one; the misspelling says more.
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    where = ".".join(str(step) for step in fault["loc"]) or "plan"
    title = item.get("title", "?") if isinstance(item, dict) else item
    hint = "Correct the entry."
    if fault["type"] == "extra_forbidden":
        known = _Part.model_fields if len(fault["loc"]) > 1 else _Plan.model_fields
        near = difflib.get_close_matches(where.rsplit(".", 1)[-1], known, n=1, cutoff=0.0)
        hint = f"Did you mean {near[0]!r}?"
    return InvalidFile(f"{path.name}, {title!r}: {where}: {fault['msg']}.", hint=hint)


def _refuse_names_given_twice(entries: list[Entry]) -> None:
    owner: dict[str, str] = {}
    for entry in entries:
        for key in entry.keys:
            if key in owner:
                raise InvalidFile(
                    f"{key!r} names two concepts: {owner[key]!r} and {entry.title!r}",
                    hint="Remove it from one of them.",
                )
            owner[key] = entry.title
