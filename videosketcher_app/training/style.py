"""Teach a model a style: one run in its own folder, from a few drawings to a LoRA.

    run_style(folder, resume=False)       # folder/request.json says what (style_request)

Everything that is looked at more than once is computed first; then the loop trains the LoRA's
pairs. The run can be paused, made to give way, stopped, or killed at any moment, and goes on with
the same numbers (`style_folder`, `state`).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from videosketcher_app.core import faults
from videosketcher_app.models.lora.adapter import LoraAdapter
from videosketcher_app.models.lora.levels import EVERY_LEVEL, first_level_in, with_first_level
from videosketcher_app.models.lora.merging import merged
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.pocket import PocketModel
from videosketcher_app.models.wan.network import build_transformer
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.training.loop import LoopConfig, Moment, train
from videosketcher_app.training.state import TrainState
from videosketcher_app.training.style_data import num_steps_of, read_drawings, variants_of
from videosketcher_app.training.style_folder import PREPARED_FILE, RESULT_FILE, RunFolder
from videosketcher_app.training.style_memory import load_to_teach, told_way, way_within
from videosketcher_app.training.style_model import (
    check_teachable,
    drawing_with,
    is_pocket,
    painter,
    park_encoders,
)
from videosketcher_app.training.style_prepare import Prepared, prepare
from videosketcher_app.training.style_preset import StylePreset, read_preset
from videosketcher_app.training.style_recipe import StyleRecipe, at_strength, style_network
from videosketcher_app.training.style_request import StyleRunRequest, read_request
from videosketcher_app.training.style_samples import draw_samples, sample_prompts

logger = logging.getLogger(__name__)
LoadModel = Callable[[str, str], PocketModel]
BASE_FILE = "transformer.safetensors"
MIN_GAIN = 0.01  # of the loss, to count as progress
_MIB = 1024**2


def run_style(
    folder: Path,
    *,
    resume: bool,
    device: str = "cpu",
    load: LoadModel | None = None,
    budget_bytes: int | None = None,
) -> None:
    """Runs what the folder's request asks for, to its end, its stop, or an error.

    Args:
        resume: go on from the state in the folder if there is one; else begin anew.
        device: that trains.
        load: (the request's model, device) -> the model to teach; None takes the catalogue's.
        budget_bytes: of device memory; see `way_within`.

    Raises:
        AppError: the request, the drawings or a file is not usable, or training failed; status.json
            is left as it was.
    """
    request = read_request(folder)
    preset = read_preset(request.preset)
    preset = replace(preset, num_steps=num_steps_of(request, preset))
    load = load or partial(load_to_teach, budget_bytes=budget_bytes)
    run = _StyleRun(folder, request, preset, device, load, budget_bytes)
    if not resume:
        run.folder.forget()
    run.until_done()


class _StyleRun:
    """One execution of a run."""

    def __init__(
        self,
        path: Path,
        request: StyleRunRequest,
        preset: StylePreset,
        device: str,
        load: LoadModel,
        budget_bytes: int | None,
    ) -> None:
        self.path, self.request, self.preset, self.device = path, request, preset, device
        self.load, self.budget_bytes = load, budget_bytes
        self.folder = RunFolder(path)
        self.begun = time.monotonic()
        self.earlier_s = 0.0
        self.first_step: tuple[int, float] | None = None

    def until_done(self) -> None:
        """Prepares, trains and exports."""
        folder, preset = self.folder, self.preset
        folder.tell(state="preparing", num_steps=preset.num_steps)
        folder.require_space(preset.disk_budget_mb * _MIB)
        self.model = self.load(self.request.model, self.device)
        check_teachable(self.model, preset)
        by_brush, wanted = self.model.image_conditioned, self.request.sample_prompts
        self.prompts = sample_prompts(wanted, self.request.trigger, by_brush=by_brush)
        start = read_lora(Path(self.request.start_from)) if self.request.start_from else None
        way = way_within(self.model, preset, self.budget_bytes)
        logger.info("style: %s", told_way(self.model, preset, way) or "plain steps")
        self.network = style_network(self.model, preset, self.request.seed, way)
        if start is not None:
            self.network.start_from(start)
        teacher = _teacher(self.model, start)
        prepared = self._prepared(teacher)
        if prepared is None:
            folder.tell(state="stopped", message="Stopped before the first step.")
            return
        self.painter = painter(self.model, prepared.sample_frame_HW3.numpy())
        park_encoders(self.model)
        self.recipe = StyleRecipe(
            preset, self.model, teacher, self.network, prepared,
            seed=self.request.seed, give_way=folder.give_way,
        )  # fmt: skip
        state = train(
            self.recipe,
            self._loop_config(),
            self.path,
            Accelerator(cpu=self.device == "cpu"),
            resume=True,  # a run from the start has forgotten its state
            on_log=self._on_log,
            between_steps=self._between_steps,
        )
        self._finish(state)

    def _prepared(self, teacher: nn.Module) -> Prepared | None:
        """What steps are made of; kept in the folder, so that a resumed run sees the same."""
        file = self.path / PREPARED_FILE
        if file.is_file():
            return Prepared.from_tensors(tensor_files.read_safetensors(file))
        request, preset = self.request, self.preset
        drawings = read_drawings(Path(request.dataset))
        own = (self.model.defaults.width, self.model.defaults.height)
        variants = variants_of(
            drawings,
            preset,
            trigger=request.trigger,
            seed=request.seed,
            own_size=own,
            brush=request.brush,
        )
        prepared = prepare(
            self.model, teacher, variants, preset, request, may_go_on=self.folder.may_go_on
        )
        if prepared is not None:
            tensors = {name: value.contiguous() for name, value in prepared.tensors().items()}
            tensor_files.write_safetensors(file, tensors)
        return prepared

    def _loop_config(self) -> LoopConfig:
        p = self.preset
        return LoopConfig(
            num_steps=p.num_steps,
            warmup_steps=p.warmup_steps,
            cooldown=p.cooldown,
            ema_decay=p.ema_decay,
            clip_norm=p.clip_norm,
            log_every=p.log_every,
            save_every=p.save_every,
            seed=self.request.seed,
        )

    def _between_steps(self, moment: Moment) -> bool:
        """Samples when they are due, then waits or stops if that is wanted."""
        state = moment.state
        if self.first_step is None:
            self._begin(state)
            self.folder.tell(state="training", step=state.step, message="", hint="")
        state.facts["seconds"] = self._seconds()
        if self._sample_due(state.step):
            moment.save()
            if not self._sample(state):
                return False
        if _has_settled(moment.rows, self.preset.patience):
            state.facts["settled"] = True
            return False
        if self.folder.may_go_on(before_waiting=moment.save):
            return True
        self.folder.tell(state="stopping")
        return False

    def _begin(self, state: TrainState) -> None:
        """Starts the clock where an earlier execution left it."""
        self.earlier_s = float(state.facts.get("seconds", 0.0))
        self.begun, self.folder.waited_s = time.monotonic(), 0.0
        self.first_step = (state.step, self.earlier_s)

    def _sample_due(self, step: int) -> bool:
        every = self.preset.sample_every
        due = step == 0 or bool(every and step % every == 0)
        return due and not self.folder.sample_folder(step).is_dir()

    def _sample(self, state: TrainState) -> bool:
        """Samples of a step and its LoRA; False if it was told to stop meanwhile."""
        adapter = self._adapter(state)
        if state.step:
            self._export(self.folder.checkpoint_file(state.step), adapter)
        faults.point("style.before_samples")
        begun = time.monotonic()
        drawn = draw_samples(
            self.folder,
            state.step,
            self.painter,
            drawing_with(self.model, adapter, lambda: self.network.holding(self._learned(state))),
            self.prompts,
            self.preset,
            may_go_on=self.folder.may_go_on,
        )
        taken = (time.monotonic() - begun) / len(self.prompts)
        park_encoders(self.model)
        self.folder.tell(sample_seconds=round(taken, 3))
        self.folder.keep_within(self.preset.disk_budget_mb)
        return drawn

    def _learned(self, state: TrainState) -> Mapping[str, Tensor]:
        return at_strength(state.ema, self.preset.strength)

    def _adapter(self, state: TrainState) -> LoraAdapter:
        """What was learned, with all that its file says of it."""
        texts = {
            "base": self.model.name,
            "base_sha256": self.model.hashes.get(BASE_FILE, ""),
            "name": self.request.name,
            "step": str(state.step),
        }
        metadata = with_first_level(texts, self.recipe.first_level)
        return self.network.adapter(self._learned(state), metadata)

    def _export(self, file: Path, adapter: LoraAdapter) -> None:
        triggers = (self.request.trigger,) if self.request.trigger else ()
        write_lora(file, adapter, dtype=torch.float16, trigger_words=triggers)

    def _on_log(self, row: dict[str, float]) -> None:
        step, loss = int(row["step"]), row["loss"] if math.isfinite(row["loss"]) else None
        self.folder.tell(
            step=step, loss=loss, seconds=self._seconds(), seconds_left=self._left(step)
        )

    def _seconds(self) -> float:
        """Seconds of work, waiting left out."""
        worked = time.monotonic() - self.begun - self.folder.waited_s
        return round(self.earlier_s + worked, 1)

    def _left(self, step: int) -> float | None:
        if self.first_step is None or step <= self.first_step[0]:
            return None
        done, worked = step - self.first_step[0], self._seconds() - self.first_step[1]
        return round(worked / done * (self.preset.num_steps - step), 1)

    def _finish(self, state: TrainState) -> None:
        """The result of a run that ended or was stopped."""
        if self.first_step is None:  # it had ended before
            self._begin(state)
        settled = bool(state.facts.get("settled"))
        ended = state.progress >= 1 or settled
        if state.step:
            self._export(self.path / RESULT_FILE, self._adapter(state))
        if ended and not self.folder.sample_folder(state.step).is_dir():
            ended = self._sample(state)
        message = "The loss no longer falls; stopped early." if settled else ""
        self.folder.tell(
            state="done" if ended else "stopped",
            step=state.step,
            seconds=self._seconds(),
            seconds_left=0.0 if ended else None,
            message=message,
        )
        logger.info("style: %d steps, %.0f s", state.step, self._seconds())


def _teacher(model: PocketModel, start: LoraAdapter | None) -> nn.Module:
    """The transformer that the run begins with; a network that is taught in place has no other.

    A LoRA that is silent in the first steps leaves the model itself to be held to there.
    """
    waits = start is not None and first_level_in(start.metadata) < EVERY_LEVEL
    if start is None or waits or not is_pocket(model):
        return model.transformer
    weights: dict[str, Tensor] = {
        name: value.detach().float() for name, value in model.transformer.state_dict().items()
    }
    transformer = build_transformer(model.transformer_config)
    transformer.load_state_dict(merged(weights, start))
    return transformer.to(model.device, model.dtype).eval().requires_grad_(False)


def _has_settled(rows: Sequence[Mapping[str, float]], patience: int) -> bool:
    """True if the last `patience` rows brought no loss noticeably below the best before them."""
    losses = [row["loss"] for row in rows if math.isfinite(row["loss"])]
    if not patience or len(losses) <= patience:
        return False
    return min(losses[-patience:]) > (1 - MIN_GAIN) * min(losses[:-patience])
