"""Row `parallel`: a guided step on all GPUs of this host against one of them.

Every process builds the same weights from the same seed. Times are those of the first process.
"""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from benchmarks.harness import parity_of, spread, timed
from benchmarks.lines import Lines
from benchmarks.studio.forward import block_of
from benchmarks.studio.shapes import W480, Setting, our_pass, workload
from benchmarks.studio.timing import fastest_attention
from videosketcher_app.models.parallel import SequenceParallel, guided_in_parallel

CFG_SCALE = 2.0


def parallel(setting: Setting, lines: Lines) -> None:
    """Starts a process a device; on a CPU two of them, which shows only that it runs."""
    is_cuda = setting.device.type == "cuda"
    count = torch.cuda.device_count() if is_cuda else 2
    if count < 2:
        lines.write("guided step, several devices", skipped="there is one GPU", devices=count)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_measure, args=(port, count, setting, lines.path), nprocs=count, join=True)


def _measure(rank: int, port: int, count: int, setting: Setting, path: Path | None) -> None:
    is_cuda = setting.device.type == "cuda"
    device = torch.device("cuda", rank) if is_cuda else setting.device
    if is_cuda:
        torch.cuda.set_device(device)
    setting = Setting(
        device=device, is_tiny=setting.is_tiny, layers=setting.layers, pairs=setting.pairs
    )
    dist.init_process_group(
        "nccl" if is_cuda else "gloo",
        init_method=f"tcp://127.0.0.1:{port}",
        rank=rank,
        world_size=count,
    )
    lines = Lines("studio tiny" if setting.is_tiny else "studio", path) if rank == 0 else None
    try:
        _rows(rank, count, setting, lines)
    finally:
        dist.destroy_process_group()


def _rows(rank: int, count: int, setting: Setting, lines: Lines | None) -> None:
    size, dit, given = workload(setting, W480)
    block = block_of(setting)
    everyone = dist.group.WORLD
    assert everyone is not None, "the processes are joined"
    heads = size.config.num_heads
    halves = [
        dist.new_group(list(range(count // 2))),
        dist.new_group(list(range(count // 2, count))),
    ]
    mine = halves[rank // (count // 2)]
    one = partial(our_pass, dit, given, run_block=block)

    def shared(group: Any) -> Tensor:
        return one(through=SequenceParallel(group, heads).through)

    def alone() -> Tensor:
        return _guided(one(), one())

    def both(group: Any) -> Tensor:
        branch = partial(shared, group) if count > 2 else one
        return guided_in_parallel([branch, branch], CFG_SCALE, everyone)

    ways = {
        "guided step, one device": alone,
        "guided step, tokens shared": lambda: _guided(shared(everyone), shared(everyone)),
        "guided step, guidance and tokens shared": lambda: both(mine),
    }
    expected: Tensor | None = None
    for name, work in ways.items():
        with fastest_attention(setting):
            result = work()
            work()
            dist.barrier()
            seconds = [timed(work, setting.synchronize) for _ in range(setting.pairs)]
        expected = result if expected is None else expected
        parity = parity_of(expected.float().cpu().numpy(), result.float().cpu().numpy())
        if lines is not None:
            lines.write(name, devices=count, seconds=spread(seconds), **vars(parity))


def _guided(with_words: Tensor, without: Tensor) -> Tensor:
    return without + CFG_SCALE * (with_words - without)
