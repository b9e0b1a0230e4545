"""What a person sees of a training run: frozen values, read from the files of its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

# What the process itself reports, and what is true of a run whose process is not there.
RUNNING_STATES = frozenset({"preparing", "training", "yielding", "stopping"})
ENDED_STATES = frozenset({"paused", "failed", "stopped", "done"})
CAN_GO_ON = frozenset({"paused", "interrupted", "failed"})
STATES = RUNNING_STATES | ENDED_STATES | {"waiting", "interrupted"}


class SampleItem(NamedTuple):
    """One held-out plan as the run drew it."""

    prompt: str
    png: Path
    mp4: Path


@dataclass(frozen=True, kw_only=True)
class SampleStrip:
    """What the run drew at one step; step 0 is the base."""

    step: int
    items: tuple[SampleItem, ...]


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One training run as it is now.

    Attributes:
        name: of the LoRA that it makes.
        dataset: the path that it reads.
        state: one of `STATES`; "waiting" for its turn, "interrupted" if its process is gone
            without an end.
        model: that it teaches; empty if its request cannot be read.
        loss: the last one logged; None before the first.
        losses: (step, loss) over the run, at most 400 of them.
        seconds: of work so far.
        seconds_left: None while unknown.
        memory_bytes: the most that its process took; 0 while unknown.
        checkpoints: steps whose LoRA can be used.
        message: why it is as it is, for failed, paused and interrupted runs; may be empty.
        is_alive: its process is there.
        detached: it goes on when the app closes.
        flaw: why its folder cannot be read; everything else is then a guess.
    """

    id: str
    name: str
    dataset: str
    state: str
    model: str = ""
    step: int = 0
    num_steps: int = 0
    loss: float | None = None
    losses: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    seconds_left: float | None = None
    memory_bytes: int = 0
    samples: tuple[SampleStrip, ...] = ()
    checkpoints: tuple[int, ...] = ()
    message: str = ""
    hint: str = ""
    is_alive: bool = False
    detached: bool = False
    created: float = 0.0
    has_result: bool = False
    flaw: str = ""

    @property
    def can_go_on(self) -> bool:
        """True if `TrainingRuns.go_on` would start it again."""
        return self.state in CAN_GO_ON and not self.is_alive and not self.flaw


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """What a run takes on this machine.

    Attributes:
        seconds: from start to end; None if nothing was measured yet.
        memory_bytes: the most at one time; None if nothing was measured yet.
        note: where the figures come from, and what is unknown.
        disk_bytes: the most that its folder takes; None if nobody knows.
    """

    seconds: float | None
    memory_bytes: int | None
    note: str
    disk_bytes: int | None = None
