"""Studio models with random weights, placed by the product: under a MemoryPlan, by the same code.

Legend: B batch, C channels, F latent frames, h/w latent cells, S words.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_image_encoder import WanImageEncoder, XLMRobertaCLIP
from diffsynth.models.wan_video_text_encoder import WanTextEncoder
from diffsynth.pipelines.wan_video import WanVideoPipeline
from torch import Tensor, nn

from benchmarks.studio.shapes import Inputs, Setting, Size, vae
from benchmarks.studio.timing import GB
from videosketcher_app.core.geometry import SPATIAL_STRIDE
from videosketcher_app.models.lora.adapter import LoraAdapter, adapter_from
from videosketcher_app.models.lora.applying import base_shapes
from videosketcher_app.models.memory_plan import MemoryPlan, WeightsDtype
from videosketcher_app.models.studio import has_fast_decoder, network_pass, working_memory
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder
from videosketcher_app.models.wan.conditions import Conditions
from videosketcher_app.models.wan.image_to_video import FirstFrame, WanImageModel
from videosketcher_app.models.wan.memory import placing_of, settle
from videosketcher_app.models.wan.network import build_transformer
from videosketcher_app.models.wan.passes import Passes
from videosketcher_app.models.wan.stops import Stops
from videosketcher_app.models.wan.text_to_video import WanTextModel
from videosketcher_app.models.wan.weights import IMAGE, TEXT, TRANSFORMER, VAE, PartWeights
from videosketcher_app.services.model_manager.footprint import LORA_RANK

_SLOTS = {TEXT: "text_encoder", TRANSFORMER: "dit", VAE: "vae", IMAGE: "image_encoder"}
_SMALL = (TEXT, TRANSFORMER)  # take the plan's number format, as in `models/wan/assembly`
_ADAPTED = (".q", ".k", ".v", ".o", "ffn.0", "ffn.2")
RESIDENT = MemoryPlan(budget_bytes=1 << 60)
WAITING = MemoryPlan(budget_bytes=1, tier="stream_ram")  # nothing stays on the device


def streaming(limit_gb: float, weights_dtype: WeightsDtype = "bf16") -> MemoryPlan:
    """The plan that streams from memory within a budget."""
    return MemoryPlan(
        budget_bytes=int(limit_gb * GB), weights_dtype=weights_dtype, tier="stream_ram"
    )


@torch.inference_mode(False)
def model_of(
    size: Size,
    setting: Setting,
    plan: MemoryPlan,
    parts: Collection[str] | None = None,
    *,
    kept: dict[str, PartWeights] | None = None,
) -> WanTextModel:
    """A model as the product loads it; one without an encoder or a decoder can do the rest.

    Args:
        kept: weights by part, for several models of one size: read from here, and put here.
    """
    if parts is None:
        parts = (TEXT, TRANSFORMER, VAE, IMAGE) if size.reads_picture else (TEXT, TRANSFORMER, VAE)
    networks = {part: _empty(part, size, setting) for part in parts}
    working_bytes = working_memory(networks[TRANSFORMER]) if TRANSFORMER in networks else 1
    placing = placing_of(plan, setting.device, setting.dtype, working_bytes=working_bytes)
    pipe = WanVideoPipeline(device=str(setting.device), torch_dtype=setting.dtype)
    for part in parts:
        network = networks.pop(part)
        weights = kept.get(part) if kept else None
        weights = weights or _random_weights(part, network, setting)
        if kept is not None:
            kept[part] = weights
        placed = settle(network, weights, placing, small=part in _SMALL)
        setattr(pipe, _SLOTS[part], placed)
    pipe.vram_management_enabled = placing.manages
    stops = Stops()
    own = network_pass(pipe, plan, stops) if TRANSFORMER in parts else None
    fast_decoder = None
    if VAE in parts and has_fast_decoder(placing):
        fast_decoder = ChannelsLastDecoder(pipe.vae, latents_at_a_time=1)
    drawing: dict[str, Any] = {
        "name": "random",
        "pipe": pipe.eval(),
        "stops": stops,
        "network_pass": own,
        "fast_decoder": fast_decoder,
    }
    if IMAGE in parts:
        _, rows, columns = size.clip
        paper_HW3 = np.full((rows * SPATIAL_STRIDE, columns * SPATIAL_STRIDE, 3), 255, np.uint8)
        model: WanTextModel = WanImageModel(**drawing, frame_HW3=paper_HW3)
    else:
        model = WanTextModel(**drawing)
    return model.settled() if TRANSFORMER in parts else model


@torch.inference_mode()
def velocity(model: WanTextModel, given: Inputs, first: FirstFrame | None = None) -> Tensor:
    """One pass of the transformer, as a drawing makes it, by a first frame if there is one."""
    pipe = model.pipe
    passes = Passes(pipe=pipe, precise=True, run=model.network_pass or pipe.model_fn)
    conditions = Conditions(words_BSD=given.words_BSD)
    if first is not None:
        seen = {"y_B20Fhw": first.y_B20Fhw, "clip_feature_BSD": first.clip_feature_BSD}
        conditions = replace(conditions, **seen)
    return passes.guided(given.latents_BCFhw, given.timestep_B, conditions, 1.0)


@torch.inference_mode()
def embedded(model: WanTextModel, num_words: int) -> Tensor:
    """Embeddings (1, S, D) of a prompt of so many tokens."""
    model.pipe.load_models_to_device(["text_encoder"])
    ids = torch.ones(1, num_words, dtype=torch.long, device=model.device)
    return model.text_encoder(ids, torch.ones_like(ids))


def random_lora(network: nn.Module, setting: Setting) -> LoraAdapter:
    """As published: rank 32 for all projections of a block, the feed-forward layer's included."""
    random = torch.Generator("cpu").manual_seed(3)
    tensors: dict[str, Tensor] = {}
    for name, (outputs, inputs_) in _adapted(network).items():
        shapes = {"lora_A": (LORA_RANK, inputs_), "lora_B": (outputs, LORA_RANK)}
        for matrix, shape in shapes.items():
            values = torch.randn(shape, generator=random).mul_(0.01)
            tensors[f"{name}.{matrix}.weight"] = values.to(setting.dtype)
    return adapter_from(tensors, source="a random LoRA")


def _adapted(network: nn.Module) -> dict[str, tuple[int, int]]:
    """Shapes (outputs, inputs) of what a LoRA adapts, by module."""
    shapes = base_shapes(network)
    names = {name.removesuffix(".weight"): shape for name, shape in shapes.items()}
    return {
        name: (shape[0], shape[1])
        for name, shape in names.items()
        if name.startswith("blocks.") and name.endswith(_ADAPTED)
    }


def _empty(part: str, size: Size, setting: Setting) -> Any:
    """A network without weights; the VAE, which is small, has some."""
    if part == VAE:
        return vae(setting)
    with skip_model_initialization():
        if part == TRANSFORMER:
            return build_transformer(size.config, reads_picture=size.reads_picture)
        if part == IMAGE:
            encoder = WanImageEncoder()
            if setting.is_tiny:
                encoder.model = XLMRobertaCLIP(vision_mlp_ratio=0.25, vision_layers=2)
            return encoder
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
