"""A WanVideoPipeline from the published files of its parts, on a device, under a memory plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from diffsynth.models.wan_video_text_encoder import HuggingfaceTokenizer
from diffsynth.pipelines.wan_video import WanVideoPipeline
from torch import nn

from videosketcher_app.core.errors import InvalidFile, MissingModel
from videosketcher_app.models.wan.memory import Placing, settle
from videosketcher_app.models.wan.networks import empty_network
from videosketcher_app.models.wan.weights import IMAGE, TEXT, TRANSFORMER, VAE, PartWeights

TEXT_TOKENS = 512
_SLOTS = {TRANSFORMER: "dit", TEXT: "text_encoder", VAE: "vae", IMAGE: "image_encoder"}
_NEEDED = (TRANSFORMER, TEXT, VAE)
# Linear layers of these take the plan's number format; the VAE's and CLIP's make the picture.
_SMALL = (TRANSFORMER, TEXT)


def assemble(
    parts: Mapping[str, PartWeights],
    networks: Mapping[str, nn.Module],
    tokenizer: Path,
    placing: Placing,
    *,
    text_waits: bool = False,
) -> WanVideoPipeline:
    """The pipeline, ready to draw.

    Args:
        networks: of `empty_networks`.
        tokenizer: folder of the text encoder's tokenizer.
        text_waits: the text encoder stays in the computer's memory and visits the device layer by
            layer, which leaves the room to what draws.

    Raises:
        InvalidFile: a file is damaged, or the tokenizer is none.
        DamagedModel: a weight is NaN or Inf.
    """
    pipe = WanVideoPipeline(device=str(placing.device), torch_dtype=placing.dtype)
    pipe.tokenizer = read_tokenizer(tokenizer)
    for part, network in networks.items():
        own = placing
        if part == TEXT and placing.dtype == torch.float16:
            own = replace(placing, dtype=torch.float32)  # UMT5 overflows in float16
        if part == TEXT and text_waits:
            own = own.waiting()
        settled = settle(network, parts[part], own, small=part in _SMALL)
        setattr(pipe, _SLOTS[part], settled)
    pipe.vram_management_enabled = placing.manages
    return pipe.eval()


def empty_networks(
    parts: Mapping[str, PartWeights], name: str, num_heads: int | None = None
) -> dict[str, nn.Module]:
    """The networks that a model draws with, without weights; all names and shapes are right.

    Raises:
        MissingModel: a part is not among the files.
        InvalidFile: one has other tensors than such a network.
    """
    for part in _NEEDED:
        if part not in parts:
            raise MissingModel(
                f"{name} has no {part} among its files.",
                hint=f"`python -m videosketcher_app models where {name}` lists what is there.",
            )
    return {
        part: empty_network(parts[part], num_heads if part == TRANSFORMER else None)
        for part in _SLOTS
        if part in parts
    }


def read_tokenizer(folder: Path) -> HuggingfaceTokenizer:
    """UMT5's tokenizer, which cleans the text and pads it to 512 tokens.

    Raises:
        InvalidFile: the folder holds none that can be read.
    """
    try:
        return HuggingfaceTokenizer(
            name=str(folder), seq_len=TEXT_TOKENS, clean="whitespace", local_files_only=True
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise InvalidFile(
            f"The tokenizer in {folder} cannot be read.",
            hint="Download the text encoder's google/umt5-xxl folder again.",
        ) from error
