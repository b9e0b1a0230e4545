"""`data check`: is this a dataset that a training can use, and if not, what to correct where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import AppError
from videosketcher_app.data.open_dataset import Dataset, survey
from videosketcher_app.data.problems import Problem, Problems

Told = Callable[[int, int], None]  # clips looked at, clips in all
CHECK_FRAMES = 2  # the first and the last; decoding reads everything in between


@dataclass(frozen=True, kw_only=True)
class _SmallCanvas:
    """Decoding is what is checked, not the size."""

    width: int = 64
    height: int = 36


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """What a check found.

    Attributes:
        kind: of the dataset, as `data.open_dataset` names it; "" if it is none.
        usable: items without a problem.
        problems: what is wrong, in the order of the dataset.
        count: of all problems, also those beyond the list's limit.
    """

    path: Path
    kind: str
    usable: int
    problems: tuple[Problem, ...]
    count: int

    @property
    def is_good(self) -> bool:
        """True if a training can use all of it."""
        return self.count == 0

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "path": str(self.path),
            "kind": self.kind,
            "good": self.is_good,
            "usable": self.usable,
            "problems": self.count,
            "rows": [problem.to_dict() for problem in self.problems],
        }


def check_dataset(
    path: Path, *, name_map: Path | None = None, decode: bool = True, told: Told | None = None
) -> CheckReport:
    """Checks a dataset of any kind; never raises for what is in it.

    Args:
        decode: also decodes every clip, which takes a while; else only texts and names.
    """
    problems = Problems()
    kind, usable = "", 0
    try:
        dataset = survey(path, problems, name_map=name_map)
        kind, usable = dataset.kind, len(dataset.items)
        if not usable and not problems.count:
            problems.add(path.name, "It is empty.", "Add some drawings.")
        if decode:
            usable = _decoded(dataset, problems, told)
    except AppError as error:
        problems.add(path.name, error.message, error.hint)
    found = tuple(problems.found)
    return CheckReport(path=path, kind=kind, usable=usable, problems=found, count=problems.count)


def _decoded(dataset: Dataset, problems: Problems, told: Told | None) -> int:
    """How many items can be decoded; the others are noted."""
    usable = 0
    for number, item in enumerate(dataset.items, start=1):
        file, row = item.place
        column = "video" if dataset.kind in ("table", "styled") else ""
        with problems.noting(file, row=row, column=column):
            item.frames(_SmallCanvas(), CHECK_FRAMES)
            usable += 1
        if told:
            told(number, len(dataset.items))
    return usable
