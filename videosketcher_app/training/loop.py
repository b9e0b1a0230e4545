"""The training loop: batches in, steps out, exactly resumable. It knows no loss and no model.

Runs under accelerate on one process or several. A run is either counted in steps (exact: the same
seed gives the same weights bit for bit on a CPU, killed or not) or, for rented time, bounded in
seconds as well, in which case progress is whichever is further.
"""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from videosketcher_app.core import faults
from videosketcher_app.core.errors import AppError
from videosketcher_app.storage import atomic
from videosketcher_app.training.state import STATE_FILE, StepRandom, TrainState, ema_of

logger = logging.getLogger(__name__)
LOG_FILE = "log.csv"
MAX_SKIPPED_IN_A_ROW = 3
SYNC_EVERY = 10  # steps between two broadcasts of the time-bounded progress


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How long and how carefully to train.

    Attributes:
        num_steps: optimizer steps of the whole run.
        budget_s: also stop after this many seconds of training; None for exact runs.
        warmup_steps: steps over which learning rates rise.
        cooldown: share of the run over which learning rates fall linearly to 2 %.
        ema_decay: per step.
        clip_norm: largest norm of the gradient.
        save_every: steps between two states; 0 for only at the end.
    """

    num_steps: int
    budget_s: float | None = None
    warmup_steps: int = 100
    cooldown: float = 0.35
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    log_every: int = 50
    save_every: int = 0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment between two steps, when nothing is half done.

    Attributes:
        state: what the run has reached.
        rows: of the log, those of earlier executions of the run included.
        save: writes the state and the log now.
    """

    state: TrainState
    rows: Sequence[Mapping[str, float]]
    save: Callable[[], None]


class Recipe(Protocol):
    """What a run trains; losses and data live here."""

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        ...

    @property
    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Every parameter that learns is in one of them."""
        ...

    def batches(self, first_step: int, rank: int, world: int) -> Iterator[Any]:
        """Batches from `first_step` on; batch k depends on k, rank and world only."""
        ...

    def loss(self, model: nn.Module, batch: Any, random: StepRandom) -> dict[str, Tensor]:
        """The terms to report; "loss" is the one to minimise. `model` wraps `module`."""
        ...


def rate_at(step: int, progress: float, config: LoopConfig) -> float:
    """Factor of the learning rates: warm-up, constant, linear cool-down."""
    rising = min(1.0, (step + 1) / max(1, config.warmup_steps))
    falling = max(0.02, (1 - progress) / config.cooldown) if config.cooldown > 0 else 1.0
    return rising * min(1.0, falling)


def train(
    recipe: Recipe,
    config: LoopConfig,
    folder: Path,
    accelerator: Accelerator,
    *,
    resume: bool = False,
    on_log: Callable[[dict[str, float]], None] | None = None,
    between_steps: Callable[[Moment], bool] | None = None,
) -> TrainState:
    """Trains to the end and saves the state in `folder`.

    Args:
        resume: go on from the state in `folder` if there is one.
        on_log: called on the main process with every row of the log.
        between_steps: called before every step; it may wait, and False ends the run there, its
            state saved. All processes must answer alike.

    Raises:
        AppError: the loss was not finite for many steps in a row.
    """
    state = TrainState(
        module=recipe.module, ema=ema_of(recipe.module), optimizers=recipe.optimizers
    )
    if resume and (folder / STATE_FILE).exists():
        state.load(folder)
    run = _Run(recipe, config, folder, accelerator, state, on_log)
    run.until_done(between_steps)
    return state


class _Run:
    """One execution of the loop."""

    def __init__(
        self,
        recipe: Recipe,
        config: LoopConfig,
        folder: Path,
        accelerator: Accelerator,
        state: TrainState,
        on_log: Callable[[dict[str, float]], None] | None,
    ) -> None:
        self.recipe, self.config, self.folder = recipe, config, folder
        self.accelerator, self.state, self.on_log = accelerator, state, on_log
        self.model = accelerator.prepare_model(recipe.module)
        self.base_rates = [[g["lr"] for g in o.param_groups] for o in recipe.optimizers]
        self.started: float | None = None
        self.begun_at = state.progress
        self.recent: list[dict[str, Tensor]] = []
        self.rows = _rows_until(folder / LOG_FILE, state.step) if state.step else []
        self.skipped_in_a_row = 0

    def until_done(self, between_steps: Callable[[Moment], bool] | None = None) -> None:
        moment = Moment(state=self.state, rows=self.rows, save=self._save)
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        batches = self.recipe.batches(self.state.step, rank, world)
        while self.state.progress < 1:
            if between_steps is not None and not between_steps(moment):
                self._save()
                return
            faults.point("training.before_step")
            self._step(
                next(batches),
                StepRandom(self.config.seed, self.state.step, rank, self.accelerator.device),
            )
            self._advance()
            every = self.config.save_every
            if self.state.progress >= 1 or (every and self.state.step % every == 0):
                self._save()

    def _step(self, batch: Any, random: StepRandom) -> None:
        self._set_rates()
        terms = self.recipe.loss(self.model, batch, random)
        self.accelerator.backward(terms["loss"])
        norm = self._clipped()
        if self._finite(norm):
            for optimizer in self.recipe.optimizers:
                optimizer.step()
            self.state.update_ema(self.config.ema_decay)
        for optimizer in self.recipe.optimizers:
            optimizer.zero_grad(set_to_none=True)
        self.recent.append({k: v.detach() for k, v in terms.items()} | {"gradient_norm": norm})

    def _clipped(self) -> Tensor:
        """Clips the gradient and returns its norm; modules that a recipe names, each on its own."""
        apart: Sequence[nn.Module] = getattr(self.recipe, "clipped_apart", ())
        norms = []
        for module in apart or [self.state.module]:
            params = [p for p in module.parameters() if p.grad is not None]
            if params:
                norms.append(torch.nn.utils.clip_grad_norm_(params, self.config.clip_norm))
        return norms[0] if len(norms) == 1 else torch.stack(norms).norm()

    def _finite(self, norm: Tensor) -> bool:
        """The gradient is shared by all ranks, so all decide alike."""
        if bool(torch.isfinite(norm)):
            self.skipped_in_a_row = 0
            return True
        self.state.skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped_in_a_row >= MAX_SKIPPED_IN_A_ROW:
            raise AppError(
                f"The loss was not finite for {MAX_SKIPPED_IN_A_ROW} steps in a row.",
                hint="Lower the learning rate and resume from the last saved state.",
            )
        return False

    def _set_rates(self) -> None:
        factor = rate_at(self.state.step, self.state.progress, self.config)
        for optimizer, rates in zip(self.recipe.optimizers, self.base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor

    def _advance(self) -> None:
        state, config = self.state, self.config
        state.step += 1
        progress = state.step / config.num_steps
        if config.budget_s is not None:
            progress = max(progress, self._time_progress())
        state.progress = min(1.0, progress)
        if state.step % config.log_every == 0 or state.progress >= 1:
            self._log()

    def _time_progress(self) -> float:
        """Progress by the clock, the same on all ranks; the first steps compile and do not count."""
        if self.state.step < 5:
            return self.state.progress
        if self.started is None:
            self.started = time.monotonic()
        if self.state.step % SYNC_EVERY:
            return min(self.state.progress, 0.9999)
        spent = (time.monotonic() - self.started) / float(self.config.budget_s or 1)
        shared = torch.tensor(self.begun_at + (1 - self.begun_at) * spent)
        shared = shared.to(self.accelerator.device)
        if self.accelerator.num_processes > 1:
            torch.distributed.broadcast(shared, 0)
        return float(shared)

    def _log(self) -> None:
        names = {name for row in self.recent for name in row}
        row = {"step": float(self.state.step), "progress": self.state.progress}
        for name in sorted(names):
            values = [r[name].float() for r in self.recent if name in r]
            row[name] = float(torch.stack(values).mean())
        row["learning_rate_factor"] = rate_at(self.state.step, self.state.progress, self.config)
        row["seconds"] = time.monotonic() - self.started if self.started else 0.0
        self.recent.clear()
        self.rows.append(row)
        if self.accelerator.is_main_process:
            logger.info("%s", " ".join(f"{k} {v:.4g}" for k, v in row.items()))
            atomic.write_text(self.folder / LOG_FILE, self._csv())
            if self.on_log:
                self.on_log(row)

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            faults.point("training.before_save")
            self.state.save(self.folder)
            atomic.write_text(self.folder / LOG_FILE, self._csv())
        self.accelerator.wait_for_everyone()

    def _csv(self) -> str:
        names = sorted({name for row in self.rows for name in row})
        out = io.StringIO()
        writer = csv.DictWriter(out, names, restval="")
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()


def _rows_until(path: Path, step: int) -> list[dict[str, float]]:
    """Rows of an earlier execution's log that belong to what a resumed run still knows."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        read = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    return [row for row in read if row["step"] <= step]
