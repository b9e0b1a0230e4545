"""Stages of `train pocket` around the part reader: `reader`, `reward`, `brush_reward`.

`reader` leaves the reader, which needs a drawing model (`init`) for its looks. `reward` goes on with
a text model, `brush_reward` with the adapter of a brush model; both are few-step models.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.evaluation.vocabulary import Vocabulary
from videosketcher_app.models.adapters import load_into
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.latent_critic import network_of
from videosketcher_app.training.loop import train
from videosketcher_app.training.part_reader import PartReader, write_reader
from videosketcher_app.training.part_reader_recipe import PartReaderRecipe
from videosketcher_app.training.pocket_brush_reward import PocketBrushRewardRecipe
from videosketcher_app.training.pocket_brush_run import (
    adapter_in,
    base_of,
    brush_config,
    folded,
    leave,
    on_device,
    student_of,
)
from videosketcher_app.training.pocket_reward import PocketRewardRecipe
from videosketcher_app.training.pocket_run import (
    PocketRun,
    kept_of,
    loop_config,
    reward_of,
    t2v_config,
)
from videosketcher_app.training.pocket_weights import (
    load_network,
    load_vae,
    tokenizer_of,
    write_network,
)
from videosketcher_app.training.state import TrainState


def train_reader(
    run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool
) -> TrainState:
    """Stage `reader`: the part reader, from nothing."""
    tokenizer, device = tokenizer_of(run), accelerator.device
    torch.manual_seed(run.seed)
    vocabulary = Vocabulary.of_grammar()
    reader = PartReader(vocabulary).to(device)
    recipe = PartReaderRecipe(
        t2v_config(run, prompt_dropout=0.0),
        _vae(run, device),
        tokenizer,
        reader,
        load_network(Path(run.init), run, tokenizer).to(device),
        run.guided_steps,
        device,
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    if accelerator.is_main_process:
        write_reader(folder, vocabulary, {**reader.state_dict(), **state.ema})
    accelerator.wait_for_everyone()
    return state


def train_reward(
    run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool
) -> TrainState:
    """Stage `reward`: the text model `init`, text encoder included."""
    tokenizer, device = tokenizer_of(run), accelerator.device
    network = load_network(Path(run.init), run, tokenizer).to(device)
    recipe = PocketRewardRecipe(
        t2v_config(run, prompt_dropout=0.0),
        run.guided_steps,
        _vae(run, device),
        tokenizer,
        network,
        copy.deepcopy(network),
        reward_of(run, device),
        device,
        kept_of(run),
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    if accelerator.is_main_process:
        write_network(replace(state, ema=network_of(state.ema)), tokenizer, folder)
    accelerator.wait_for_everyone()
    return state


def train_brush_reward(
    run: PocketRun, folder: Path, accelerator: Accelerator, resume: bool
) -> TrainState:
    """Stage `brush_reward`: the adapter `init` of the text model `base`.

    Raises:
        InvalidRequest: a critic is asked for, who would need painted clips.
    """
    if run.critic:
        raise InvalidRequest(
            f"The stage 'brush_reward' has no critic. Received: critic={run.critic}",
            hint="Leave critic out, and raise near instead.",
        )
    base, device = base_of(run), accelerator.device
    adapter = adapter_in(run, base)
    first = folded(base, adapter)
    student = student_of(base, run)
    load_into(student.transformer, adapter.tensors)
    recipe = PocketBrushRewardRecipe(
        brush_config(run, distilling=True),
        run.guided_steps,
        on_device(base.vae, device),
        base.tokenizer,
        student.to(device),
        first.to(device),
        reward_of(run, device),
        device,
        kept_of(run),
    )
    state = train(recipe, loop_config(run), folder, accelerator, resume=resume)
    leave(state, student, base, folder, accelerator)
    return state


def _vae(run: PocketRun, device: torch.device) -> PocketVAE:
    vae = load_vae(Path(run.vae), device)
    return vae.to(torch.bfloat16) if device.type == "cuda" else vae
