"""StylePreset: how a style is learned, as a flat YAML file of presets/training."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from pathlib import Path

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.storage.keyed_yaml import read_keys

PRESETS = Path(__file__).parents[2] / "presets" / "training"


@dataclass(frozen=True, kw_only=True)
class StylePreset:
    """Settings of a style run.

    Attributes:
        width, height, num_frames: of the clips that it learns from; samples are as long.
        sample_width, sample_height: of the samples; 0 takes the model's own.
        rank: of the LoRA; alpha equals it.
        targets: linear layers that get a pair, by the end of their names.
        num_steps: optimizer steps; not looked at where `epochs` count them.
        epochs: length in rounds of this run's own; 0 counts steps. In a round every clip comes
            `repeat` times.
        published_levels: noise levels are those of the published training, weighted as there
            (`losses`), instead of the sampler's.
        batch_size: drawings of a step.
        rate, beta2, weight_decay: of AdamW.
        variants: clips made of every drawing: itself, and others moved and scaled a little.
        shrunk: smallest scale of a variant.
        mirrored: half of the variants are mirrored. It turns habits of direction around.
        kept_share: first share of the sampler's steps, which decide layout and order: there the
            LoRA is held to what the model did before.
        base_steps: last of these that the model itself makes before the style is shown, so that
            the style is learned from what the sampler will really bring.
        keep_plans: drawings of the model that it is held to; more remember more.
        keep_batch: of them in a step.
        keep_weight: of their error, that of the drawings counts 1.
        ink_weight: how much more the error of a cell full of ink counts.
        strength: share of what was learned that samples and the exported LoRA carry: what a scale
            of 1 draws with later.
        layer_shape, layer_color, layer_motion: of the errors of a layered picture's layers
            (`layer_loss`), or of the parts of a drawing with strokes; 0 leaves one out.
        sample_every: steps between samples; 0 for only before and after.
        save_every: steps between saved states.
        patience: rows of the log without progress after which it stops early; 0 never does.
        disk_budget_mb: of samples and checkpoints; older ones go first.
    """

    width: int = 216
    height: int = 120
    num_frames: int = 81
    sample_width: int = 0
    sample_height: int = 0
    rank: int = 16
    targets: tuple[str, ...] = ("q", "k", "v", "o", "ffn.0", "ffn.2")
    num_steps: int = 500
    epochs: int = 0
    repeat: int = 1
    published_levels: bool = False
    batch_size: int = 3
    rate: float = 1e-3
    beta2: float = 0.98
    weight_decay: float = 0.0
    warmup_steps: int = 10
    cooldown: float = 0.5
    ema_decay: float = 0.98
    clip_norm: float = 1.0
    variants: int = 4
    shrunk: float = 0.8
    mirrored: bool = False
    kept_share: float = 0.375
    base_steps: int = 1
    keep_plans: int = 16
    keep_batch: int = 1
    keep_weight: float = 1.0
    ink_weight: float = 2.0
    strength: float = 1.0
    layer_shape: float = 0.0
    layer_color: float = 0.0
    layer_motion: float = 0.0
    sample_every: int = 125
    save_every: int = 25
    log_every: int = 5
    patience: int = 0
    disk_budget_mb: int = 500

    @property
    def is_layered(self) -> bool:
        """True if layers are supervised one by one."""
        return max(self.layer_shape, self.layer_color, self.layer_motion) > 0

    def steps_for(self, num_clips: int) -> int:
        """Optimizer steps of a run that learns from so many clips."""
        if not self.epochs:
            return self.num_steps
        return max(1, self.epochs * self.repeat * num_clips // self.batch_size)

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
                raise _out_of_range(name, value, low, high)
            if not low <= value <= high:
                raise _out_of_range(name, value, low, high)
        if self.published_levels and self.kept_share:
            raise InvalidRequest(
                "published_levels are all levels, and kept_share leaves the first ones out.",
                hint="Set kept_share: 0.0, or leave published_levels out.",
            )
        if (self.num_frames - 1) % 4:
            raise InvalidRequest(
                f"num_frames must be 4n + 1. Received: num_frames={self.num_frames}",
                hint="Use 81.",
            )


_RANGES = (
    ("width", 24, 1920),
    ("height", 24, 1920),
    ("num_frames", 5, 401),
    ("sample_width", 0, 1920),
    ("sample_height", 0, 1920),
    ("rank", 1, 512),
    ("num_steps", 1, 1_000_000),
    ("epochs", 0, 10_000),
    ("repeat", 1, 100_000),
    ("batch_size", 1, 256),
    ("rate", 1e-8, 1.0),
    ("beta2", 0.0, 0.99999),
    ("weight_decay", 0.0, 10.0),
    ("variants", 1, 1000),
    ("shrunk", 0.2, 1.0),
    ("kept_share", 0.0, 0.9),
    ("base_steps", 0, 50),
    ("keep_plans", 0, 10_000),
    ("keep_batch", 0, 256),
    ("strength", 0.05, 1.0),
    ("layer_shape", 0.0, 100.0),
    ("layer_color", 0.0, 100.0),
    ("layer_motion", 0.0, 100.0),
    ("sample_every", 0, 1_000_000),
    ("save_every", 0, 1_000_000),
    ("log_every", 1, 100_000),
    ("patience", 0, 100_000),
    ("disk_budget_mb", 10, 1_000_000),
)


def num_sample_times(preset: StylePreset, num_steps: int) -> int:
    """How often a run of so many steps draws its samples: before, after, and between."""
    every = preset.sample_every
    return 2 + ((num_steps - 1) // every if every else 0)


def read_preset(name: str, **changes: object) -> StylePreset:
    """A preset by its name in presets/training, or a YAML file; `changes` override its keys.

    Raises:
        InvalidRequest: there is none of this name, an unknown key (with the nearest known one), or
            a value out of its range.
        InvalidFile: it cannot be read.
    """
    values = {**read_keys(_file_of(name), what="preset"), **changes}
    known = {field.name: field for field in dataclasses.fields(StylePreset)}
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known keys: {', '.join(sorted(known))}"
            raise InvalidRequest(f"Unknown key in the preset {name}: {key}.", hint=hint)
    if "targets" in values:
        targets = values["targets"]
        values["targets"] = tuple(targets) if isinstance(targets, list | tuple) else (targets,)
    return StylePreset(**values)  # type: ignore[arg-type]


def studio_preset(*, by_brush: bool) -> str:
    """The file of a preset for Wan's models, as messages name it."""
    return f"presets/training/lora_studio{'_brush' if by_brush else ''}.yaml"


def preset_names() -> tuple[str, ...]:
    """The style presets that are shipped."""
    return tuple(sorted(path.stem for path in PRESETS.glob("style*.yaml")))


def _file_of(name: str) -> Path:
    if name in preset_names():
        return PRESETS / f"{name}.yaml"
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        raise InvalidRequest(
            f"There is no style preset named {name[:80]!r}.",
            hint=f"Known: {', '.join(preset_names())}; or give a YAML file.",
        )
    return path


def _out_of_range(name: str, value: object, low: float, high: float) -> InvalidRequest:
    return InvalidRequest(
        f"{name} must be a number from {low:g} to {high:g}. Received: {name}={value!r}",
        hint="Correct it in the preset.",
    )
