"""The Pocket family from nothing: VAE, text-to-video, distillation, brush, as stages of one command.

`python -m videosketcher_app train pocket --config FILE` runs one stage; under `accelerate launch`
on several devices. Stages read what earlier ones left: `vae` and `init` name their folders.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import torch
from accelerate import Accelerator

from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.storage import atomic
from videosketcher_app.training.ink_weights import InkWeights
from videosketcher_app.training.loop import train
from videosketcher_app.training.pocket_ar_run import (
    train_ar_reward,
    train_causal,
    train_dmd,
    train_ode,
)
from videosketcher_app.training.pocket_brush_run import distill_brush, train_brush
from videosketcher_app.training.pocket_distill import PocketDistillRecipe
from videosketcher_app.training.pocket_reward_run import (
    train_brush_reward,
    train_reader,
    train_reward,
)
from videosketcher_app.training.pocket_run import (
    PocketRun,
    loop_config,
    read_run,
    t2v_config,
)
from videosketcher_app.training.pocket_t2v import PocketT2VRecipe, build_network
from videosketcher_app.training.pocket_vae import (
    PocketVaeConfig,
    PocketVaeRecipe,
    normalize,
    psnr,
)
from videosketcher_app.training.pocket_weights import (
    VAE_FILE,
    load_network,
    load_vae,
    tokenizer_of,
    write_half,
    write_network,
)
from videosketcher_app.training.state import StepRandom, TrainState
from videosketcher_app.training.vocabulary import build_tokenizer

logger = logging.getLogger(__name__)


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
    write_half(folder / VAE_FILE, vae.state_dict())


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
        write_network(state, tokenizer, folder)
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
        write_network(state, tokenizer, folder)
    accelerator.wait_for_everyone()
    return state


_STAGES = {
    "vae": _train_vae,
    "t2v": _train_t2v,
    "distill": _distill,
    "brush": train_brush,
    "brush_distill": distill_brush,
    "causal": train_causal,
    "ode": train_ode,
    "dmd": train_dmd,
    "reader": train_reader,
    "reward": train_reward,
    "brush_reward": train_brush_reward,
    "ar_reward": train_ar_reward,
}
