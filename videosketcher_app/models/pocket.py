"""PocketModel: the four parts of a Pocket text-to-video model, and its files.

A folder holds transformer.safetensors and text_encoder.safetensors (int8 by row or float),
vae.safetensors (float16), tokenizer.json and model.json (sizes and default settings). A model that
shares another one's weights has adapter.safetensors and model.json only (models/adapters.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videosketcher_app.core.errors import DamagedModel, MissingModel
from videosketcher_app.models.adapters import (
    ADAPTER_FILE,
    adapted_weights,
    read_adapter,
    save_adapter,
)
from videosketcher_app.models.coordinates import coordinate_channels, transformer_input
from videosketcher_app.models.noise_level import at_noise_level
from videosketcher_app.models.quantize import dequantize_rows, quantize_rows
from videosketcher_app.models.text import PocketTextEncoder, PocketTokenizer, TextConfig
from videosketcher_app.models.vae import PocketVAE, VaeConfig
from videosketcher_app.models.wan.forward import (
    Attention,
    BlockPass,
    dense_attention,
    predict_velocity,
)
from videosketcher_app.models.wan.network import TransformerConfig, build_transformer
from videosketcher_app.storage import atomic
from videosketcher_app.storage import tensors as tensor_files

MODEL_FILE, TOKENIZER_FILE = "model.json", "tokenizer.json"
PARTS = ("transformer", "text_encoder", "vae")


@dataclass(frozen=True, kw_only=True)
class ModelDefaults:
    """Settings that a request leaves open.

    Attributes:
        multiple_px: sizes must be multiples of this.
        cfg_scale: 1 means that guidance is distilled into the weights.
        num_causal_steps: denoising steps of a block, when the model draws block by block.
        causal_keeps_noise: whether these steps keep their noise, see `models.causal_wan.CausalWan`.
        causal_emphasis: of a block's first step, see there and decision 015.
    """

    num_inference_steps: int = 6
    cfg_scale: float = 1.0
    shift: float = 8.0
    width: int = 432
    height: int = 240
    num_frames: int = 81
    fps: int = 16
    multiple_px: int = 24
    num_causal_steps: int = 3
    causal_keeps_noise: bool = False
    causal_emphasis: float = 1.0


@dataclass(kw_only=True)
class PocketModel:
    """Networks on one device, ready to draw.

    Attributes:
        dtype: of the networks' arithmetic; latents and timesteps stay float32.
        image_conditioned: the transformer was trained with condition frames.
        condition_BCFhw: latents of the condition frame to draw by, one latent frame.
        start: latents (1, C, F, h, w) of a clip to draw over, and how much is drawn anew.
    """

    name: str
    transformer: nn.Module
    text_encoder: PocketTextEncoder
    vae: PocketVAE
    tokenizer: PocketTokenizer
    transformer_config: TransformerConfig
    defaults: ModelDefaults = field(default_factory=ModelDefaults)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    dtype: torch.dtype = torch.float32
    hashes: dict[str, str] = field(default_factory=dict)
    image_conditioned: bool = False
    condition_BCFhw: Tensor | None = None
    start: tuple[Tensor, float] | None = None

    def to(self, device: torch.device | str, dtype: torch.dtype) -> PocketModel:
        """Moves the networks; the VAE takes the memory layout that convolutions like."""
        self.device, self.dtype = torch.device(device), dtype
        for network in (self.transformer, self.text_encoder, self.vae):
            network.to(self.device, dtype).eval().requires_grad_(False)
        self.vae.to(memory_format=torch.channels_last)
        return self

    def latent_shape(self, num_frames: int, height: int, width: int) -> tuple[int, int, int, int]:
        """(C, F, h, w) of a clip of this size."""
        return (self.transformer_config.out_dim, (num_frames - 1) // 4 + 1, height // 8, width // 8)

    @torch.inference_mode()
    def encode_prompts(self, prompts: Sequence[str]) -> Tensor:
        """Text embeddings (B, L, text_dim), L as long as the longest prompt needs at most."""
        ids_BL = self.tokenizer.batch(prompts).to(self.device)
        return self.text_encoder(ids_BL)

    @torch.inference_mode()
    def velocity(
        self,
        latents_BCFhw: Tensor,
        sigma: float,
        context_BLD: Tensor,
        *,
        attention: Attention | Sequence[Attention] = dense_attention,
        through: Callable[[BlockPass], Tensor] = BlockPass.run,
    ) -> Tensor:
        """The network's velocity in float32 at one noise level for the whole clip.

        Args:
            attention, through: as in `predict_velocity`.
        """
        batch, _, frames, height, width = latents_BCFhw.shape
        coordinates = coordinate_channels(frames, height, width).to(self.device, self.dtype)
        condition = self.condition_BCFhw
        if condition is not None:
            condition = condition.to(self.dtype).expand(batch, -1, frames, -1, -1)
        x = transformer_input(latents_BCFhw.to(self.dtype), coordinates, condition)
        timesteps = torch.full((batch, 1), 1000 * sigma, device=self.device)
        with at_noise_level(sigma):
            velocity = predict_velocity(
                self.transformer, x, timesteps, context_BLD, attention=attention, through=through
            )
        return velocity.float()

    @torch.inference_mode()
    def paper_latents(self, num_frames: int, height: int, width: int) -> Tensor:
        """Latents (1, C, F, h, w) of a clip of blank paper, float32."""
        clip_BCTHW = torch.ones(1, 3, 9, height, width, device=self.device, dtype=self.dtype)
        return paper_of(self.vae.encode(clip_BCTHW).float(), num_frames)

    @torch.inference_mode()
    def starting_from(self, frames_THW3: NDArray[np.uint8], strength: float) -> PocketModel:
        """The same networks, drawing over a clip of the canvas's size and the drawing's length."""
        pixels = torch.from_numpy(np.ascontiguousarray(frames_THW3)).to(self.device, self.dtype)
        clip_BCTHW = (pixels / 127.5 - 1).permute(3, 0, 1, 2)[None]
        return replace(self, start=(self.vae.encode(clip_BCTHW).float(), strength))

    @torch.inference_mode()
    def conditioned(self, frame_HW3: NDArray[np.uint8]) -> PocketModel:
        """The same networks, drawing by a condition frame of the canvas's size."""
        assert self.image_conditioned, f"{self.name} knows no condition frames"
        pixels = torch.from_numpy(np.ascontiguousarray(frame_HW3)).to(self.device, self.dtype)
        clip_BCTHW = (pixels / 127.5 - 1).permute(2, 0, 1)[None, :, None]
        return replace(self, condition_BCFhw=self.vae.encode(clip_BCTHW).float())

    @torch.inference_mode()
    def decode(self, latents_BCFhw: Tensor) -> Tensor:
        """Frames (B, 3, T, H, W) in [-1, 1], float32."""
        return self.vae.decode(latents_BCFhw.to(self.dtype)).float()

    def save(self, folder: Path, *, quantized: bool = True) -> None:
        """Writes the model's files; transformer and text encoder as int8 by row if `quantized`."""
        for part in PARTS:
            weights = {k: v.detach().cpu() for k, v in getattr(self, part).state_dict().items()}
            small = quantized and part != "vae"
            stored = (
                quantize_rows(weights)
                if small
                else {k: v.to(torch.float16).contiguous() for k, v in weights.items()}
            )
            tensor_files.write_safetensors(folder / f"{part}.safetensors", stored)
        atomic.write_text(folder / TOKENIZER_FILE, self.tokenizer.to_json())
        atomic.write_json(
            folder / MODEL_FILE,
            {
                "name": self.name,
                "transformer": self.transformer_config.to_dict(),
                "text_encoder": self.text_encoder.config_dict(),
                "vae": self.vae.config_dict(),
                "defaults": asdict(self.defaults),
            },
        )


def load_pocket(folder: Path, device: str = "cpu", dtype: torch.dtype | None = None) -> PocketModel:
    """Reads a folder that `PocketModel.save` wrote.

    Args:
        dtype: None picks bfloat16 where the device computes in it, else float32.

    Raises:
        DamagedModel: a file does not fit the others.
    """
    description = json.loads((folder / MODEL_FILE).read_text("utf-8"))
    tokenizer = PocketTokenizer.from_json((folder / TOKENIZER_FILE).read_text("utf-8"))
    config = TransformerConfig(**description["transformer"])
    vae_config: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in description["vae"].items()
    }
    networks: dict[str, nn.Module] = {
        "transformer": build_transformer(config),
        "text_encoder": PocketTextEncoder(TextConfig(**description["text_encoder"])),
        "vae": PocketVAE(VaeConfig(**vae_config)),
    }
    hashes = {}
    for part, network in networks.items():
        path = folder / f"{part}.safetensors"
        stored = tensor_files.read_safetensors(path)
        hashes[path.name] = tensor_files.sha256_of(path)
        try:
            network.load_state_dict(dequantize_rows(stored))
        except RuntimeError as error:
            raise DamagedModel(
                f"{path.name} does not hold the weights of this model.",
                hint="Restore the folder from the repository, or train it again.",
            ) from error
    model = PocketModel(
        name=description["name"],
        transformer=networks["transformer"],
        text_encoder=networks["text_encoder"],  # type: ignore[arg-type]
        vae=networks["vae"],  # type: ignore[arg-type]
        tokenizer=tokenizer,
        transformer_config=config,
        defaults=ModelDefaults(**description["defaults"]),
        hashes=hashes,
    )
    return model.to(device, dtype or best_dtype(device))


def save_adapted(
    folder: Path,
    tensors: Mapping[str, Tensor],
    *,
    name: str,
    base: PocketModel,
    defaults: ModelDefaults,
    config: TransformerConfig | None = None,
    quantized: bool = True,
) -> None:
    """Writes a model that is `base` with an adapter: two files.

    Args:
        tensors: of `models.adapters.adapter_tensors`.
        config: of the adapted transformer if it differs from the base's.
    """
    save_adapter(
        folder / ADAPTER_FILE,
        tensors,
        base=base,
        config=config or base.transformer_config,
        quantized=quantized,
    )
    atomic.write_json(
        folder / MODEL_FILE, {"name": name, "base": base.name, "defaults": asdict(defaults)}
    )


def base_name_of(folder: Path) -> str:
    """The model that a folder of `save_adapted` belongs to.

    Raises:
        MissingModel: the folder holds no such model.
    """
    try:
        description = json.loads((folder / MODEL_FILE).read_text("utf-8"))
        return str(description["base"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingModel(
            f"{folder} holds no adapted model.", hint="Give a folder that training exported."
        ) from error


def load_adapted(
    folder: Path, base_folder: Path, device: str = "cpu", dtype: torch.dtype | None = None
) -> PocketModel:
    """Reads a folder that `save_adapted` wrote, on the base in the other folder.

    Raises:
        DamagedModel: a file does not fit the others.
        InvalidFile: the adapter is none.
    """
    model = load_pocket(base_folder, "cpu", torch.float32)
    path = folder / ADAPTER_FILE
    adapter = read_adapter(path, base=model)
    weights = adapted_weights(model.transformer.state_dict(), adapter)
    transformer = build_transformer(adapter.config)
    try:
        transformer.load_state_dict(weights)
    except RuntimeError as error:
        raise DamagedModel(
            f"{path.name} does not hold the weights of this model.",
            hint="Restore the folder from the repository, or train it again.",
        ) from error
    description = json.loads((folder / MODEL_FILE).read_text("utf-8"))
    model.name, model.transformer = description["name"], transformer
    model.transformer_config = adapter.config
    model.defaults = ModelDefaults(**description["defaults"])
    model.hashes = {**model.hashes, path.name: tensor_files.sha256_of(path)}
    return model.to(device, dtype or best_dtype(device))


def paper_of(begun_BCFhw: Tensor, num_frames: int) -> Tensor:
    """Latents of a still clip of any length, from those of its first frames.

    A causal encoder's answer to a still clip settles after its first latent frames.
    """
    latent_frames = (num_frames - 1) // 4 + 1
    begun_BCFhw = begun_BCFhw[:, :, :latent_frames]
    rest = begun_BCFhw[:, :, -1:].expand(-1, -1, latent_frames - begun_BCFhw.shape[2], -1, -1)
    return torch.cat([begun_BCFhw, rest], dim=2)


def best_dtype(device: str) -> torch.dtype:
    """bfloat16 on GPUs and on CPUs with bfloat16 instructions, else float32."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX512":
        return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
    return torch.float32
