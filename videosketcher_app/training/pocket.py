"""The Pocket family from nothing: VAE, text-to-video, distillation, brush, as stages of one command.

`python -m videosketcher_app train pocket --config FILE` runs one stage; under `accelerate launch`
on several devices. A configuration is a flat YAML file, see `PocketRun`. Stages read what earlier
ones left: `vae` and `init` name their folders.
"""

from __future__ import annotations

import dataclasses
import difflib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from accelerate import Accelerator
from torch import Tensor

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.datasets import SketchMix
from videosketcher_app.data.grammar.compose import Variety
from videosketcher_app.models.pocket import ModelDefaults, PocketModel
from videosketcher_app.models.quantize import dequantize_rows
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.models.wan.network import TransformerConfig
from videosketcher_app.storage import atomic
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.concept_weights import read_weights
from videosketcher_app.training.guided_steps import GuidedSteps
from videosketcher_app.training.ink_weights import InkWeights
from videosketcher_app.training.loop import LoopConfig, train
from videosketcher_app.training.pocket_brush_run import distill_brush, train_brush
from videosketcher_app.training.pocket_distill import PocketDistillRecipe
from videosketcher_app.training.pocket_t2v import (
    PocketNetwork,
    PocketT2VConfig,
    PocketT2VRecipe,
    build_network,
)
from videosketcher_app.training.pocket_vae import (
    PocketVaeConfig,
    PocketVaeRecipe,
    normalize,
    psnr,
)
from videosketcher_app.training.state import StepRandom, TrainState
from videosketcher_app.training.vocabulary import build_tokenizer

logger = logging.getLogger(__name__)
STAGES = ("vae", "t2v", "distill", "brush", "brush_distill", "causal", "ode", "dmd")
AR_STAGES = ("causal", "ode", "dmd")  # of pocket-ar, see pocket_ar_run
VAE_FILE, NETWORK_FILE, TOKENIZER_FILE = "vae.safetensors", "network.safetensors", "tokenizer.json"


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
        new_ink_weight, own_share: of stage distill, see `InkWeights` and `PocketDistillRecipe`.
        num_steps, budget_s: length of the run; a budget also bounds it by the clock.
        concept_weights: file that says which concepts come more often; empty for all alike.
        small_share, shuffle_share: of the drawings of concepts, see `Variety`.
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


def read_run(path: Path, **changes: object) -> PocketRun:
    """Reads a configuration file; `changes` override its keys.

    Raises:
        InvalidRequest: an unknown key, with the nearest known one.
    """
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequest(
            f"The configuration {path.name} cannot be read.",
            hint="Give a YAML file with one key a line.",
        ) from error
    if not isinstance(values, dict):
        raise InvalidRequest(
            f"The configuration {path.name} holds no keys.", hint="Write one key a line."
        )
    kind = _run_class(values.get("stage"))
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


def _run_class(stage: object) -> type[PocketRun]:
    if stage not in AR_STAGES:
        return PocketRun
    from videosketcher_app.training.pocket_ar_run import ArRun

    return ArRun


def main(config_path: Path, *, resume: bool = False, **changes: object) -> TrainState:
    """Runs one stage and leaves its weights in the configured folder."""
    return train_stage(read_run(config_path, **changes), Accelerator(), resume=resume)


def train_stage(run: PocketRun, accelerator: Accelerator, *, resume: bool = False) -> TrainState:
    """Runs one stage; several stages may follow each other in one process."""
    torch.set_float32_matmul_precision("high")
    folder = Path(run.out)
    if accelerator.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    state = _STAGES[run.stage](run, folder, accelerator, resume)
    logger.info("%s: %d steps in %.0f s", run.stage, state.step, time.monotonic() - begun)
    return state


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


def load_vae(folder: Path, device: torch.device) -> PocketVAE:
    """The trained VAE, frozen, in the memory layout that convolutions like."""
    vae = PocketVAE()
    vae.load_state_dict({k: v.float() for k, v in _read(folder / VAE_FILE).items()})
    vae = vae.to(device).eval().requires_grad_(False)
    return vae.to(memory_format=torch.channels_last)


def load_network(folder: Path, run: PocketRun, tokenizer: PocketTokenizer) -> PocketNetwork:
    """A trained network (its EMA weights), also from int8 weights."""
    network = build_network(t2v_config(run).transformer, len(tokenizer), run.seed)
    network.load_state_dict(dequantize_rows(_read(folder / NETWORK_FILE)))
    return network


def export(run: PocketRun, folder: Path, target: Path, *, quantized: bool = True) -> PocketModel:
    """Makes the folder that the product loads from a trained stage's folder."""
    tokenizer = read_tokenizer(folder)
    network = load_network(folder, run, tokenizer)
    distilled = run.stage == "distill"
    model = PocketModel(
        name="pocket-t2v",
        transformer=network.transformer,
        text_encoder=network.text_encoder,
        vae=load_vae(Path(run.vae), torch.device("cpu")),
        tokenizer=tokenizer,
        transformer_config=t2v_config(run).transformer,
        defaults=ModelDefaults(
            num_inference_steps=run.num_inference_steps if distilled else 20,
            cfg_scale=1.0 if distilled else 2.0,
            shift=run.shift if distilled else 12.0,
            width=run.width,
            height=run.height,
            num_frames=run.num_frames,
            num_causal_steps=5 if distilled else 8,
            causal_keeps_noise=distilled,  # such a model learned steps that keep their noise
        ),
    )
    model.save(target, quantized=quantized)
    return model


def read_tokenizer(folder: Path) -> PocketTokenizer:
    """The tokenizer that a stage left in its folder."""
    return PocketTokenizer.from_json((folder / TOKENIZER_FILE).read_text("utf-8"))


def tokenizer_of(run: PocketRun) -> PocketTokenizer:
    """The tokenizer of the network that a run starts from, or of the model whose VAE it uses.

    Raises:
        InvalidRequest: neither folder holds one.
    """
    for folder in (Path(run.init), Path(run.vae)):
        if (folder / TOKENIZER_FILE).is_file():
            return read_tokenizer(folder)
    raise InvalidRequest(
        f"There is no {TOKENIZER_FILE} in {run.init} or {run.vae}.",
        hint="Copy the one of the model that init was trained for into init.",
    )


def _train_vae(run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    torch.manual_seed(run.seed)
    vae = PocketVAE() if not run.init else load_vae(Path(run.init), torch.device("cpu"))
    vae = vae.train().requires_grad_(True).to(accelerator.device)
    if accelerator.device.type == "cuda":
        vae = vae.to(memory_format=torch.channels_last)
    config = PocketVaeConfig(
        batch_size=run.batch_size,
        num_workers=run.num_workers,
        data_seed=run.data_seed,
        num_frames=min(33, run.num_frames),
        clip_frames=run.num_frames,
        size=min(192, run.height),
        rate=run.other_rate,
    )
    recipe = PocketVaeRecipe(config, vae, accelerator.device)
    if run.compiled:
        recipe.module.compile(dynamic=False)
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    if accelerator.is_main_process:
        _finish_vae(recipe, vae, state, folder)
    accelerator.wait_for_everyone()
    return state


@torch.no_grad()
def _finish_vae(recipe: PocketVaeRecipe, vae: PocketVAE, state: TrainState, folder: Path) -> None:
    for name, param in recipe.module.named_parameters():
        param.copy_(state.ema[name])
    random = StepRandom(1, 0, 0, recipe.device)
    batches = recipe.batches(10_000_000, 0, 1)
    clips = [recipe.clips(next(batches), random) for _ in range(4)]
    normalize(vae, clips)
    drawn = vae.decode(vae.encode(clips[0].transpose(1, 2))).transpose(1, 2)
    error = (drawn - clips[0]).square()
    near = torch.nn.functional.max_pool2d((clips[0].amin(2) < 0.7).float(), 5, 1, 2)[:, :, None]
    figures = {
        "psnr_db": psnr(float(error.mean())),
        "ink_psnr_db": psnr(float((error * near).sum() / (3 * near.sum()))),
    }
    logger.info("vae figures %s", figures)
    atomic.write_json(folder / "figures.json", figures)
    _write(folder / VAE_FILE, vae.state_dict())


def _train_t2v(run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    if run.init:
        tokenizer = tokenizer_of(run)
        network = load_network(Path(run.init), run, tokenizer)
    else:
        tokenizer = build_tokenizer(Path(__file__).parents[2] / "presets" / "concepts")
        network = build_network(t2v_config(run).transformer, len(tokenizer), run.seed)
    device = accelerator.device
    vae = load_vae(Path(run.vae), device)
    if device.type == "cuda":
        vae = vae.to(torch.bfloat16)
    recipe = PocketT2VRecipe(t2v_config(run), vae, tokenizer, network.to(device), device)
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    if accelerator.is_main_process:
        _write_network(state, tokenizer, folder)
    accelerator.wait_for_everyone()
    return state


def _distill(run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    tokenizer = tokenizer_of(run)
    device = accelerator.device
    student = load_network(Path(run.init), run, tokenizer).to(device)
    teacher = load_network(Path(run.init), run, tokenizer).to(device)
    vae = load_vae(Path(run.vae), device)
    if device.type == "cuda":
        vae, teacher = vae.to(torch.bfloat16), teacher.to(device)
    config = t2v_config(run, prompt_dropout=0.0, causal_share=0.0)
    recipe = PocketDistillRecipe(
        config,
        run.guided_steps,
        vae,
        tokenizer,
        student,
        teacher,
        device,
        own_share=run.own_share,
        weights=InkWeights(ink=run.ink_weight, new_ink=run.new_ink_weight),
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    if accelerator.is_main_process:
        _write_network(state, tokenizer, folder)
    accelerator.wait_for_everyone()
    return state


def _brush(run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    return train_brush(run, loop_config(run), folder, accelerator, resume)


def _brush_distill(
    run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool
) -> TrainState:
    return distill_brush(run, loop_config(run), folder, accelerator, resume)


def _ar(run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    from videosketcher_app.training import pocket_ar_run as ar

    stage = {"causal": ar.train_causal, "ode": ar.train_ode, "dmd": ar.train_dmd}[run.stage]
    assert isinstance(run, ar.ArRun)
    return stage(run, folder, accelerator, resume)


_STAGES = {
    **dict.fromkeys(AR_STAGES, _ar),
    "vae": _train_vae,
    "t2v": _train_t2v,
    "distill": _distill,
    "brush": _brush,
    "brush_distill": _brush_distill,
}


def _write_network(state: TrainState, tokenizer: PocketTokenizer, folder: Path) -> None:
    """The averaged weights, which every later stage and the product use."""
    _write(folder / NETWORK_FILE, state.ema)
    atomic.write_text(folder / TOKENIZER_FILE, tokenizer.to_json())


def _write(path: Path, weights: dict[str, Tensor]) -> None:
    half = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in weights.items()}
    tensor_files.write_safetensors(path, half)


def _read(path: Path) -> dict[str, Tensor]:
    return tensor_files.read_safetensors(path)
