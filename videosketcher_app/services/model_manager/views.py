"""What the model manager tells: where memory is held, whether something fits, how a test went."""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.models.memory_plan import MemoryPlan

GIB = 1024**3
WHERE = ("gpu", "ram", "disk")


@dataclass(frozen=True, kw_only=True)
class Held:
    """Memory that somebody of this app holds.

    Attributes:
        name: the model, or the job or session in words.
        where: one of WHERE; on machines whose device shares the memory it is "ram".
        num_bytes: promised, whether used yet or not; on disk, what is read again at every step.
        why: one phrase for people.
        stays: it is not let go when another model needs the room.
    """

    name: str
    where: str
    num_bytes: int
    why: str
    stays: bool = False

    def __post_init__(self) -> None:
        assert self.where in WHERE, self.where


@dataclass(frozen=True, kw_only=True)
class MemoryPicture:
    """The device's memory at one moment.

    Attributes:
        device: as torch names it; `name` is the card's or processor's.
        total, free: bytes of the device as measured, other programs counted.
        held: by this app, the largest first.
        budget_bytes: what this app may use in all, never more than `total`.
        is_budget_set: somebody chose the budget; else it is all that there is.
        ram_total, ram_free: bytes of the computer's own memory.
        said: what was given up lately so that something fits, one sentence each, the latest last.
    """

    device: str
    name: str
    total: int
    free: int
    held: tuple[Held, ...]
    budget_bytes: int
    is_budget_set: bool
    ram_total: int
    ram_free: int
    said: tuple[str, ...] = ()

    @property
    def held_bytes(self) -> int:
        """Of the device, by this app."""
        device = "gpu" if self.device.startswith("cuda") else "ram"
        return sum(held.num_bytes for held in self.held if held.where == device)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Whether a model can draw a clip here, and how.

    Attributes:
        plan: how it would be loaded; None if it does not fit.
        needed_bytes: of the device at the fullest moment, by the plan or, without one, at least.
        ram_bytes: of the computer's memory beside it.
        seconds: for one drawing; None where nothing is known of the machine's speed.
        sentence: all of this for people.
        hint: what to do if it does not fit.
    """

    fits: bool
    plan: MemoryPlan | None
    needed_bytes: int
    seconds: float | None
    sentence: str
    ram_bytes: int = 0
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class TestRow:
    """One model's tiny drawing.

    Attributes:
        sentence: what came out, or why nothing did; `hint` says what to do then.
    """

    __test__ = False  # it is no test of ours

    name: str
    good: bool
    seconds: float
    sentence: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """The tiny drawings of every model that is here."""

    rows: tuple[TestRow, ...]

    @property
    def good(self) -> bool:
        """True if every model drew."""
        return all(row.good for row in self.rows)


def gigabytes(num_bytes: int) -> str:
    """Binary gigabytes as cards are sold: "6.3 GB"; less than a tenth in megabytes."""
    if num_bytes < GIB // 10:
        return f"{max(num_bytes, 0) / 1024**2:.0f} MB"
    return f"{num_bytes / GIB:.1f} GB"


def duration(seconds: float) -> str:
    """Roughly, for people: "12 s", "4 min", "2 h 10 min"."""
    if seconds < 1:
        return "less than a second"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 10 else f"{hours} h"
