"""Studio models: published Wan 2.1 weights as models that the engines draw with, like Pocket's.

The files decide what a model is: 16 input channels draw from text, 36 from a condition frame too.
Only what a file cannot tell, how a distilled checkpoint is sampled, goes by the catalogue's name.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

import torch

from videosketcher_app.core.errors import AppError, MissingModel
from videosketcher_app.models.memory_plan import PAGEABLE, MemoryPlan
from videosketcher_app.models.pocket import ModelDefaults, best_dtype
from videosketcher_app.models.published import read_config
from videosketcher_app.models.weights_folder import used_weights

if TYPE_CHECKING:
    from videosketcher_app.models.preview_decoder import PreviewDecoder
    from videosketcher_app.models.wan.memory import Placing
    from videosketcher_app.models.wan.passes import OwnPass
    from videosketcher_app.models.wan.stops import Stops
    from videosketcher_app.models.wan.text_to_video import WanTextModel

logger = logging.getLogger(__name__)
CONFIG_FILE = "config.json"
PREVIEW_ROW = "tiny-decoder"
# Distilled checkpoints, by catalogue name, whose sampling is CausVid's three steps.
_THREE_STEPS = ("causvid-bidirectional-1", "causvid-bidirectional-2")
_THREE_STEPS_DEFAULTS = ModelDefaults(
    num_inference_steps=3, cfg_scale=1.0, shift=8.0, width=832, height=480, multiple_px=16
)
_CLIP_TOKENS = 32_760  # 81 frames of 832x480, the published size


def load_studio(
    name: str,
    files: Mapping[str, Mapping[str, Path]],
    device: str = "cpu",
    *,
    plan: MemoryPlan | None = None,
    attention: str = "torch",
    cache: Path | None = None,
    text_waits: bool = False,
) -> WanTextModel:
    """A Studio model on its device.

    Args:
        files: by row of the catalogue and name of the file: the model's own and what it needs.
        plan: where the weights live; None keeps them all on the device.
        attention: the kernel to draw with, unless a request names another one.
        cache: folder for converted pickles; None takes the workspace's.
        text_waits: on a GPU where all weights stay, the text encoder's wait in the computer's
            memory all the same: for models that read words once and then draw for long.

    Raises:
        MissingModel: a part is not among the files.
        InvalidFile: a file is damaged, or belongs to another model.
        DamagedModel: a weight is NaN or Inf.
        InvalidRequest: the attention kernel does not work here.
    """
    from videosketcher_app.models.wan.assembly import assemble, empty_networks
    from videosketcher_app.models.wan.memory import placing_of
    from videosketcher_app.models.wan.weights import TRANSFORMER, find_parts, tokenizer_folder

    on_disk = plan is not None and plan.tier == "stream_disk"
    paths = [path for row in files.values() for path in row.values()]
    parts = find_parts(paths, cache=cache or _cache(), on_disk=on_disk)
    networks = empty_networks(parts, name, _num_heads(files.get(name, {})))
    tokenizer = tokenizer_folder(paths)
    if tokenizer is None:
        raise MissingModel(
            f"{name} has no tokenizer among its files.",
            hint="The text encoder comes with a folder google/umt5-xxl; put it beside the weights.",
        )
    dtype = arithmetic(device, plan)
    working_bytes = working_memory(networks[TRANSFORMER])
    plan = plan or MemoryPlan(budget_bytes=working_bytes + 1)
    placing = placing_of(plan, torch.device(device), dtype, working_bytes=working_bytes)
    waits = text_waits and plan.tier == "resident" and placing.device.type == "cuda"
    pipe = assemble(parts, networks, tokenizer, placing, text_waits=waits)
    kept = {"memory": plan.tier, "stored": plan.weights_dtype} if plan.tier != "resident" else {}
    kept |= {"text_encoder": "waits in memory"} if waits else {}
    model = _as_model(name, pipe, files, placing)
    kept |= _where_blocks_wait(pipe.dit.blocks)
    return replace(model, memory=kept).settled(attention=attention)


def arithmetic(device: str, plan: MemoryPlan | None = None) -> torch.dtype:
    """What a device computes in: bfloat16 if it can, else float16 on a GPU, else float32."""
    if plan is not None and plan.weights_dtype == "fp32":
        return torch.float32
    if device.startswith("cuda"):
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float16
    return best_dtype(device)


def working_memory(transformer: Any) -> int:
    """Bytes that one pass over 81 frames of 832x480 takes beside the weights.

    Several activations of the width and two of the feed-forward layer in half precision, and the
    rotary embedding's float64 copies of queries and keys.
    """
    width = transformer.dim
    inner = transformer.blocks[0].ffn_dim
    return _CLIP_TOKENS * (24 * width + 4 * inner)


def has_fast_decoder(placing: Placing) -> bool:
    """Whether frames are decoded in channels-last layout: it needs a VAE that stays on a GPU."""
    vae_stays = placing.streams_blocks or not placing.manages
    return placing.device.type == "cuda" and vae_stays and not placing.plan.vae_tiled


def network_pass(pipe: Any, plan: MemoryPlan, stops: Stops) -> OwnPass | None:
    """How a pipeline's transformer is asked; None is diffsynth's own pass.

    Blocks that stream in half precision draw what resident ones draw, bit by bit, so both have one
    pass: on a card with bfloat16 the one by rows, equal to diffsynth's within rounding and faster.
    With 8 bits there is nothing to keep, and the real-valued pass takes less memory.

    Args:
        stops: of the model that draws with it.
    """
    from videosketcher_app.models.compiling import can_compile
    from videosketcher_app.models.lean_block import lean_block
    from videosketcher_app.models.wan.forward import block_forward
    from videosketcher_app.models.wan.passes import OwnPass
    from videosketcher_app.models.wan.row_block import row_block

    device = torch.device(pipe.device)
    in_8_bits = plan.weights_dtype == "fp8"
    if in_8_bits and plan.tier == "stream_ram":
        return OwnPass(stops=stops, name="lean", run_block=lean_block(device))
    takes_kernels = pipe.torch_dtype == torch.bfloat16 and plan.tier in ("resident", "stream_ram")
    if device.type == "cuda" and takes_kernels and not in_8_bits and can_compile("cuda"):
        by_rows = row_block(block_forward)
        return OwnPass(stops=stops, name="by rows", run_block=by_rows, only_faster=True)
    is_small = in_8_bits and plan.tier == "stream_disk"
    # Apple's cards have no float64, in which diffsynth turns queries and keys.
    return OwnPass(stops=stops) if is_small or device.type == "mps" else None


def _where_blocks_wait(blocks: Any) -> dict[str, str]:
    """For a run's files and the picture, if the system did not lock memory for the card."""
    from videosketcher_app.models.streaming import StreamedBlocks

    refused = isinstance(blocks, StreamedBlocks) and blocks.pinning_refused
    return {"waiting_weights": PAGEABLE} if refused else {}


def _as_model(
    name: str,
    pipe: Any,
    files: Mapping[str, Mapping[str, Path]],
    placing: Placing,
) -> WanTextModel:
    from videosketcher_app.models.image_condition import IMAGE_TO_VIDEO_CHANNELS
    from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder
    from videosketcher_app.models.wan.image_to_video import WanImageModel
    from videosketcher_app.models.wan.sampling import FewSteps
    from videosketcher_app.models.wan.stops import Stops
    from videosketcher_app.models.wan.text_to_video import WanTextModel

    stops, fast_decoder = Stops(), None
    if has_fast_decoder(placing):
        # One latent frame at a time: no more memory than the VAE's own decoder takes.
        fast_decoder = ChannelsLastDecoder(pipe.vae, latents_at_a_time=1)
    common: dict[str, Any] = {
        "name": name,
        "pipe": pipe,
        "hashes": _known_hashes(files),
        "tiled": placing.plan.vae_tiled,
        "fast_decoder": fast_decoder,
        "stops": stops,
        "network_pass": network_pass(pipe, placing.plan, stops),
    }
    if pipe.dit.patch_embedding.in_channels == IMAGE_TO_VIDEO_CHANNELS:
        model: WanTextModel = WanImageModel(**common)
    else:
        model = WanTextModel(**common)
    if name in _THREE_STEPS:
        model = replace(model, few_steps=FewSteps(), defaults=_THREE_STEPS_DEFAULTS)
    preview = _preview_decoder(model.device, pipe.torch_dtype)
    return replace(model, preview_decoder=preview)


def _preview_decoder(device: torch.device, dtype: torch.dtype) -> PreviewDecoder | None:
    """The tiny decoder, if it is on this disk; a damaged one costs the previews, not the drawing."""
    from videosketcher_app.models.catalogue import files_here, model_row
    from videosketcher_app.models.preview_decoder import PreviewDecoder
    from videosketcher_app.models.wan.weights import PREVIEW, find_parts

    files = files_here(model_row(PREVIEW_ROW))
    if not files:
        return None
    with torch.device("meta"):
        decoder = PreviewDecoder()
    try:
        parts = find_parts(files.values(), cache=_cache(), on_disk=False)
        if PREVIEW not in parts:
            logger.warning("%s is no preview decoder; previews are left out", PREVIEW_ROW)
            return None
        parts[PREVIEW].check(decoder)
        weights = parts[PREVIEW].read()
    except AppError as error:
        logger.warning("previews are left out: %s", error)
        return None
    decoder.load_state_dict({k: v.to(device, dtype) for k, v in weights.items()}, assign=True)
    if device.type == "cuda":  # where convolutions are quickest so
        decoder = decoder.to(memory_format=torch.channels_last)
    return decoder.eval().requires_grad_(False)


def _known_hashes(files: Mapping[str, Mapping[str, Path]]) -> dict[str, str]:
    """SHA-256 of the files, as far as the catalogue has them; hashing 57 GB takes minutes."""
    from videosketcher_app.models.catalogue import model_rows

    rows = {row.name: row for row in model_rows()}
    return {
        file.path: file.sha256
        for row in files
        if row in rows
        for file in rows[row].files
        if file.sha256 is not None
    }


def _num_heads(own: Mapping[str, Path]) -> int | None:
    """Of a transformer that says so in a config.json beside it."""
    folders = {path.parent for path in own.values()}
    found = [read_config(folder / CONFIG_FILE).get("num_heads") for folder in sorted(folders)]
    return next((heads for heads in found if heads), None)


def _cache() -> Path:
    """The workspace's folder for converted pickles."""
    weights = used_weights()
    root = weights.root.parent if weights is not None else Path(gettempdir()) / "videosketcher"
    return root / "cache" / "converted"
