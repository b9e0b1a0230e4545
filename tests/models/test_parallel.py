"""Two processes draw what one draws: tokens shared, and guidance shared."""

from __future__ import annotations

import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors.torch import load_file, save_file

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.parallel import SequenceParallel, guided_in_parallel
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.wan.forward import predict_velocity

PROCESSES = 2


def inputs():
    random = torch.Generator().manual_seed(0)
    # 3 x 3 x 5 = 45 tokens: the last piece is padded
    return torch.randn(1, 57, 3, 9, 15, generator=random), torch.randn(2, 5, 32, generator=random)


@torch.inference_mode()
def velocity(dit, x, words, **how):
    return predict_velocity(dit, x, torch.full((1, 1), 600.0), words, **how)


def network():
    dit = tiny_model().transformer
    random = torch.Generator().manual_seed(1)
    for parameter in dit.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.1, generator=random)
    return dit


def draw_on(rank, port, folder):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=PROCESSES
    )
    group = dist.group.WORLD
    dit, (x, words) = network(), inputs()
    shared = velocity(dit, x, words[:1], through=SequenceParallel(group, 2).through)
    guided = guided_in_parallel(
        [lambda: velocity(dit, x, words[:1]), lambda: velocity(dit, x, words[1:])], 3.0, group
    )
    save_file({"shared": shared.contiguous(), "guided": guided}, f"{folder}/{rank}.safetensors")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_draw_what_one_draws(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(draw_on, args=(port, str(tmp_path)), nprocs=PROCESSES, join=True)
    dit, (x, words) = network(), inputs()
    alone, away = velocity(dit, x, words[:1]), velocity(dit, x, words[1:])
    for rank in range(PROCESSES):
        drawn = load_file(tmp_path / f"{rank}.safetensors")
        torch.testing.assert_close(drawn["shared"], alone, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(drawn["guided"], away + 3.0 * (alone - away))


class Group:
    def size(self):
        return 3

    def rank(self):
        return 0


def test_heads_that_cannot_be_shared_are_refused():
    with pytest.raises(InvalidRequest, match="40 heads") as refused:
        SequenceParallel(Group(), 40)
    assert refused.value.hint == "Use 2 devices."
