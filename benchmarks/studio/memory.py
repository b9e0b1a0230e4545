"""Rows `memory` and `pipeline`: 14B in 8 GB and less, under a limit that the allocator enforces."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psutil
import torch
from diffsynth.core.vram.initialization import skip_model_initialization
from diffsynth.models.wan_video_text_encoder import WanTextEncoder
from torch import Tensor, nn

from benchmarks.harness import timed
from benchmarks.lines import Lines
from benchmarks.studio.forward import block_of
from benchmarks.studio.shapes import (
    W480,
    Inputs,
    Setting,
    Size,
    diffsynth_pass,
    inputs,
    made_on,
    network,
    our_pass,
    vae,
    workload,
)
from benchmarks.studio.timing import GB, fastest_attention, forget_peaks, limited_to, peaks
from videosketcher_app.models.fp8 import Fp8Blocks
from videosketcher_app.models.fused import SplitBlock, compiled_block
from videosketcher_app.models.streaming import StreamedBlocks
from videosketcher_app.models.wan.folded_decoder import FoldedDecoder

BF16_GB, FP8_GB, PIPELINE_GB = 8.0, 6.0, 8.0
TOKEN_CHUNKS = 8  # of the feed-forward layer
REPEATS, WARM_UP = 5, 2


def streamed(setting: Setting, lines: Lines) -> None:
    """Resident first, then the same weights streamed in bf16 and in 8 bits."""
    _, dit, given = workload(setting, W480)
    forget_peaks(setting)
    reference_s, _ = _timed(lambda: diffsynth_pass(dit, given), setting)
    block = block_of(setting)
    resident_s, expected = _timed(lambda: our_pass(dit, given, run_block=block), setting)
    lines.write(
        "resident bf16",
        seconds=round(resident_s, 4),
        seconds_reference=round(reference_s, 4),
        memory=peaks(setting),
    )
    dit.blocks = StreamedBlocks(_taken(dit), setting.device)
    common = {"seconds_reference": reference_s, "resident_s": resident_s}
    _limited(dit, given, setting, lines, "streamed bf16", BF16_GB, expected, **common)
    dit.blocks = StreamedBlocks(_in_8_bits(dit.blocks), setting.device)
    _limited(dit, given, setting, lines, "streamed fp8", FP8_GB, expected, **common)


def _limited(
    dit: nn.Module,
    given: Inputs,
    setting: Setting,
    lines: Lines,
    name: str,
    limit_gb: float,
    expected: Tensor,
    *,
    seconds_reference: float,
    resident_s: float,
) -> None:
    """One way to stream, inside its limit; a refusal of memory is written as such."""
    block = lean_block(setting)
    forget_peaks(setting)
    facts: dict[str, Any] = {"limit_gb": limit_gb, "streamed_gb": dit.blocks.num_bytes / GB}
    try:
        with limited_to(limit_gb, setting):
            seconds, found = _timed(lambda: our_pass(dit, given, run_block=block), setting)
    except torch.OutOfMemoryError as error:
        lines.write(name, fits=False, error=str(error).splitlines()[0], **facts)
        return
    error = float((found.float() - expected.float()).norm() / expected.float().norm())
    lines.write(
        name,
        fits=True,
        seconds=round(seconds, 4),
        to_resident=round(seconds / resident_s, 4),
        to_reference=round(seconds / seconds_reference, 4),
        wanted={"streamed bf16": "to_resident <= 1.06", "streamed fp8": "to_reference <= 0.82"}[
            name
        ],
        relative_error=round(error, 6),
        memory=peaks(setting),
        host_gb=round(psutil.Process().memory_info().rss / GB, 2),
        **facts,
    )


def lean_block(setting: Setting) -> SplitBlock:
    """The block with its feed-forward layer in pieces."""
    if setting.is_tiny:
        return SplitBlock(token_chunks=TOKEN_CHUNKS)
    return compiled_block(dynamic=False, token_chunks=TOKEN_CHUNKS)


def _taken(dit: nn.Module) -> Iterator[nn.Module]:
    """The blocks one by one, out of the network, so that memory is freed as they go."""
    blocks = list(dit.blocks)
    dit.blocks = nn.ModuleList()
    while blocks:
        yield blocks.pop(0)


def _in_8_bits(blocks: StreamedBlocks) -> Iterator[nn.Module]:
    for block in blocks:
        own = copy.deepcopy(block)
        Fp8Blocks(own).use(fp8=True)
        yield own


def _timed(work: Callable[[], Tensor], setting: Setting) -> tuple[float, Tensor]:
    """Median seconds after warm-up, and the result."""
    with fastest_attention(setting):
        for _ in range(WARM_UP):
            result = work()
        repeats = 1 if setting.is_tiny else REPEATS
        times = [timed(work, setting.synchronize) for _ in range(repeats)]
    return statistics.median(times), result


def pipeline(setting: Setting, lines: Lines) -> None:
    """Words, one pass of the transformer and 81 frames decoded, each part in the same 8 GB."""
    size = setting.size(W480)
    dit, given = streaming_network(size, setting), inputs(size, setting)
    encoder, decoder = text_encoder(setting), FoldedDecoder(vae(setting), latents_at_a_time=1)
    block, ids = lean_block(setting), torch.ones(1, size.words, dtype=torch.long)
    forget_peaks(setting)
    with limited_to(PIPELINE_GB, setting), torch.inference_mode(), fastest_attention(setting):
        stages = {
            "text encoder": lambda: encoder(ids),
            "transformer": lambda: our_pass(dit, given, run_block=block),
            "vae": lambda: _last(decoder, given.latents_BCFhw),
        }
        for stage, work in stages.items():
            forget_peaks(setting)
            seconds = [timed(work, setting.synchronize) for _ in range(2)]
            lines.write(
                f"pipeline: {stage}",
                limit_gb=PIPELINE_GB,
                seconds=round(seconds[1], 3),
                first_s=round(seconds[0], 3),
                memory=peaks(setting),
            )
    lines.write(
        "pipeline: whole",
        limit_gb=PIPELINE_GB,
        fits=True,
        host_gb=round(psutil.Process().memory_info().rss / GB, 2),
    )


def _last(decoder: FoldedDecoder, latents: Tensor) -> Tensor:
    """Every frame is taken off the device at once, as a player would."""
    return torch.cat([piece.cpu() for piece in decoder.stream(latents)], dim=2)


def streaming_network(size: Size, setting: Setting) -> nn.Module:
    """The transformer, its blocks made and put away one by one: it is never whole on the device."""
    dit = network(replace(size, config=replace(size.config, num_layers=1)), setting)

    def blocks() -> Iterator[nn.Module]:
        for number in range(size.config.num_layers):
            torch.manual_seed(number)
            one = network(replace(size, config=replace(size.config, num_layers=1)), setting)
            yield one.blocks[0]

    dit.blocks = StreamedBlocks(blocks(), setting.device)
    return dit


class _StreamedEncoder:
    """UMT5 with its blocks streamed; the table of words stays where the CPU can look them up."""

    def __init__(self, encoder: WanTextEncoder, table: nn.Embedding, setting: Setting) -> None:
        self._encoder, self._table, self._setting = encoder, table, setting

    def __call__(self, ids_BS: Tensor) -> Tensor:
        """Token ids on the CPU -> embeddings on the device."""
        x_BSD = self._table(ids_BS).to(self._setting.device)
        mask_BS = torch.ones_like(ids_BS, device=self._setting.device)
        for block in self._encoder.blocks:
            x_BSD = block(x_BSD, mask_BS)
        return self._encoder.norm(x_BSD)


def text_encoder(setting: Setting) -> _StreamedEncoder:
    """UMT5-XXL with random weights that wait in the computer's memory."""
    layers = 2 if setting.is_tiny else 24
    sizes = {"dim": 32, "dim_attn": 32, "dim_ffn": 64, "num_heads": 2} if setting.is_tiny else {}
    words = 258 if setting.is_tiny else 256384

    def made() -> WanTextEncoder:
        with made_on(setting):
            return WanTextEncoder(vocab=2, num_layers=1, **sizes).eval().requires_grad_(False)

    encoder = made()
    width = encoder.dim
    encoder.blocks = StreamedBlocks((made().blocks[0] for _ in range(layers)), setting.device)
    with skip_model_initialization():
        table = nn.Embedding(words, width)
    table.weight = nn.Parameter(torch.zeros(words, width, dtype=setting.dtype), requires_grad=False)
    return _StreamedEncoder(encoder, table, setting)
