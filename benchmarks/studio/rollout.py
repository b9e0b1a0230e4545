"""Row `rollout`: what a causal 1.3B at 832x480 costs, from noise to frames on the host.

In the mode `sketch` a region from a real drawing is replayed: random weights show no change.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import spread, timed
from benchmarks.lines import Lines
from benchmarks.studio.causal_parts import (
    CLIP_BLOCKS,
    FAST,
    MODES,
    Drawer,
    Mode,
    causal_network,
)
from benchmarks.studio.placed import WAITING, embedded, model_of
from benchmarks.studio.shapes import W480, Setting
from benchmarks.studio.timing import fastest_attention, forget_peaks, limited_to, peaks
from videosketcher_app.models.wan.weights import TEXT

WANTED_CLIP_S = {"exact": 2.5, "exact, tiny decoder": 2.5, "fast": 1.4, "sketch": 0.8}
WANTED_INK_S, WANTED_PREVIEW_S = 0.110, 0.050
WANTED_FULL_INK_S = {"exact": 0.200, "exact, tiny decoder": 0.200, "sketch": 0.130}
WANTED_RATE, WANTED_JITTER = {"fast": 52.0, "sketch": 95.0}, 1.15
WANTED_SWITCH_S, WANTED_LATE, WANTED_GROWTH = 0.3, 1.05, 0.01
SESSION_GB = 8.0
WARM_UP_CLIPS, CLIPS, TURNS, STEADY_BLOCKS, ENDLESS_BLOCKS = 2, 5, 5, 60, 151
LATE_BLOCKS = 10
BLOCK_FRAMES = 12


@torch.inference_mode()
def rollout(setting: Setting, lines: Lines) -> None:
    """Every mode, then a drawing of 1,800 frames and a session in 8 GB."""
    with fastest_attention(setting):
        transformer = causal_network(setting)
        for mode in MODES:
            forget_peaks(setting)
            drawer = Drawer(transformer, mode, setting)
            _clips(drawer, setting, lines)
            _first_ink(drawer, setting, lines)
            _steady(drawer, setting, lines)
            _switched(drawer, setting, lines)
            if mode.fp8:
                _endless(drawer, setting, lines)
            del drawer
        del transformer
        session(setting, lines)


def _clips(drawer: Drawer, setting: Setting, lines: Lines) -> None:
    """81 frames, decoded."""

    def clip() -> None:
        drawer.start()
        for _ in range(CLIP_BLOCKS):
            drawer.block()

    warm_up, repeats = (1, 1) if setting.is_tiny else (WARM_UP_CLIPS, CLIPS)
    cold = [timed(clip, setting.synchronize) for _ in range(warm_up)]
    seconds = spread([timed(clip, setting.synchronize) for _ in range(repeats)])
    lines.write(
        f"81 frames, {drawer.mode.name}",
        wanted_s=WANTED_CLIP_S[drawer.mode.name],
        seconds=seconds,
        cold_s=round(cold[0], 2),
        memory=peaks(setting),
        **_facts(drawer.mode),
    )


def _first_ink(drawer: Drawer, setting: Setting, lines: Lines) -> None:
    """From the turn's start to the block's frames, and to the first estimate's."""
    for known in (1, drawer.mode.window.blocks):
        finals, previews = [], []
        for _ in range(2 if setting.is_tiny else TURNS + 1):
            _drawn(drawer, known)
            drawer.rollout.settle()  # what is known has been read while the pen was down
            finals.append(timed(drawer.block, setting.synchronize))
            _drawn(drawer, known)
            drawer.rollout.settle()
            previews.append(_preview_s(drawer, setting))
        is_full = known > 1
        lines.write(
            f"first ink, {drawer.mode.name}, {3 * known} latent frames known",
            wanted_s=WANTED_FULL_INK_S.get(drawer.mode.name) if is_full else WANTED_INK_S,
            wanted_preview_s=None if is_full else WANTED_PREVIEW_S,
            final_s=spread(finals[1:]),
            preview_s=spread(previews[1:]),
        )


def _preview_s(drawer: Drawer, setting: Setting) -> float:
    """Seconds to a block's first clean estimate, decoded."""
    seen_at: list[float] = []
    setting.synchronize()
    begun = time.perf_counter()
    drawer.block(lambda _frames: seen_at.append(time.perf_counter()))
    return seen_at[0] - begun


def _steady(drawer: Drawer, setting: Setting, lines: Lines) -> None:
    """Frames a second once the window is full, and how even they come."""
    _drawn(drawer, drawer.mode.window.blocks + 1)
    count = 4 if setting.is_tiny else STEADY_BLOCKS
    times = _block_times(drawer, count, setting)
    p50, p95, p99 = (float(np.percentile(times, share)) for share in (50, 95, 99))
    lines.write(
        f"steady rate, {drawer.mode.name}",
        wanted=WANTED_RATE.get(drawer.mode.name),
        frames_a_second=round(BLOCK_FRAMES * count / sum(times), 2),
        block_s={"p50": round(p50, 4), "p95": round(p95, 4), "p99": round(p99, 4)},
        longest_s=round(max(times), 4),
        jitter=round(p99 / p50, 4),
        wanted_jitter=WANTED_JITTER,
        blocks=count,
    )


def _switched(drawer: Drawer, setting: Setting, lines: Lines) -> None:
    """Other words in the middle of a drawing: to the first frames that follow them."""
    seconds = []
    for number in range(2 if setting.is_tiny else TURNS + 1):
        _drawn(drawer, drawer.mode.window.blocks + 1)

        def switch(seed: int = number + 1) -> None:
            drawer.rollout.switch_prompt(drawer.words(seed))
            drawer.block()

        seconds.append(timed(switch, setting.synchronize))
    lines.write(
        f"words changed, {drawer.mode.name}",
        wanted_s=WANTED_SWITCH_S,
        seconds=spread(seconds[1:]),
    )


def _endless(drawer: Drawer, setting: Setting, lines: Lines) -> None:
    """One drawing of 1,800 frames: late blocks against the first seven, recorded beforehand."""
    for _ in range(WARM_UP_CLIPS):
        _drawn(drawer, CLIP_BLOCKS)
    drawer.start()
    early = _block_times(drawer, CLIP_BLOCKS, setting)
    bytes_early = _allocated(setting)
    count = 2 * CLIP_BLOCKS if setting.is_tiny else ENDLESS_BLOCKS
    times = _block_times(drawer, count - CLIP_BLOCKS, setting)
    ratio = statistics.fmean(times[-LATE_BLOCKS:]) / statistics.fmean(early)
    growth = _allocated(setting) / bytes_early - 1 if bytes_early else 0.0
    lines.write(
        f"endless, {drawer.mode.name}",
        wanted=WANTED_LATE,
        ratio=round(ratio, 4),
        growth=round(growth, 5),
        wanted_growth=WANTED_GROWTH,
        frames=BLOCK_FRAMES * count - 3,
    )


def session(setting: Setting, lines: Lines) -> None:
    """Row `session`: drawing together within 8 GB."""
    mode = replace(FAST, decoded_latents=1)
    lines.write("session in 8 GB", **session_within(SESSION_GB, mode, setting))


@torch.inference_mode()
def session_within(limit_gb: float, mode: Mode, setting: Setting) -> dict[str, Any]:
    """Words read, 81 frames drawn and decoded, under a limit that the allocator enforces."""
    forget_peaks(setting)
    facts: dict[str, Any] = {"limit_gb": round(limit_gb, 2)}
    try:
        with limited_to(limit_gb, setting), fastest_attention(setting):
            reader = model_of(setting.size(W480), setting, WAITING, [TEXT])
            embedded(reader, 16)
            reader.pipe.load_models_to_device([])  # its weights wait in the computer's memory
            drawer = Drawer(causal_network(setting), mode, setting)
            for _ in range(CLIP_BLOCKS):
                drawer.block()
    except torch.OutOfMemoryError as error:
        return {"fits": False, "error": str(error).splitlines()[0], **facts}
    return {"fits": True, "memory": peaks(setting), **facts}


def _drawn(drawer: Drawer, blocks: int) -> None:
    drawer.start()
    for _ in range(blocks):
        drawer.block()


def _block_times(drawer: Drawer, count: int, setting: Setting) -> list[float]:
    """Seconds of the next blocks, each with its frames on the host."""
    work: Callable[[], Tensor] = drawer.block
    return [timed(work, setting.synchronize) for _ in range(count)]


def _allocated(setting: Setting) -> int:
    is_cuda = setting.device.type == "cuda"
    return torch.cuda.memory_allocated(setting.device) if is_cuda else 0


def _facts(mode: Mode) -> dict[str, Any]:
    return {"window_blocks": mode.window.blocks, "sink_blocks": mode.window.sink_blocks} | {
        "fp8": mode.fp8,
        "tiny_decoder": mode.tiny_decoder,
        "active_share": mode.active_share,
    }
