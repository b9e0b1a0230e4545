"""CausalRun: one stage of the road to a causal model, as its YAML file and flags say it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.storage.keyed_yaml import read_keys
from videosketcher_app.training.ar_regression import warped
from videosketcher_app.training.causal_recipe import CausalConfig
from videosketcher_app.training.loop import LoopConfig

STAGES = ("causal", "ode", "dmd")
# What a run that goes on may have changed.
FREE = frozenset({"num_steps", "epochs", "save_every", "log_every", "num_workers", "out"})


class CausalRun(BaseModel):
    """The keys of a configuration; see `CausalConfig` and `LoopConfig` for what is not said here.

    Attributes:
        stage: causal, ode or dmd.
        model: a model of the catalogue, a Pocket folder, or the file of a causal Wan transformer.
        data: a folder of drawings, a set of latents or pairs, or an LMDB of them.
        out: folder of state, log and result.
        init: what an earlier stage left, or a file of weights; empty starts from `model`.
        teacher: of dmd, as `model`; empty is `model` itself.
        width, height, num_frames: of clips that are encoded here; 0 takes the model's own.
        num_steps: length of the run; 0 counts `epochs` instead.
        warp: shift that the timesteps are moved by; 1 leaves them as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stage: Literal["causal", "ode", "dmd"]
    model: str = Field(min_length=1)
    data: str = Field(min_length=1)
    out: str = Field(min_length=1)
    init: str = ""
    teacher: str = ""
    width: int = Field(default=0, ge=0, le=4096)
    height: int = Field(default=0, ge=0, le=4096)
    num_frames: int = Field(default=0, ge=0, le=10_000)
    num_steps: int = Field(default=0, ge=0)
    epochs: int = Field(default=1, ge=1)
    repeat: int = Field(default=1, ge=1)
    batch_size: int = Field(default=1, ge=1, le=4096)
    num_workers: int = Field(default=0, ge=0, le=256)
    timesteps: tuple[float, ...] = (1000.0, 757.0, 522.0, 0.0)
    warp: float = Field(default=1.0, gt=0)
    learning_rate: float = Field(default=2e-6, gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.01, ge=0)
    critic_rate: float = Field(default=2e-6, gt=0)
    critic_betas: tuple[float, float] = (0.9, 0.999)
    guidance_scale: float = 4.5
    score_shift: float = Field(default=8.0, gt=0)
    generator_every: int = Field(default=5, ge=1)
    self_forcing: bool = False
    bidirectional: bool = False
    checkpointed: bool = True
    clip_norm: float = Field(default=10.0, gt=0)
    warmup_steps: int = Field(default=0, ge=0)
    cooldown: float = Field(default=0.0, ge=0, le=1)
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    save_every: int = Field(default=0, ge=0)
    log_every: int = Field(default=50, ge=1)
    seed: int = Field(default=0, ge=0)
    data_seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _falling(self) -> CausalRun:
        steps = self.timesteps
        if not steps or list(steps) != sorted(set(steps), reverse=True):
            raise ValueError("timesteps must fall, each once")
        if not 0 <= steps[-1] <= steps[0] <= 1000 or steps[0] == 0:
            raise ValueError("timesteps must lie between 1000 and 0 and begin above 0")
        if self.bidirectional and (self.stage != "dmd" or steps[-1] == 0):
            raise ValueError("bidirectional is for dmd, with timesteps above 0 alone")
        if self.self_forcing and (self.stage != "dmd" or self.bidirectional or steps[-1] == 0):
            raise ValueError("self_forcing is for a causal dmd, with timesteps above 0 alone")
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """The timesteps that are trained at, warped."""
        return warped(self.timesteps, self.warp)

    def recipe_config(self) -> CausalConfig:
        """The part that the recipes read."""
        names = CausalConfig.__dataclass_fields__
        same = {name: getattr(self, name) for name in names if name in type(self).model_fields}
        return CausalConfig(**{**same, "timesteps": self.levels})

    def loop_config(self, rows: int, world: int) -> LoopConfig:
        """The part that the loop reads; epochs count this stage's own rows."""
        per_epoch = max(1, rows * self.repeat // (self.batch_size * world))
        return LoopConfig(
            num_steps=self.num_steps or self.epochs * per_epoch,
            warmup_steps=self.warmup_steps,
            cooldown=self.cooldown,
            ema_decay=self.ema_decay,
            clip_norm=self.clip_norm,
            log_every=self.log_every,
            save_every=self.save_every,
            seed=self.seed,
        )


def read_causal_run(path: Path, **changes: Any) -> CausalRun:
    """Reads a configuration file; `changes` override its keys.

    Raises:
        InvalidRequest: it cannot be read, has an unknown key, or a value that cannot be.
    """
    values = read_keys(path, what="configuration")
    for key in values:
        if key not in CausalRun.model_fields:
            near = difflib.get_close_matches(str(key), CausalRun.model_fields, n=1)
            known = ", ".join(sorted(CausalRun.model_fields))
            raise InvalidRequest(
                f"Unknown key in {path.name}: {str(key)[:60]}.",
                hint=f"Did you mean {near[0]}?" if near else f"Known keys: {known}",
            )
    try:
        return CausalRun(**{**values, **changes})
    except ValidationError as error:
        raise _as_invalid_request(path, error) from None


def _as_invalid_request(path: Path, error: ValidationError) -> InvalidRequest:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    where = f"{key}: {reason}" if key else reason
    hint = (
        f"Add {key}: to the file, or give --{key}."
        if first["type"] == "missing"
        else "Correct it in the file."
    )
    return InvalidRequest(f"{path.name} cannot be used. {where}.", hint=hint)
