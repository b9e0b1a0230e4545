"""Studio models with random weights, placed by the product: under a MemoryPlan, by the same code.

Legend: B batch, C channels, F latent frames, h/w latent cells, S words.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_text_encoder import WanTextEncoder
from diffsynth.pipelines.wan_video import WanVideoPipeline
from torch import Tensor, nn

from benchmarks.studio.shapes import Inputs, Setting, Size, vae
from benchmarks.studio.timing import GB
from videosketcher_app.models.memory_plan import MemoryPlan, WeightsDtype
from videosketcher_app.models.studio import has_fast_decoder, network_pass, working_memory
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder
from videosketcher_app.models.wan.conditions import Conditions
from videosketcher_app.models.wan.memory import placing_of, settle
from videosketcher_app.models.wan.network import build_transformer
from videosketcher_app.models.wan.passes import Passes
from videosketcher_app.models.wan.stops import Stops
from videosketcher_app.models.wan.text_to_video import WanTextModel
from videosketcher_app.models.wan.weights import TEXT, TRANSFORMER, VAE, PartWeights

ALL_PARTS = (TEXT, TRANSFORMER, VAE)
_SLOTS = {TEXT: "text_encoder", TRANSFORMER: "dit", VAE: "vae"}
RESIDENT = MemoryPlan(budget_bytes=1 << 60)
WAITING = MemoryPlan(budget_bytes=1, tier="stream_ram")  # nothing stays on the device


def streaming(limit_gb: float, weights_dtype: WeightsDtype = "bf16") -> MemoryPlan:
    """The plan that streams from memory within a budget."""
    return MemoryPlan(
        budget_bytes=int(limit_gb * GB), weights_dtype=weights_dtype, tier="stream_ram"
    )


@torch.inference_mode(False)
def model_of(
    size: Size, setting: Setting, plan: MemoryPlan, parts: Collection[str] = ALL_PARTS
) -> WanTextModel:
    """A model as the product loads it; one without an encoder or a decoder can do the rest."""
    networks = {part: _empty(part, size, setting) for part in parts}
    working_bytes = working_memory(networks[TRANSFORMER]) if TRANSFORMER in networks else 1
    placing = placing_of(plan, setting.device, setting.dtype, working_bytes=working_bytes)
    pipe = WanVideoPipeline(device=str(setting.device), torch_dtype=setting.dtype)
    for part in parts:
        network = networks.pop(part)
        weights = _random_weights(part, network, setting)
        placed = settle(network, weights, placing, small=part != VAE)
        setattr(pipe, _SLOTS[part], placed)
    pipe.vram_management_enabled = placing.manages
    stops = Stops()
    own = network_pass(pipe, plan, stops) if TRANSFORMER in parts else None
    fast_decoder = None
    if VAE in parts and has_fast_decoder(placing):
        fast_decoder = ChannelsLastDecoder(pipe.vae, latents_at_a_time=1)
    model = WanTextModel(
        name="random", pipe=pipe.eval(), stops=stops, network_pass=own, fast_decoder=fast_decoder
    )
    return model.settled() if TRANSFORMER in parts else model


@torch.inference_mode()
def velocity(model: WanTextModel, given: Inputs) -> Tensor:
    """One pass of the transformer, as a drawing makes it."""
    pipe = model.pipe
    passes = Passes(pipe=pipe, precise=True, run=model.network_pass or pipe.model_fn)
    conditions = Conditions(words_BSD=given.words_BSD)
    return passes.guided(given.latents_BCFhw, given.timestep_B, conditions, 1.0)


@torch.inference_mode()
def embedded(model: WanTextModel, num_words: int) -> Tensor:
    """Embeddings (1, S, D) of a prompt of so many tokens."""
    model.pipe.load_models_to_device(["text_encoder"])
    ids = torch.ones(1, num_words, dtype=torch.long, device=model.device)
    return model.text_encoder(ids, torch.ones_like(ids))


def _empty(part: str, size: Size, setting: Setting) -> Any:
    """A network without weights; the VAE, which is small, has some."""
    if part == VAE:
        return vae(setting)
    with skip_model_initialization():
        if part == TRANSFORMER:
            return build_transformer(size.config)
        if setting.is_tiny:
            tiny: dict[str, Any] = {
                "vocab": 258,
                "dim": 32,
                "dim_attn": 32,
                "dim_ffn": 64,
                "num_heads": 2,
            }
            return WanTextEncoder(num_layers=2, **tiny)
        return WanTextEncoder()


def _random_weights(part: str, network: nn.Module, setting: Setting) -> PartWeights:
    """In the computer's memory, as files would be; the same for the same network."""
    random = torch.Generator(setting.device).manual_seed(0)
    tensors = {
        name: _random(name, tuple(value.shape), setting, random)
        for name, value in network.state_dict().items()
    }
    return PartWeights(
        part=part,
        source=f"a random {part}",
        shapes={name: tuple(value.shape) for name, value in tensors.items()},
        stored={name: name for name in tensors},
        tensors=tensors,
    )


def _random(name: str, shape: tuple[int, ...], setting: Setting, random: torch.Generator) -> Tensor:
    """Matrices keep the size of what they multiply; norms do nothing, and biases are zero."""
    if len(shape) < 2:
        fill = 0.0 if name.endswith("bias") else 1.0
        return torch.full(shape, fill, dtype=setting.dtype)
    how: dict[str, Any] = {"device": setting.device, "dtype": setting.dtype, "generator": random}
    spread = torch.Size(shape[1:]).numel() ** -0.5
    return torch.randn(shape, **how).mul_(spread).cpu()
