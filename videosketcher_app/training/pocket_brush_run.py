"""pocket-brush as stages of `train pocket`: from the shipped weights to a folder that is drawn with.

`brush` leaves an adapter in its folder, `brush_distill` starts from it and leaves the final one, and
`export_brush` writes what the product loads.
"""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.datasets import SketchMix
from videosketcher_app.models.adapters import (
    ADAPTER_FILE,
    Adapter,
    adapted_weights,
    load_into,
    read_adapter,
    save_adapter,
)
from videosketcher_app.models.pocket import ModelDefaults, PocketModel, load_pocket, save_adapted
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.models.wan.network import build_transformer
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.loop import train
from videosketcher_app.training.pocket_brush import (
    BrushNetwork,
    PocketBrushConfig,
    PocketBrushRecipe,
    brush_network,
    trained_tensors,
)
from videosketcher_app.training.pocket_brush_distill import PocketBrushDistillRecipe
from videosketcher_app.training.pocket_run import PocketRun, loop_config
from videosketcher_app.training.pocket_t2v import PocketNetwork
from videosketcher_app.training.state import TrainState

MODEL_NAME = "pocket-brush"


def train_brush(run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool) -> TrainState:
    """Stage `brush`: flow matching; with `init`, the adapter there is trained on."""
    base = base_of(run)
    device = accelerator.device
    network = student_of(base, run)
    if run.init:
        load_into(network.transformer, adapter_in(run, base).tensors)
    vae = on_device(base.vae, device)
    recipe = PocketBrushRecipe(
        brush_config(run),
        vae,
        base.tokenizer,
        network.to(device),
        device,
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    leave(state, network, base, folder, accelerator)
    return state


def distill_brush(
    run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool
) -> TrainState:
    """Stage `brush_distill`: the guided model of stage `brush` (`init`) in a few plain steps."""
    base = base_of(run)
    device = accelerator.device
    adapter = adapter_in(run, base)
    teacher = folded(base, adapter)
    student = student_of(base, run)
    load_into(student.transformer, adapter.tensors)
    vae = on_device(base.vae, device)
    recipe = PocketBrushDistillRecipe(
        brush_config(run, distilling=True),
        run.guided_steps,
        vae,
        base.tokenizer,
        student.to(device),
        teacher.to(device),
        device,
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    leave(state, student, base, folder, accelerator)
    return state


def export_brush(run: PocketRun, folder: Path, target: Path, *, quantized: bool = True) -> None:
    """Writes the model's folder from a stage's: the adapter and its default settings."""
    base = base_of(run)
    adapter = read_adapter(folder / ADAPTER_FILE, base=base)
    distilled = run.stage in {"brush_distill", "brush_reward"}
    defaults = ModelDefaults(
        num_inference_steps=run.num_inference_steps if distilled else 20,
        cfg_scale=1.0 if distilled else 2.0,
        shift=run.shift if distilled else 12.0,
        width=run.width,
        height=run.height,
        num_frames=run.num_frames,
    )
    save_adapted(
        target,
        adapter.tensors,
        name=MODEL_NAME,
        base=base,
        defaults=defaults,
        config=adapter.config,
        quantized=quantized,
    )


def base_of(run: PocketRun) -> PocketModel:
    """The shipped model that the adapter belongs to, in float32 on the CPU.

    Raises:
        InvalidRequest: the configuration names none.
    """
    if not run.base:
        raise InvalidRequest(
            f"The stage {run.stage!r} needs the folder of the model that it adapts.",
            hint="Add base: checkpoints/pocket to the configuration.",
        )
    return load_pocket(Path(run.base), "cpu", torch.float32)


def brush_config(run: PocketRun, *, distilling: bool = False) -> PocketBrushConfig:
    """The part of a run that the recipes read."""
    return PocketBrushConfig(
        canvas=Canvas(width=run.width, height=run.height),
        mix=SketchMix(concepts=run.concepts, primitives=run.primitives, num_frames=run.num_frames),
        rank=run.rank,
        num_frames=run.num_frames,
        batch_size=run.batch_size,
        noises_per_clip=run.noises_per_clip,
        num_workers=run.num_workers,
        matrix_rate=run.matrix_rate,
        other_rate=run.other_rate,
        ink_weight=run.ink_weight,
        prompt_dropout=0.0 if distilling else 0.1,
        clear_share=run.clear_share,
        data_seed=run.data_seed,
        compiled=run.compiled,
    )


def student_of(base: PocketModel, run: PocketRun) -> BrushNetwork:
    """Networks with a fresh adapter; the base model keeps its own transformer."""
    transformer = build_transformer(base.transformer_config)
    transformer.load_state_dict(base.transformer.state_dict())
    return brush_network(PocketNetwork(transformer, base.text_encoder), run.rank, run.seed)


def folded(base: PocketModel, adapter: Adapter) -> BrushNetwork:
    """Networks with the adapter's changes in their weights."""
    transformer = build_transformer(adapter.config)
    transformer.load_state_dict(adapted_weights(base.transformer.state_dict(), adapter))
    return BrushNetwork(transformer, base.text_encoder)


def adapter_in(run: PocketRun, base: PocketModel) -> Adapter:
    """The adapter in the run's `init`; refuses one of another base."""
    return read_adapter(Path(run.init) / ADAPTER_FILE, base=base)


def on_device(vae: PocketVAE, device: torch.device) -> PocketVAE:
    """The VAE, frozen, as fast as the device has it."""
    vae = vae.to(device).eval().requires_grad_(False)
    vae = vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return vae.to(torch.bfloat16) if device.type == "cuda" else vae


def leave(
    state: TrainState,
    network: BrushNetwork,
    base: PocketModel,
    folder: Path,
    accelerator: Accelerator,
) -> None:
    """Writes the averaged adapter, in float16."""
    if accelerator.is_main_process:
        save_adapter(
            folder / ADAPTER_FILE,
            trained_tensors(network, state.ema),
            base=base,
            config=base.transformer_config,
            quantized=False,
        )
    accelerator.wait_for_everyone()
