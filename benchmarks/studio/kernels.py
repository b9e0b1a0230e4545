"""Row `kernels`: where a GPU's time goes, kernel by kernel, in what the other rows measure as a whole.

Wan's decoder, a block of every mode of the causal 1.3B, and a few layers of the 14B. Seconds under a
profiler are those of the kernels alone; what is missing to the wall's seconds is the host's.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from benchmarks.lines import Lines
from benchmarks.studio.causal_parts import MODES, Drawer, causal_network
from benchmarks.studio.forward import block_of
from benchmarks.studio.shapes import (
    W480,
    Setting,
    diffsynth_pass,
    our_pass,
    vae,
    workload,
)
from benchmarks.studio.timing import fastest_attention, forget_peaks
from videosketcher_app.models.fp8 import Fp8Blocks
from videosketcher_app.models.wan.channels_last_decoder import ChannelsLastDecoder

LAYERS, SHOWN, NAME_CHARACTERS = 3, 16, 120
WARM_UP = 2


@torch.inference_mode()
def kernels(setting: Setting, lines: Lines) -> None:
    """Decoder first, then the causal modes, then the large transformer."""
    size = setting.size(W480)
    latents = torch.randn(1, 16, *size.clip, device=setting.device, dtype=setting.dtype)
    _told("vae decode", partial(ChannelsLastDecoder(vae(setting)).decode, latents), setting, lines)
    with fastest_attention(setting):
        transformer = causal_network(setting)
        for mode in MODES:
            forget_peaks(setting)
            drawer = Drawer(transformer, mode, setting)
            drawer.start()
            for _ in range(mode.window.blocks + 1):
                drawer.block()
            _told(f"block, {mode.name}", drawer.block, setting, lines)
            del drawer
        del transformer
        _forward(setting, lines)


def _forward(setting: Setting, lines: Lines) -> None:
    few = replace(setting, layers=min(LAYERS, setting.layers or LAYERS))
    _, dit, given = workload(few, W480)
    block = block_of(few)
    name = f"14B, {few.layers} layers"
    _told(f"{name}, diffsynth", lambda: diffsynth_pass(dit, given), few, lines)
    _told(f"{name}, exact", lambda: our_pass(dit, given, run_block=block), few, lines)
    Fp8Blocks(dit.blocks).use(fp8=True)  # type: ignore[arg-type]
    _told(f"{name}, fp8", lambda: our_pass(dit, given, run_block=block), few, lines)


def _told(name: str, work: Callable[[], Any], setting: Setting, lines: Lines) -> None:
    for _ in range(0 if setting.is_tiny else WARM_UP):
        work()
    setting.synchronize()
    begun = time.perf_counter()
    work()
    setting.synchronize()
    wall_s = time.perf_counter() - begun
    is_cuda = setting.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if is_cuda else [])]
    with profile(activities=activities) as found:
        work()
        setting.synchronize()
    wanted = DeviceType.CUDA if is_cuda else DeviceType.CPU
    microseconds: dict[str, list[float]] = defaultdict(list)
    for event in found.events() or []:
        if event.device_type == wanted:
            own = event.time_range.elapsed_us() if is_cuda else event.self_cpu_time_total
            microseconds[event.name].append(own)
    largest = sorted(microseconds.items(), key=lambda item: -sum(item[1]))[:SHOWN]
    lines.write(
        f"kernels: {name}",
        seconds=round(wall_s, 5),
        kernels_s=round(sum(map(sum, microseconds.values())) / 1e6, 5),
        launches=sum(map(len, microseconds.values())),
        largest=[
            {"ms": round(sum(us) / 1e3, 3), "calls": len(us), "kernel": kernel[:NAME_CHARACTERS]}
            for kernel, us in largest
        ],
    )
