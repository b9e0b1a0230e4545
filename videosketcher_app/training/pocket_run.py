"""The configuration of one stage of Pocket's training: a flat YAML file, see `PocketRun`."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from pathlib import Path

import torch

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.datasets import SketchMix
from videosketcher_app.data.grammar.compose import Variety
from videosketcher_app.models.wan.network import TransformerConfig
from videosketcher_app.storage.keyed_yaml import read_keys
from videosketcher_app.training.ar_regression import warped
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.concept_weights import read_weights
from videosketcher_app.training.guided_steps import GuidedSteps
from videosketcher_app.training.loop import LoopConfig
from videosketcher_app.training.part_reader import load_reader
from videosketcher_app.training.part_reward import PartReward, RewardWeights
from videosketcher_app.training.pocket_reward import KeptAsItWas
from videosketcher_app.training.pocket_t2v import PocketT2VConfig

AR_STAGES = ("causal", "ode", "dmd", "ar_reward")  # of pocket-ar, see pocket_ar_run
STAGES = (
    *("vae", "t2v", "distill", "brush", "brush_distill", "reader", "reward", "brush_reward"),
    *AR_STAGES,
)


@dataclass(frozen=True, kw_only=True)
class PocketRun:
    """One stage of Pocket's training; the keys of the configuration file.

    Attributes:
        stage: one of STAGES.
        out: folder for state, log and weights.
        vae: folder of the trained VAE (t2v, distill).
        init: folder of the network to start from; empty starts from random weights. For the brush
            stages, the folder of an adapter.
        base: folder of the shipped model that an adapter belongs to (brush, brush_distill).
        rank: of the adapter.
        noises_per_clip, ink_weight: see `pocket_brush.PocketBrushConfig`; distill: `InkWeights`.
        clear_share: of the brushes, see `pocket_brush.PocketBrushConfig`.
        new_ink_weight, own_share: of stage distill, see `InkWeights` and `PocketDistillRecipe`.
        num_steps, budget_s: length of the run; a budget also bounds it by the clock.
        concept_weights: file that says which concepts come more often; empty for all alike.
        small_share, shuffle_share: of the drawings of concepts, see `Variety`.
        reader: folder of the part reader (reward, brush_reward, ar_reward).
        present, order, schedule: see `RewardWeights`; near, fading, critic: see `KeptAsItWas`.
        shuffle_times: learn from sketches whose parts are drawn in another order than their plan
            says, for a base that knows no order.
    """

    stage: str
    out: str
    vae: str = ""
    init: str = ""
    base: str = ""
    rank: int = 64
    noises_per_clip: int = 2
    ink_weight: float = 2.0
    clear_share: float = 0.0
    new_ink_weight: float = 0.0
    own_share: float = 0.0
    num_steps: int = 1000
    budget_s: float | None = None
    width: int = 432
    height: int = 240
    num_frames: int = 81
    max_stamps: int = 4096
    batch_size: int = 64
    num_workers: int = 13
    matrix_rate: float = 2.5e-3
    other_rate: float = 1.2e-3
    warmup_steps: int = 100
    cooldown: float = 0.35
    ema_decay: float = 0.999
    causal_share: float = 0.0
    latent_frames_seen: int | None = None
    concepts: float = 0.52
    primitives: float = 0.22
    concept_weights: str = ""
    small_share: float = Variety.small
    shuffle_share: float = Variety.shuffled
    shuffle_times: bool = False
    reader: str = ""
    present: float = RewardWeights.present
    order: float = RewardWeights.order
    schedule: float = RewardWeights.schedule
    near: float = KeptAsItWas.near
    fading: float = KeptAsItWas.fading
    critic: float = KeptAsItWas.critic
    num_inference_steps: int = 6
    teacher_steps: int = 4
    guidance_scale: float = 2.5
    shift: float = 8.0
    save_every: int = 0
    log_every: int = 50
    seed: int = 0
    data_seed: int = 1
    compiled: bool = True
    dim: int = 384
    num_layers: int = 7
    num_heads: int = 4
    ffn_dim: int = 1024

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise InvalidRequest(
                f"stage must be one of {', '.join(STAGES)}. Received: stage={self.stage!r}",
                hint="Correct it in the configuration file.",
            )

    @property
    def guided_steps(self) -> GuidedSteps:
        """What the stages distill and brush_distill teach."""
        return GuidedSteps(
            num_inference_steps=self.num_inference_steps,
            teacher_steps=self.teacher_steps,
            guidance_scale=self.guidance_scale,
            shift=self.shift,
        )


@dataclass(frozen=True, kw_only=True)
class ArRun(PocketRun):
    """One stage of pocket-ar's training; see `ArConfig` for what is not said here.

    Attributes:
        teacher: folder that stage `causal` left (ode, dmd).
        timesteps: the student's denoising steps; `warp` shifts them, 1 leaves them as they are.
        keeps_noise, ode_steps: see `ArConfig`.
        late, empty: shares of settings, see `data.continuation_source.Setting`.
        clip_norm: of the gradient.
    """

    teacher: str = ""
    timesteps: tuple[float, ...] = (1000.0, 757.0, 522.0)
    keeps_noise: bool = False
    warp: float = 1.0
    context_noise: float = 0.06
    bidirectional_share: float = 0.25
    ode_steps: int = 8
    ode_shift: float = 8.0
    rollout_share: float = 0.75
    critic_rate: float = 2e-4
    generator_every: int = 2
    late: float = 0.25
    empty: float = 0.3
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        steps = [float(t) for t in self.timesteps]
        if (
            not steps
            or steps != sorted(steps, reverse=True)
            or not 0 < steps[-1] <= steps[0] <= 1000
        ):
            raise InvalidRequest(
                f"timesteps must fall from at most 1000 and stay above 0. Received: {steps}",
                hint="Try [1000, 757, 522].",
            )
        object.__setattr__(self, "timesteps", tuple(steps))

    @property
    def warped_timesteps(self) -> tuple[float, ...]:
        """The timesteps that the student is trained at and draws with."""
        return warped(self.timesteps, self.warp)


def read_run(path: Path, **changes: object) -> PocketRun:
    """Reads a configuration file; `changes` override its keys.

    Raises:
        InvalidRequest: an unknown key, with the nearest known one.
    """
    values = read_keys(path, what="configuration")
    kind = ArRun if values.get("stage") in AR_STAGES else PocketRun
    known = {f.name for f in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(sorted(known))}"
            raise InvalidRequest(f"Unknown key in {path.name}: {key}.", hint=hint)
    try:
        return kind(**{**values, **changes})  # type: ignore[arg-type]
    except TypeError as error:
        raise InvalidRequest(
            f"The configuration {path.name} lacks a key: {error}.", hint="Add stage and out."
        ) from error


def reward_of(run: PocketRun, device: torch.device) -> PartReward:
    """What drawings are worth to the run's part reader.

    Raises:
        InvalidRequest: the configuration names none.
    """
    if not run.reader:
        raise InvalidRequest(
            f"The stage {run.stage!r} needs the folder of a part reader.",
            hint="Add reader: with the folder that stage reader left.",
        )
    weights = RewardWeights(present=run.present, order=run.order, schedule=run.schedule)
    return PartReward(load_reader(Path(run.reader), device), weights)


def kept_of(run: PocketRun) -> KeptAsItWas:
    """What keeps a rewarded model in place."""
    return KeptAsItWas(near=run.near, fading=run.fading, critic=run.critic)


def loop_config(run: PocketRun) -> LoopConfig:
    """The part of a run that the loop reads."""
    names = {f.name for f in dataclasses.fields(LoopConfig)} & set(vars(run))
    return LoopConfig(**{name: getattr(run, name) for name in names})


def t2v_config(run: PocketRun, **changes: object) -> PocketT2VConfig:
    """The part of a run that the text-to-video recipe reads."""
    values = {
        "canvas": Canvas(width=run.width, height=run.height, max_stamps=run.max_stamps),
        "mix": sketch_mix(run),
        "transformer": TransformerConfig(
            dim=run.dim,
            num_layers=run.num_layers,
            num_heads=run.num_heads,
            ffn_dim=run.ffn_dim,
        ),
    }
    for name in (f.name for f in dataclasses.fields(PocketT2VConfig)):
        if name not in values and hasattr(run, name):
            values[name] = getattr(run, name)
    return PocketT2VConfig(**{**values, **changes})  # type: ignore[arg-type]


def sketch_mix(run: PocketRun) -> SketchMix:
    """What a run of the text model draws.

    Raises:
        InvalidRequest: the file of concept weights is wrong.
    """
    return SketchMix(
        concepts=run.concepts,
        primitives=run.primitives,
        weights=read_weights(Path(run.concept_weights)) if run.concept_weights else {},
        variety=Variety(small=run.small_share, shuffled=run.shuffle_share),
        num_frames=run.num_frames,
        shuffle_times=run.shuffle_times,
    )
