"""PocketModel: the four parts of a Pocket text-to-video model, and its files.

A folder holds transformer.safetensors and text_encoder.safetensors (int8 by row or float),
vae.safetensors (float16), tokenizer.json and model.json (sizes and default settings).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from videosketcher_app.core.errors import DamagedModel
from videosketcher_app.models.coordinates import coordinate_channels, transformer_input
from videosketcher_app.models.quantize import dequantize_rows, quantize_rows
from videosketcher_app.models.text import PocketTextEncoder, PocketTokenizer, TextConfig
from videosketcher_app.models.vae import PocketVAE, VaeConfig
from videosketcher_app.models.wan.forward import predict_velocity
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
    """

    num_inference_steps: int = 6
    cfg_scale: float = 1.0
    shift: float = 8.0
    width: int = 432
    height: int = 240
    num_frames: int = 81
    fps: int = 16
    multiple_px: int = 24


@dataclass(kw_only=True)
class PocketModel:
    """Networks on one device, ready to draw.

    Attributes:
        dtype: of the networks' arithmetic; latents and timesteps stay float32.
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
    def velocity(self, latents_BCFhw: Tensor, sigma: float, context_BLD: Tensor) -> Tensor:
        """The network's velocity in float32 at one noise level for the whole clip."""
        batch, _, frames, height, width = latents_BCFhw.shape
        coordinates = coordinate_channels(frames, height, width).to(self.device, self.dtype)
        x = transformer_input(latents_BCFhw.to(self.dtype), coordinates)
        timesteps = torch.full((batch, 1), 1000 * sigma, device=self.device)
        return predict_velocity(self.transformer, x, timesteps, context_BLD).float()

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
    vae_config = {k: tuple(v) if isinstance(v, list) else v for k, v in description["vae"].items()}
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


def best_dtype(device: str) -> torch.dtype:
    """bfloat16 on GPUs and on CPUs with bfloat16 instructions, else float32."""
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX512":
        return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else torch.float32
    return torch.float32
