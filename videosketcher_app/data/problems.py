"""What is wrong with a dataset: where, what, and what to do, each as one row of a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from videosketcher_app.core.errors import AppError, InvalidFile

MAX_PROBLEMS = 10_000


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: in which it is, as a path below the dataset.
        row: the line, entry or sketch, counted from 1 or by name; empty for the whole file.
        column: the column or field; empty for the whole row.
        message: what is wrong, one sentence.
        fix: what to do, one sentence.
    """

    file: str
    row: str = ""
    column: str = ""
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} {self.fix}"

    @property
    def where(self) -> str:
        """File, row and column in one phrase."""
        row = f", row {self.row}" if self.row else ""
        column = f", column {self.column!r}" if self.column else ""
        return f"{self.file}{row}{column}"

    @property
    def error(self) -> InvalidFile:
        """It as an error, for those who need the dataset whole."""
        return InvalidFile(f"{self.where}: {self.message}", hint=self.fix)

    def to_dict(self) -> dict[str, str]:
        """As a row of a report."""
        return asdict(self)


@dataclass
class Problems:
    """Collects what is wrong; beyond `MAX_PROBLEMS` only counts."""

    found: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, file: str, message: str, fix: str, *, row: object = "", column: str = "") -> None:
        """Notes one."""
        self.count += 1
        if len(self.found) < MAX_PROBLEMS:
            problem = Problem(file=file, row=str(row), column=column, message=message, fix=fix)
            self.found.append(problem)

    @contextmanager
    def noting(self, file: str, *, row: object = "", column: str = "") -> Iterator[None]:
        """Notes an error of the block as one of this place."""
        try:
            yield
        except AppError as error:
            self.add(file, error.message, error.hint, row=row, column=column)

    def require_none(self) -> None:
        """Raises the first.

        Raises:
            InvalidFile: there is one.
        """
        if self.found:
            raise self.found[0].error
