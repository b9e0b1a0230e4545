"""pocket-ar as stages of `train pocket`: `causal`, `ode`, `dmd`, `ar_reward`, and the export of what they leave.

`causal` starts from a network (`init`) or, without one, from the shipped weights, and leaves a whole
network, the teacher. The others leave an adapter of the shipped weights; `init` names an adapter
to go on from. `export_ar` makes the product's folder of either.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.continuation_source import ContinuationMix
from videosketcher_app.data.datasets import SketchMix
from videosketcher_app.engines.autoregressive import timesteps_of
from videosketcher_app.models.adapters import (
    ADAPTER_FILE,
    TARGETS,
    AdapterConfig,
    adapter_tensors,
    inject,
    load_into,
    read_adapter,
    save_adapter,
)
from videosketcher_app.models.pocket import ModelDefaults, PocketModel, load_pocket, save_adapted
from videosketcher_app.models.quantize import dequantize_rows
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.models.wan.network import build_transformer
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.latent_critic import network_of
from videosketcher_app.training.loop import train
from videosketcher_app.training.pocket_ar_base import ArConfig
from videosketcher_app.training.pocket_ar_causal import CausalRecipe
from videosketcher_app.training.pocket_ar_dmd import DmdNetworks, DmdRecipe
from videosketcher_app.training.pocket_ar_ode import OdeRecipe
from videosketcher_app.training.pocket_ar_pass import CausalNetwork
from videosketcher_app.training.pocket_ar_reward import ArRewardRecipe
from videosketcher_app.training.pocket_ar_rollout import Drawer
from videosketcher_app.training.pocket_run import (
    ArRun,
    PocketRun,
    kept_of,
    loop_config,
    reward_of,
)
from videosketcher_app.training.pocket_weights import NETWORK_FILE
from videosketcher_app.training.state import TrainState

MODEL_NAME = "pocket-ar"
FPS = 15
PAIRS = (*TARGETS, "time_projection.1")
# Small tensors that move the noise levels' meaning; a low rank does not pay for them. The weights of
# norm3 go with their biases: torch 2.11 writes past the gradient of a layer norm on CUDA whose bias
# learns and whose weight does not.
WHOLE = (
    "*.modulation", "*.bias", "*.norm3.weight", "patch_embedding", "head.head", "time_embedding",
)  # fmt: skip


def train_causal(run: ArRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    """Stage `causal`: the teacher."""
    base, device = base_of(run), accelerator.device
    network = _network(base, Path(run.init) if run.init else None).to(device)
    recipe = CausalRecipe(ar_config(run), _vae(base, device), base.tokenizer, network, device)
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    if accelerator.is_main_process:
        half = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in state.ema.items()}
        tensor_files.write_safetensors(folder / NETWORK_FILE, half)
    accelerator.wait_for_everyone()
    return state


def train_ode(run: ArRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    """Stage `ode`: the student on the ends of the teacher's paths."""
    base, device = base_of(run), accelerator.device
    student, config = _student(base, run, device), ar_config(run)
    recipe = OdeRecipe(
        config,
        _vae(base, device),
        base.tokenizer,
        student,
        _teacher(base, run, device),
        _drawer(base, config, device),
        device,
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    _leave(state, student, "", base, folder, accelerator)
    return state


def train_dmd(run: ArRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    """Stage `dmd`: the student by distribution matching; the critic starts as the teacher."""
    base, device = base_of(run), accelerator.device
    student, config = _student(base, run, device), ar_config(run)
    teacher = _teacher(base, run, device)
    critic = copy.deepcopy(teacher).requires_grad_(True)
    critic.text_encoder.requires_grad_(False)
    networks = DmdNetworks(student, critic, teacher, config.guidance_scale)
    # In a step of the critic alone the student has no gradient.
    accelerator.ddp_handler = DistributedDataParallelKwargs(find_unused_parameters=True)  # type: ignore[assignment]
    drawer = _drawer(base, config, device)
    recipe = DmdRecipe(config, _vae(base, device), base.tokenizer, networks, drawer, device)
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    accelerator.ddp_handler = None
    _leave(state, student, "student.", base, folder, accelerator)
    return state


def train_ar_reward(run: ArRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    """Stage `ar_reward`: the student (`init`) by what a part reader says of its drawings.

    Raises:
        InvalidRequest: the student's steps throw their noise away.
    """
    if not run.keeps_noise:
        raise InvalidRequest(
            "The stage 'ar_reward' learns through steps that keep their noise.",
            hint="Add keeps_noise: true, and name a student that was trained so.",
        )
    base, device = base_of(run), accelerator.device
    student, config = _student(base, run, device), ar_config(run)
    first = copy.deepcopy(student)
    recipe = ArRewardRecipe(
        config,
        _vae(base, device),
        base.tokenizer,
        student,
        first,
        _drawer(base, config, device),
        reward_of(run, device),
        device,
        kept_of(run),
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    _leave(replace(state, ema=network_of(state.ema)), student, "", base, folder, accelerator)
    return state


def export_ar(run: ArRun, folder: Path, target: Path, *, quantized: bool = True) -> None:
    """Writes the model's folder from that of a student's stage.

    Raises:
        InvalidRequest: the product would draw at other timesteps than these.
    """
    num_steps = len(run.timesteps)
    drawn_at = timesteps_of(num_steps)
    if not np.allclose(run.warped_timesteps, drawn_at, atol=0.5):
        raise InvalidRequest(
            f"The product draws {num_steps} steps of a block at {_listed(drawn_at)}. "
            f"Trained: {_listed(run.warped_timesteps)}",
            hint="Train at the product's timesteps.",
        )
    base = base_of(run)
    adapter = read_adapter(folder / ADAPTER_FILE, base=base)
    defaults = ModelDefaults(
        num_inference_steps=num_steps,
        num_causal_steps=num_steps,
        causal_keeps_noise=run.keeps_noise,
        cfg_scale=1.0,
        width=run.width,
        height=run.height,
        num_frames=run.num_frames,
        fps=FPS,
    )
    save_adapted(
        target,
        adapter.tensors,
        name=MODEL_NAME,
        base=base,
        defaults=defaults,
        quantized=quantized,
    )


def ar_config(run: ArRun) -> ArConfig:
    """The part of a run that the recipes read."""
    sketches = SketchMix(
        concepts=run.concepts, primitives=run.primitives, num_frames=run.num_frames
    )
    same = {name: getattr(run, name) for name in vars(ArConfig()) if hasattr(run, name)}
    return ArConfig(
        canvas=Canvas(width=run.width, height=run.height, max_stamps=run.max_stamps),
        mix=ContinuationMix(sketches=sketches, late=run.late, empty=run.empty),
        **{**same, "timesteps": run.warped_timesteps},
    )


def base_of(run: PocketRun) -> PocketModel:
    """The shipped model, in float32 on the CPU.

    Raises:
        InvalidRequest: the configuration names none.
    """
    if not run.base:
        raise InvalidRequest(
            f"The stage {run.stage!r} needs the folder of the shipped model.",
            hint="Add base: checkpoints/pocket to the configuration.",
        )
    return load_pocket(Path(run.base), "cpu", torch.float32)


def _network(base: PocketModel, folder: Path | None) -> CausalNetwork:
    """A network of the base's shape with a folder's weights (floats or int8), or the base's own."""
    transformer = build_transformer(base.transformer_config)
    transformer.load_state_dict(base.transformer.state_dict())
    network = CausalNetwork(transformer, copy.deepcopy(base.text_encoder))
    if folder is not None:
        weights = tensor_files.read_safetensors(folder / NETWORK_FILE)
        network.load_state_dict(dequantize_rows(weights))
    return network.requires_grad_(True)


def _teacher(base: PocketModel, run: ArRun, device: torch.device) -> CausalNetwork:
    if not run.teacher:
        raise InvalidRequest(
            f"The stage {run.stage!r} needs the folder of a teacher.",
            hint="Add teacher: with the folder that stage causal left.",
        )
    return _network(base, Path(run.teacher)).to(device).eval().requires_grad_(False)


def _student(base: PocketModel, run: ArRun, device: torch.device) -> CausalNetwork:
    """The shipped networks with an adapter, new or from `init`; the text encoder stays frozen."""
    network = _network(base, None)
    network.text_encoder.requires_grad_(False)
    inject(
        network.transformer, AdapterConfig(rank=run.rank, targets=PAIRS, full=WHOLE), seed=run.seed
    )
    if run.init:
        adapter = read_adapter(Path(run.init) / ADAPTER_FILE, base=base)
        load_into(network.transformer, adapter.tensors)
    return network.to(device)


def _drawer(base: PocketModel, config: ArConfig, device: torch.device) -> Drawer:
    return Drawer(base.transformer_config, config.timesteps, device, keeps_noise=config.keeps_noise)


def _listed(timesteps: Sequence[float]) -> str:
    return ", ".join(f"{timestep:.1f}" for timestep in timesteps)


def _vae(base: PocketModel, device: torch.device) -> PocketVAE:
    vae = base.vae.to(device).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return vae.to(torch.bfloat16) if device.type == "cuda" else vae


def _leave(
    state: TrainState,
    student: CausalNetwork,
    prefix: str,
    base: PocketModel,
    folder: Path,
    accelerator: Accelerator,
) -> None:
    """The averaged adapter, in float16."""
    if accelerator.is_main_process:
        save_adapter(
            folder / ADAPTER_FILE,
            adapter_tensors(student.transformer, _of_transformer(state.ema, prefix)),
            base=base,
            config=base.transformer_config,
            quantized=False,
        )
    accelerator.wait_for_everyone()


def _of_transformer(ema: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = f"{prefix}transformer."
    return {k.removeprefix(start): v for k, v in ema.items() if k.startswith(start)}
