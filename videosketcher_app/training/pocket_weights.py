"""The weights that stages of Pocket's training leave to each other and to the product."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.pocket import ModelDefaults, PocketModel
from videosketcher_app.models.quantize import dequantize_rows
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.storage import atomic
from videosketcher_app.storage.tensors import read_safetensors, write_safetensors
from videosketcher_app.training.pocket_run import PocketRun, t2v_config
from videosketcher_app.training.pocket_t2v import PocketNetwork, build_network
from videosketcher_app.training.state import TrainState

VAE_FILE, NETWORK_FILE, TOKENIZER_FILE = "vae.safetensors", "network.safetensors", "tokenizer.json"


def load_vae(folder: Path, device: torch.device) -> PocketVAE:
    """The trained VAE, frozen, in the memory layout that convolutions like."""
    vae = PocketVAE()
    vae.load_state_dict({k: v.float() for k, v in read_safetensors(folder / VAE_FILE).items()})
    vae = vae.to(device).eval().requires_grad_(False)
    return vae.to(memory_format=torch.channels_last)


def load_network(folder: Path, run: PocketRun, tokenizer: PocketTokenizer) -> PocketNetwork:
    """A trained network (its EMA weights), also from int8 weights."""
    network = build_network(t2v_config(run).transformer, len(tokenizer), run.seed)
    network.load_state_dict(dequantize_rows(read_safetensors(folder / NETWORK_FILE)))
    return network


def export(run: PocketRun, folder: Path, target: Path, *, quantized: bool = True) -> PocketModel:
    """Makes the folder that the product loads from a trained stage's folder."""
    tokenizer = read_tokenizer(folder)
    network = load_network(folder, run, tokenizer)
    distilled = run.stage in {"distill", "reward"}
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


def write_network(state: TrainState, tokenizer: PocketTokenizer, folder: Path) -> None:
    """Writes the averaged weights, which every later stage and the product use."""
    write_half(folder / NETWORK_FILE, state.ema)
    atomic.write_text(folder / TOKENIZER_FILE, tokenizer.to_json())


def write_half(path: Path, weights: dict[str, Tensor]) -> None:
    """Writes weights as float16."""
    half = {k: v.detach().to("cpu", torch.float16).contiguous() for k, v in weights.items()}
    write_safetensors(path, half)
