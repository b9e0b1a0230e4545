"""One stage of the road to a causal model: from its configuration to a model that draws.

A run's folder holds run.json (the configuration), state.safetensors and log.csv of the loop, latents/
and text/ where they had to be made, and at the end transformer.safetensors, exact, for the next
stage, and model/, which draws: `api.load_causal_model(OUT/model)`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor
from torch.nn import functional as F

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.models.conversion import PICKLE_SUFFIXES
from videosketcher_app.models.published import load_causal
from videosketcher_app.storage import atomic
from videosketcher_app.storage import tensors as tensor_files
from videosketcher_app.training.causal_parts import (
    MODEL_FOLDER,
    WEIGHTS_FILE,
    CausalParts,
    load_parts,
)
from videosketcher_app.training.causal_recipe import (
    LatentNetwork,
    LatentRecipe,
    RegressionRecipe,
)
from videosketcher_app.training.causal_recipe_config import FREE, CausalRun
from videosketcher_app.training.causal_recipe_dmd import MatchingNetworks, MatchingRecipe
from videosketcher_app.training.causal_recipe_ode import StoredOdeRecipe
from videosketcher_app.training.latents import (
    LatentSet,
    TextStore,
    is_latent_set,
    open_latents,
    text_store_of,
)
from videosketcher_app.training.loop import train
from videosketcher_app.training.state import STATE_FILE, TrainState

RUN_FILE, CACHE_FOLDER, LATENTS_FOLDER = "run.json", "converted", "latents"
# (dataset, folder of the set, model, configuration): makes what is missing of a set of latents.
MakeLatents = Callable[[Path, Path, CausalParts, CausalRun], None]


def train_causal_stage(
    run: CausalRun,
    accelerator: Accelerator,
    make_latents: MakeLatents,
    *,
    resume: bool = False,
    on_log: Callable[[dict[str, float]], None] | None = None,
) -> TrainState:
    """Runs one stage and leaves its result in the configured folder.

    Args:
        make_latents: called on the main process if `data` is no set of latents yet.

    Raises:
        InvalidRequest: something does not fit: the data the stage, the state the configuration.
        MissingModel: weights are not on this disk.
    """
    folder = Path(run.out)
    if accelerator.is_main_process:
        _begin(run, folder, resume=resume)
    accelerator.wait_for_everyone()
    parts = load_parts(run.model, folder / CACHE_FOLDER, str(accelerator.device))
    latents, texts = _prepared(run, folder, parts, accelerator, make_latents)
    recipe, student = _recipe(run, folder, parts, latents, texts, accelerator)
    config = run.loop_config(len(latents), accelerator.num_processes)
    state = train(recipe, config, folder, accelerator, resume=resume, on_log=on_log)
    if accelerator.is_main_process:
        prefix = _prefix_of(recipe.module, student)
        weights = {k[len(prefix) :]: v for k, v in state.ema.items() if k.startswith(prefix)}
        parts.save(weights, folder, num_steps=sum(t > 0 for t in run.levels))
    accelerator.wait_for_everyone()
    return state


def _begin(run: CausalRun, folder: Path, *, resume: bool) -> None:
    """Notes the configuration; refuses to lose a state, or to go on with other settings."""
    path = folder / RUN_FILE
    if (folder / STATE_FILE).exists() and not resume:
        raise InvalidRequest(
            f"{folder} holds a run already.",
            hint="Add --resume to go on with it, or choose another folder with --out.",
        )
    now = run.model_dump(mode="json")
    if resume and path.is_file():
        try:
            begun = json.loads(path.read_text("utf-8"))
            other = sorted(k for k in now if k not in FREE and begun.get(k) != now[k])
        except (ValueError, AttributeError) as error:
            raise InvalidFile(f"{path} cannot be read.", hint="Choose another --out.") from error
        if other:
            raise InvalidRequest(
                f"The run in {folder} was begun with another {other[0]}: {begun.get(other[0])!r}.",
                hint="Resume with the configuration that it was begun with.",
            )
    folder.mkdir(parents=True, exist_ok=True)
    for place in (folder, folder / MODEL_FOLDER):
        atomic.sweep_leftovers(place)
    atomic.write_json(path, now)


def _prepared(
    run: CausalRun,
    folder: Path,
    parts: CausalParts,
    accelerator: Accelerator,
    make_latents: MakeLatents,
) -> tuple[LatentSet, TextStore]:
    """The set of latents, made if `data` is a dataset, and the embeddings of its prompts."""
    data = Path(run.data)
    if not is_latent_set(data):
        if run.stage == "ode":
            raise InvalidRequest(
                f"{data} holds no paths of a teacher.", hint="Make them with `data ode-pairs`."
            )
        made = folder / LATENTS_FOLDER
        if accelerator.is_main_process:
            make_latents(data, made, parts, run)
        accelerator.wait_for_everyone()
        data = made
    latents = open_latents(data)
    _check_set(run, parts, latents)
    texts = text_store_of(data, folder)
    if accelerator.is_main_process:
        texts.fill({*latents.prompts(), parts.negative_prompt}, parts)
    accelerator.wait_for_everyone()
    return latents, texts


def _check_set(run: CausalRun, parts: CausalParts, latents: LatentSet) -> None:
    facts = latents.facts
    if facts is not None and facts.encoders != parts.encoders:
        raise InvalidRequest(
            f"The latents in {run.data} were made by another VAE or text encoder than that of "
            f"{parts.name}.",
            hint="Make them again with `data latents --model`.",
        )
    row = latents[0][1]
    if row.ndim not in (4, 5):
        raise InvalidFile(f"A row of {run.data} has {row.ndim} axes.", hint="Make the set again.")
    if run.stage == "causal" and row.ndim == 5:
        raise InvalidRequest(
            f"{run.data} holds a teacher's paths, which `train causal` does not read.",
            hint="Use `train ode`, or give clips.",
        )
    if run.stage == "ode" and (row.ndim != 5 or len(row) != len(run.levels)):
        raise InvalidRequest(
            f"Paths of {len(run.levels)} states are needed, for timesteps {list(run.levels)}. "
            f"The rows of {run.data} have the shape {tuple(row.shape)}.",
            hint="Make pairs with these timesteps by `data ode-pairs`.",
        )
    if run.stage == "ode" and facts is not None and _differ(facts.timesteps, run.levels):
        raise InvalidRequest(
            f"The paths in {run.data} have states at {list(facts.timesteps)}.",
            hint=f"Set timesteps to them. Received: {list(run.levels)}",
        )
    clip_FChw = row if row.ndim == 4 else row[-1]
    parts.wan.check_latents(clip_FChw.transpose(0, 1)[None], "A clip of the set")


def _differ(stored: Sequence[float], wanted: Sequence[float]) -> bool:
    """Published timesteps are whole numbers, those of a path are not."""
    return any(abs(a - b) > 1 for a, b in zip(stored, wanted, strict=True))


def _recipe(
    run: CausalRun,
    folder: Path,
    parts: CausalParts,
    latents: LatentSet,
    texts: TextStore,
    accelerator: Accelerator,
) -> tuple[LatentRecipe, LatentNetwork]:
    config, device = run.recipe_config(), accelerator.device
    teacher = critic = None
    if run.stage == "dmd":
        source = _teacher_of(run, folder, parts, device)
        teacher, critic = source, _copy_of(source, checkpointed=run.checkpointed)
        teacher.requires_grad_(False)
    _load_init(run, folder, parts)
    student = LatentNetwork(parts.wan, checkpointed=run.checkpointed)
    if teacher is None or critic is None:
        kind = RegressionRecipe if run.stage == "causal" else StoredOdeRecipe
        return kind(config, student, latents, texts, device), student
    # In a step of the critic alone the student has no gradient.
    accelerator.ddp_handler = DistributedDataParallelKwargs(find_unused_parameters=True)  # type: ignore[assignment]
    away_LD = texts.read(parts.negative_prompt)
    tokens = parts.wan.text_tokens or len(away_LD)
    away_SD = F.pad(away_LD, (0, 0, 0, tokens - len(away_LD)))
    networks = MatchingNetworks(student, critic, teacher, away_SD, config)
    return MatchingRecipe(config, networks, latents, texts, device), student


def _teacher_of(
    run: CausalRun, folder: Path, parts: CausalParts, device: torch.device
) -> LatentNetwork:
    """The teacher, a copy: the student is trained in place."""
    if not run.teacher:
        return _copy_of(LatentNetwork(parts.wan), checkpointed=False)
    teacher = load_parts(run.teacher, folder / CACHE_FOLDER, str(device))
    if teacher.encoders != parts.encoders:
        raise InvalidRequest(
            f"The teacher {run.teacher} reads other latents or words than {run.model}.",
            hint="Choose a teacher of the same family.",
        )
    return LatentNetwork(teacher.wan)


def _copy_of(network: LatentNetwork, *, checkpointed: bool) -> LatentNetwork:
    transformer = copy.deepcopy(network.transformer)
    return LatentNetwork(replace(network.wan, transformer=transformer), checkpointed=checkpointed)


def _load_init(run: CausalRun, folder: Path, parts: CausalParts) -> None:
    """Puts the weights that the run starts from into the model's transformer.

    Raises:
        InvalidRequest: they belong to another transformer.
    """
    if not run.init:
        return
    path = Path(run.init)
    path = path / WEIGHTS_FILE if (path / WEIGHTS_FILE).is_file() else path
    if path.suffix in PICKLE_SUFFIXES:
        wan = load_causal(path, cache=folder / CACHE_FOLDER)
        weights: dict[str, Tensor] = wan.transformer.state_dict()
    else:
        weights = tensor_files.read_safetensors(path)
    expected = parts.wan.transformer.state_dict()
    if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in expected.items()}:
        raise InvalidRequest(
            f"The weights in {run.init} belong to another transformer than {run.model}.",
            hint="Start from a run of the same model.",
        )
    parts.wan.transformer.load_state_dict(weights)


def _prefix_of(module: torch.nn.Module, student: LatentNetwork) -> str:
    """What stands before the student's transformer's names in the trained module."""
    found = next(name for name, part in module.named_modules() if part is student.transformer)
    return f"{found}."
