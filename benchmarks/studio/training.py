"""Row `training`: a LoRA's step on 14B and 1.3B, and a step of the causal regression.

Steps are whole: forward, backward, optimizer. diffsynth's own step computes every block again in the
backward pass; ours keeps what attention reads and gives, and computes the rest again.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens, S words.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from diffsynth.pipelines.wan_video import model_fn_wan_video
from torch import Tensor, nn

from benchmarks.harness import WARM_UP_PASSES, timed
from benchmarks.lines import Lines
from benchmarks.studio.causal_parts import W480_AR
from benchmarks.studio.shapes import TINY_SIZE, W480, Inputs, Setting, Size, workload
from benchmarks.studio.timing import fastest_attention, forget_peaks, limited_to, peaks
from videosketcher_app.models.adapters import AdapterConfig, inject
from videosketcher_app.models.causal_wan import BLOCK_LATENT_FRAMES
from videosketcher_app.models.fused import checkpointed_block
from videosketcher_app.models.wan.forward import BlockCausalAttention, predict_velocity
from videosketcher_app.training.losses import weighted_flow_loss

LORA_RANK, SMALL_RANK = 32, 16
SMALL_LORA_GB = 8.0
W480_33 = replace(W480_AR, clip=(9, 60, 104))  # 33 frames
WANTED_LORA, WANTED_CAUSAL = 0.75, 0.65
STEPS = 3
Forward = Callable[[], Tensor]


def training(setting: Setting, lines: Lines) -> None:
    """14B against diffsynth's own step, then 1.3B under its limit, then the causal step."""
    with fastest_attention(setting):
        _lora_14b(setting, lines)
        _lora_1_3b(setting, lines)
        _causal(setting, lines)


def _lora_14b(setting: Setting, lines: Lines) -> None:
    _, dit, given = workload(setting, W480)
    inject(dit, AdapterConfig(rank=LORA_RANK))

    def diffsynth() -> Tensor:
        return model_fn_wan_video(
            dit=dit,
            latents=given.latents_BCFhw,
            timestep=given.timestep_B.to(setting.dtype),
            context=given.words_BSD,
            use_gradient_checkpointing=True,
        )

    steps = {
        "diffsynth": _Step(dit, given, diffsynth),
        "ours": _Step(dit, given, _ours(dit, given, setting)),
    }
    _compared("LoRA step, 14B, 832x480x81", steps, WANTED_LORA, setting, lines, rank=LORA_RANK)


def _lora_1_3b(setting: Setting, lines: Lines) -> None:
    forget_peaks(setting)
    facts = {"rank": SMALL_RANK, "frames": W480_33.num_frames, "limit_gb": SMALL_LORA_GB}
    name = "LoRA step, 1.3B, 832x480x33"
    try:
        with limited_to(SMALL_LORA_GB, setting):
            _, dit, given = workload(setting, W480_33)
            inject(dit, AdapterConfig(rank=SMALL_RANK))
            step = _Step(dit, given, _ours(dit, given, setting))
            seconds = _seconds({"ours": step}, setting)["ours"]
    except torch.OutOfMemoryError as error:
        lines.write(name, fits=False, error=str(error).splitlines()[0], **facts)
        return
    lines.write(name, fits=True, seconds=round(seconds, 4), memory=peaks(setting), **facts)


def _causal(setting: Setting, lines: Lines) -> None:
    """Block-causal attention block by block, against the same mask as a matrix."""
    size, dit, given = workload(setting, _whole_blocks(setting))
    dit.requires_grad_(True)
    frames, rows, columns = size.grid
    block_tokens = BLOCK_LATENT_FRAMES * rows * columns
    mask_LL = _block_mask(frames * rows * columns, block_tokens, setting.device)

    def masked(q_BNLE: Tensor, k_BNLE: Tensor, v_BNLE: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(q_BNLE, k_BNLE, v_BNLE, attn_mask=mask_LL)

    by_blocks = BlockCausalAttention(block_tokens)
    steps = {
        "dense mask": _Step(dit, given, _ours(dit, given, setting, attention=masked)),
        "ours": _Step(dit, given, _ours(dit, given, setting, attention=by_blocks)),
    }
    _compared("causal step, 1.3B, 832x480x81", steps, WANTED_CAUSAL, setting, lines)


def _whole_blocks(setting: Setting) -> Size:
    return replace(TINY_SIZE, clip=(6, 4, 6)) if setting.is_tiny else W480_AR


def _block_mask(num_tokens: int, block_tokens: int, device: torch.device) -> Tensor:
    """(L, L) bool: a token sees its own block and the earlier ones."""
    block_L = torch.arange(num_tokens, device=device) // block_tokens
    return block_L[:, None] >= block_L[None, :]


def _ours(dit: nn.Module, given: Inputs, setting: Setting, **how: Any) -> Forward:
    """Our pass for training."""
    run_block = checkpointed_block(is_compiled=not setting.is_tiny)

    def forward() -> Tensor:
        return predict_velocity(
            dit,
            given.latents_BCFhw,
            given.timestep_B[:, None],
            given.words_BSD,
            run_block=run_block,
            **how,
        )

    return forward


class _Step:
    """One optimizer step on what the network trains; the target is noise."""

    def __init__(self, dit: nn.Module, given: Inputs, forward: Forward) -> None:
        self._forward, self._given = forward, given
        trained = [p for p in dit.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(trained, lr=0.0, fused=trained[0].is_cuda)
        self._weight_B = torch.ones(1, device=given.latents_BCFhw.device)

    def __call__(self) -> Tensor:
        noise = self._given.latents_BCFhw
        loss = weighted_flow_loss(self._forward(), noise, torch.zeros_like(noise), self._weight_B)
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return loss.detach()


def _compared(
    name: str,
    steps: dict[str, _Step],
    wanted: float,
    setting: Setting,
    lines: Lines,
    **facts: Any,
) -> None:
    """Both ways in turns; the learning rate is 0, so that their losses must agree."""
    reference, ours = steps
    memory, losses = {}, {}
    for way, step in steps.items():
        forget_peaks(setting)
        losses[way] = float(step())
        memory[way] = peaks(setting)
    seconds = _seconds(steps, setting)
    lines.write(
        name,
        wanted=wanted,
        ratio=round(seconds[ours] / seconds[reference], 4),
        seconds={way: round(each, 4) for way, each in seconds.items()},
        loss={way: round(each, 5) for way, each in losses.items()},
        memory=memory,
        **facts,
    )


def _seconds(steps: dict[str, _Step], setting: Setting) -> dict[str, float]:
    """Median seconds of every way, taken in turns after warm-up."""
    for _ in range(1 if setting.is_tiny else WARM_UP_PASSES):
        for step in steps.values():
            step()
    times: dict[str, list[float]] = {way: [] for way in steps}
    for _ in range(STEPS):
        for way, step in steps.items():
            times[way].append(timed(step, setting.synchronize))
    return {way: statistics.median(each) for way, each in times.items()}
