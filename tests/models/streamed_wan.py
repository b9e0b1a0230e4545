"""A tiny Wan pipeline whose transformer a memory plan has placed, and LoRAs for it."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from diffsynth.models.wan_video_dit import WanModel
from torch import nn

from tests.models.lora.made import made, modules_of
from tests.models.tiny_wan import tiny_pipeline
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.studio import network_pass
from videosketcher_app.models.wan.image_to_video import WanImageModel
from videosketcher_app.models.wan.memory import placing_of, settle
from videosketcher_app.models.wan.networks import empty_network
from videosketcher_app.models.wan.stops import Stops
from videosketcher_app.models.wan.text_to_video import WanTextModel
from videosketcher_app.models.wan.weights import TRANSFORMER, PartWeights

CPU = torch.device("cpu")
LAYERS = 5  # more than slots, and no multiple of them
SIDE_PX, FRAMES = 32, 5
CALL = {"num_inference_steps": 2, "shift": 5.0, "num_frames": FRAMES}
CALL |= {"width": SIDE_PX, "height": SIDE_PX}
FRAMES_THW3 = np.random.default_rng(4).integers(0, 255, (FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)


def weights(in_dim=16, clip=False):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        dit = WanModel(
            dim=48, in_dim=in_dim, ffn_dim=64, out_dim=16, text_dim=32, freq_dim=32, eps=1e-6,
            patch_size=(1, 2, 2), num_heads=2, num_layers=LAYERS, has_image_input=clip,
        )  # fmt: skip
        for parameter in dit.parameters():
            nn.init.normal_(parameter, std=0.1)
    tensors = {name: value.detach() for name, value in dit.state_dict().items()}
    return PartWeights(
        part=TRANSFORMER,
        source="made",
        shapes={name: tuple(value.shape) for name, value in tensors.items()},
        stored={name: name for name in tensors},
        tensors=tensors,
    )


def model_of(tier, dtype=torch.float32, *, kind=WanTextModel, stored="bf16"):
    """A tiny pipeline whose transformer was placed by the plan."""
    clip = kind is WanImageModel
    in_dim = 36 if clip else 16
    pipe = tiny_pipeline(in_dim=in_dim, clip=clip, require_vae_embedding=clip).to(dtype=dtype)
    plan = MemoryPlan(budget_bytes=1 << 40, tier=tier, weights_dtype=stored)
    placing = placing_of(plan, CPU, dtype, working_bytes=1)
    given = weights(in_dim, clip)
    pipe.dit = settle(empty_network(given, num_heads=2), given, placing, small=True)
    pipe.vram_management_enabled = placing.manages
    stops = Stops()
    model = kind(name="tiny", pipe=pipe, stops=stops, network_pass=network_pass(pipe, plan, stops))
    return model.settled()


def drawn(model, cfg_scale=3.0):
    *_, (_, latents, _) = model.denoise(["a cat"], [5], cfg_scale=cfg_scale, **CALL)
    return latents


def adapter(network, seed=0, **how):
    return adapter_from(made(modules_of(network), seed=seed, **how), source=f"lora {seed}")


def fingerprint(network):
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def is_parked(blocks):
    """Every weight lies where its block waits."""
    return all(
        tensor.data_ptr() == view.data_ptr()
        for waiting in blocks._waiting
        for tensor, view in zip(waiting.tensors, waiting.views, strict=True)
    )


def with_differences(network):
    """A LoRA that changes norms, biases and modulations of some blocks too, and one whole matrix."""
    random = torch.Generator().manual_seed(8)
    tensors = made(modules_of(network), seed=8)
    for name, ending in (
        ("blocks.0.norm3", "diff"),
        ("blocks.3.self_attn.q", "diff_b"),
        ("blocks.4", "diff_m"),
        ("blocks.2.self_attn.norm_q", "diff"),
        ("head.head", "diff"),
    ):
        own = {"diff": "weight", "diff_b": "bias", "diff_m": "modulation"}[ending]
        shape = network.get_parameter(f"{name}.{own}").shape
        tensors[f"{name}.{ending}"] = torch.randn(shape, generator=random)
    return adapter_from(tensors, source="with differences")
