"""What the recipes of causal models need of a model by name: Pocket and Wan behind one face.

A recipe reads latents and ready text embeddings, so it needs the transformer alone. VAE and text
encoder serve before that, when latents and embeddings are made, and may be missing.

Legend: B batch, C channels, F latent frames, T frames, H/W pixels, h/w latent cells, L tokens,
D width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.models.adapters import ADAPTER_FILE
from videosketcher_app.models.catalogue import (
    folder_of_model,
    is_image_conditioned,
    list_models,
    load_adapter_folder,
    load_text_model,
)
from videosketcher_app.models.causal_wan import CausalWan, causal_pocket
from videosketcher_app.models.pocket import MODEL_FILE, PocketModel, load_pocket
from videosketcher_app.models.published import load_causal
from videosketcher_app.storage import atomic
from videosketcher_app.storage import tensors as tensor_files

if TYPE_CHECKING:
    from diffsynth.pipelines.wan_video import WanVideoPipeline

WEIGHTS_FILE = "transformer.safetensors"
MODEL_FOLDER = "model"
WAN_ENCODERS = "wan 2.1"  # one VAE and one text encoder serve every size


@dataclass(frozen=True, kw_only=True, eq=False)
class CausalParts:
    """A text-to-video model as the recipes see it, in float32.

    Attributes:
        wan: the transformer and what its family does differently; prompts are padded to
            `wan.text_tokens`.
        negative_prompt: what guidance moves away from.
        encoders: names the VAE and the text encoder; latents of one set fit all models that share
            them.
        size: width, height and frames that the model is meant for.
        encode_clip: frames (T, H, W, 3), uint8 -> latents (C, F, h, w), float32.
        encode_prompt: words -> embeddings (L, D), zero past the prompt's end.
        pocket: the whole model, for families that are saved as a folder.
    """

    name: str
    wan: CausalWan
    negative_prompt: str
    encoders: str
    size: tuple[int, int, int]
    encode_clip: Callable[[NDArray[np.uint8]], Tensor]
    encode_prompt: Callable[[str], Tensor]
    pocket: PocketModel | None = None

    def save(self, weights: Mapping[str, Tensor], folder: Path, *, num_steps: int) -> None:
        """Writes a trained transformer: exact, for the next stage, and as a model that draws.

        Args:
            weights: of the transformer, by its own names.
            num_steps: denoising steps of a block when it draws.
        """
        exact = {name: w.detach().to("cpu").contiguous() for name, w in weights.items()}
        tensor_files.write_safetensors(folder / WEIGHTS_FILE, exact)
        if self.pocket is not None:
            transformer = self.pocket.transformer
            transformer.load_state_dict(exact)
            defaults = replace(self.pocket.defaults, num_causal_steps=num_steps)
            drawing = replace(self.pocket, defaults=defaults)
            drawing.save(folder / MODEL_FOLDER, quantized=False)
            return
        heads = self.wan.transformer.blocks[0].num_heads
        half = {name: w.to(torch.bfloat16) for name, w in exact.items()}
        tensor_files.write_safetensors(folder / MODEL_FOLDER / WEIGHTS_FILE, half)
        config = {"num_heads": heads, "text_len": self.wan.text_tokens}
        atomic.write_json(folder / MODEL_FOLDER / "config.json", config)


def load_parts(model: str, cache: Path, device: str = "cpu") -> CausalParts:
    """A model of the catalogue, a Pocket folder, or the file of a causal Wan transformer.

    Args:
        cache: folder for converted files.

    Raises:
        InvalidRequest: there is no such model, or it draws from a picture.
        MissingModel: its weights are not on this disk.
    """
    path = Path(model)
    if (path / MODEL_FILE).is_file():
        return pocket_parts(_pocket_of(path, device))
    if path.exists():
        return transformer_parts(load_causal(path, cache=cache, device=device), path.stem)
    if is_image_conditioned(model):
        raise InvalidRequest(
            f"{model} draws with a brush, from a picture.", hint="Choose a text-to-video model."
        )
    family = next(row["family"] for row in list_models() if row["name"] == model)
    if family == "pocket":
        return pocket_parts(_pocket_of(folder_of_model(model), device))
    return pocket_parts(load_text_model(model, device))


def pocket_parts(model: PocketModel) -> CausalParts:
    """The parts of a Pocket model."""
    d = model.defaults

    @torch.inference_mode()
    def encode_clip(frames_THW3: NDArray[np.uint8]) -> Tensor:
        clip = torch.from_numpy(np.ascontiguousarray(frames_THW3)).permute(3, 0, 1, 2)[None]
        return model.vae.encode(clip.to(model.device, model.dtype) / 127.5 - 1)[0].float()

    def encode_prompt(prompt: str) -> Tensor:
        return model.encode_prompts([prompt])[0].float()

    tokens = model.text_encoder.position.shape[1]
    return CausalParts(
        name=model.name,
        wan=replace(causal_pocket(model), text_tokens=tokens),
        negative_prompt="",
        encoders=f"pocket {_digest_of(model.vae, model.text_encoder)}",
        size=(d.width, d.height, d.num_frames),
        encode_clip=encode_clip,
        encode_prompt=encode_prompt,
        pocket=model,
    )


def wan_parts(pipe: WanVideoPipeline, name: str) -> CausalParts:
    """The parts of a Wan text-to-video pipeline that is loaded."""
    from videosketcher_app.models.wan.image_to_video import NEGATIVE_PROMPT

    device, dtype = torch.device(pipe.device), pipe.torch_dtype
    wan = CausalWan(transformer=pipe.dit, device=device, dtype=dtype)  # type: ignore[arg-type]

    @torch.inference_mode()
    def encode_clip(frames_THW3: NDArray[np.uint8]) -> Tensor:
        clip = torch.from_numpy(np.ascontiguousarray(frames_THW3)).permute(3, 0, 1, 2)
        scaled = (clip / 127.5 - 1).to(device, dtype)
        return pipe.vae.encode([scaled], device=device, tiled=False)[0].float()

    @torch.inference_mode()
    def encode_prompt(prompt: str) -> Tensor:
        ids, mask = pipe.tokenizer(prompt, return_mask=True, add_special_tokens=True)
        embeddings = pipe.text_encoder(ids.to(device), mask.to(device))[0]
        return embeddings * mask[0].gt(0)[:, None].to(embeddings)

    return CausalParts(
        name=name,
        wan=wan,
        negative_prompt=NEGATIVE_PROMPT,
        encoders=WAN_ENCODERS,
        size=(832, 480, 81),
        encode_clip=encode_clip,
        encode_prompt=encode_prompt,
    )


def transformer_parts(wan: CausalWan, name: str) -> CausalParts:
    """A transformer alone: it trains on latents and embeddings that are there already."""
    from videosketcher_app.models.wan.image_to_video import NEGATIVE_PROMPT

    def missing(_: Any) -> Tensor:
        raise MissingModel(
            f"{name} is a transformer without VAE and text encoder.",
            hint="Make latents and text embeddings first, with `data latents` and a whole model.",
        )

    return CausalParts(
        name=name,
        wan=wan,
        negative_prompt=NEGATIVE_PROMPT,
        encoders=WAN_ENCODERS,
        size=(832, 480, 81),
        encode_clip=missing,
        encode_prompt=missing,
    )


def _pocket_of(folder: Path, device: str) -> PocketModel:
    if (folder / ADAPTER_FILE).is_file():
        return load_adapter_folder(folder, device, torch.float32)
    return load_pocket(folder, device, torch.float32)


def _digest_of(*networks: nn.Module) -> str:
    digest = hashlib.sha256()
    for network in networks:
        for name, value in network.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
