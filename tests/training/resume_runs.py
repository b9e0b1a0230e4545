"""Kills of the causal recipes at any point of a run, and what must be left after each.

A kill is an exception that no handler of the product catches, raised at a fault point: before a step,
or anywhere inside a save. What a real kill leaves beyond that (temporary files) is the subject of
tests/faults for `storage.atomic`.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from videosketcher_app.core import faults
from videosketcher_app.storage.tensors import read_metadata, read_safetensors
from videosketcher_app.training.causal_parts import WEIGHTS_FILE, load_parts
from videosketcher_app.training.causal_recipe_config import CausalRun
from videosketcher_app.training.causal_recipe_run import train_causal_stage
from videosketcher_app.training.latents import SetFacts, row_path, start_set, write_row
from videosketcher_app.training.ode import STORED_STEPS
from videosketcher_app.training.state import STATE_FILE

STAGES = ("causal", "ode", "dmd")
NUM_STEPS, SAVE_EVERY = 6, 2
_INSIDE_A_SAVE = ("atomic.", "folder.", "training.before_save")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small networks are faster on one thread, above all where cores are shared."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Killed(BaseException):
    """Nothing catches it, as nothing survives a kill."""


def kill() -> None:
    """What a fault point does when it is armed."""
    raise Killed


def random_set(folder: Path, *, paths: bool) -> Path:
    """A small set of random latents with the tiny model's embeddings."""
    parts = load_parts("tiny", folder / "converted")
    shape = (len(STORED_STEPS), 6, 16, 6, 6) if paths else (6, 16, 6, 6)
    start_set(
        folder,
        SetFacts(
            kind="paths" if paths else "clips",
            encoders=parts.encoders,
            timesteps=(1000.0, 757.0, 522.0, 0.0) if paths else (),
            width=48,
            height=48,
            num_frames=21,
        ),
    )
    for row in range(3):
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(row))
        write_row(row_path(folder, row), latents, f"a cat, head {row}", f"clip {row}")
    return folder


def run_of_stage(stage: str, data: Path, out: Path) -> CausalRun:
    """A short run in which everything that a state holds matters."""
    return CausalRun(
        stage=stage,  # type: ignore[arg-type]
        model="tiny",
        data=str(data),
        out=str(out),
        num_steps=NUM_STEPS,
        save_every=SAVE_EVERY,
        log_every=1,
        learning_rate=1e-2,
        critic_rate=1e-2,
        generator_every=2,
        ema_decay=0.9,
        warmup_steps=3,
        cooldown=0.5,
        checkpointed=False,
    )


@dataclass(frozen=True)
class Stage:
    """One recipe on its set, and the uninterrupted run of it."""

    run: CausalRun
    points: tuple[str, ...]

    @staticmethod
    def begin(stage: str, folder: Path) -> Stage:
        """Runs the stage once, to the end."""
        data = random_set(folder / "set", paths=stage == "ode")
        run = run_of_stage(stage, data, folder / "whole")
        with faults.traced() as points:
            train(run)
        return Stage(run, tuple(points))

    def kill_and_go_on(self, folder: Path, dice: random.Random) -> str:
        """Kills a run somewhere, goes on, compares; says where it was killed."""
        run = self.run.model_copy(update={"out": str(folder)})
        kinds = sorted({name for name in self.points if name.startswith(_INSIDE_A_SAVE)})
        name = dice.choice(("training.before_step", dice.choice(kinds)))
        at = dice.choice([i for i, passed in enumerate(self.points) if passed == name])
        skip = Counter(self.points[:at])[name]
        with faults.armed(name, kill, skip=skip), pytest.raises(Killed):
            train(run)
        check_left(folder, done=self.points[:at].count("training.before_step"))
        train(run, resume=True)
        for file in (STATE_FILE, WEIGHTS_FILE, "log.csv"):
            same = (folder / file).read_bytes() == (Path(self.run.out) / file).read_bytes()
            assert same or file == "log.csv", f"{file} differs after a kill at {name}, {skip} times"
        assert steps_of(folder) == [*range(1, NUM_STEPS + 1)]
        return name


def train(run: CausalRun, *, resume: bool = False) -> None:
    """One run of a stage."""

    def nothing_to_make(*_: object) -> None:
        raise AssertionError("the set is there already")

    train_causal_stage(run, Accelerator(cpu=True), nothing_to_make, resume=resume)


def check_left(folder: Path, *, done: int) -> None:
    """A killed run leaves a whole state, at most one interval of saving behind."""
    path = folder / STATE_FILE
    expected = max(0, done - 1) // SAVE_EVERY * SAVE_EVERY
    if not path.exists():
        assert expected == 0
        return
    tensors = read_safetensors(path)
    assert all(bool(value.float().isfinite().all()) for value in tensors.values())
    assert json.loads(read_metadata(path)["state"])["step"] >= expected


def steps_of(folder: Path) -> list[int]:
    """The steps that the log lists."""
    lines = (folder / "log.csv").read_text().splitlines()
    column = lines[0].split(",").index("step")
    return [round(float(line.split(",")[column])) for line in lines[1:]]
