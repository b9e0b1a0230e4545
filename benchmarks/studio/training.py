"""Rows `training-limits` and `training-speed`: LoRA steps on 14B and 1.3B, and a causal step.

Steps are whole: forward, backward, clipping, optimizer, and for ours the average of the weights.
diffsynth's own step computes every block again in the backward pass; ours keeps what attention gives
(and what it reads, where there is room), and computes the rest again. In 12 GB the weights visit
block by block: by itself under a limit that the allocator enforces, and in turns with the other two.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens, S words.
"""

from __future__ import annotations

import copy
import dataclasses
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from diffsynth.pipelines.wan_video import model_fn_wan_video
from torch import Tensor, nn

from benchmarks.harness import WARM_UP_PASSES, timed
from benchmarks.lines import Lines
from benchmarks.studio.causal_parts import W480_AR
from benchmarks.studio.shapes import (
    TINY_SIZE,
    W480,
    Inputs,
    Setting,
    Size,
    inputs,
    network,
    workload,
)
from benchmarks.studio.timing import GB, fastest_attention, forget_peaks, limited_to, peaks
from videosketcher_app.models.adapters import TARGETS, AdapterConfig, inject
from videosketcher_app.models.causal_wan import BLOCK_LATENT_FRAMES
from videosketcher_app.models.fused import checkpointed_block
from videosketcher_app.models.lean_pass import LeanPass
from videosketcher_app.models.streamed_training import arranged
from videosketcher_app.models.training_memory import (
    StepSize,
    TrainingWay,
    host_bytes,
    step_size,
    told,
    way_for,
)
from videosketcher_app.models.wan.forward import BlockCausalAttention, predict_velocity
from videosketcher_app.training.losses import weighted_flow_loss
from videosketcher_app.training.state import TrainState, ema_of

LORA_RANK, SMALL_RANK = 32, 16
LORA_GB, SMALL_LORA_GB = 12.0, 8.0
WANTED_IN_12_GB = 1.15  # of our step with all weights on the device
CLIP_NORM, EMA_DECAY = 1.0, 0.98
W480_33 = replace(W480_AR, clip=(9, 60, 104))  # 33 frames
WANTED_LORA, WANTED_CAUSAL = 0.75, 0.65
Forward = Callable[[], Tensor]


def limits(setting: Setting, lines: Lines) -> None:
    """LoRA steps inside their limits, while nothing else is on the card."""
    with fastest_attention(setting):
        _limited(setting, lines, "1.3B", W480_33, SMALL_RANK, SMALL_LORA_GB)
        _limited(setting, lines, "14B", W480, LORA_RANK, LORA_GB)


def speed(setting: Setting, lines: Lines) -> None:
    """Steps in turns with their references."""
    with fastest_attention(setting):
        _causal(setting, lines)
        _lora_14b(setting, lines)


def _lora_14b(setting: Setting, lines: Lines) -> None:
    """diffsynth's step, ours, and ours with weights that visit, on the same weights."""
    dit: Any
    size, dit, given = workload(setting, W480)
    twin = _sharing(dit)
    visiting = [copy.deepcopy(block).cpu() for block in dit.blocks]
    ends = network(_one_layer(size), setting)
    ends.load_state_dict({k: v for k, v in dit.state_dict().items() if k in ends.state_dict()})
    for each in (dit, twin):
        inject(each, AdapterConfig(rank=LORA_RANK))
    resident = TrainingWay(holding="resident")
    small = _way(_sized(size, setting, LORA_RANK), LORA_GB, setting)
    injected = (_injected(visiting.pop(0), LORA_RANK) for _ in range(len(visiting)))
    steps = {
        "diffsynth": _Step(dit, given, _diffsynth(dit, given, setting)),
        "ours": _ours_step(_made(twin, resident, setting), given),
        "ours in 12 GB": _ours_step(
            _made(ends, small, setting, injected, size.config.num_layers), given
        ),
    }
    facts: dict[str, Any] = {"rank": LORA_RANK, "wanted_in_12_gb": WANTED_IN_12_GB}
    seconds = _compared("LoRA step, 14B, 832x480x81", steps, WANTED_LORA, setting, lines, **facts)
    lines.write(
        "LoRA step, 14B, 832x480x81, in 12 GB to all weights on the card",
        wanted=WANTED_IN_12_GB,
        ratio_in_turns=round(seconds["ours in 12 GB"] / seconds["ours"], 4),
        ratio_to_diffsynth=round(seconds["ours in 12 GB"] / seconds["diffsynth"], 4),
    )


def _diffsynth(dit: Any, given: Inputs, setting: Setting) -> Forward:
    """diffsynth's pass for training: every block is computed again in the backward pass."""

    def forward() -> Tensor:
        return model_fn_wan_video(
            dit=dit,
            latents=given.latents_BCFhw,
            timestep=given.timestep_B.to(setting.dtype),
            context=given.words_BSD,
            use_gradient_checkpointing=True,
        )

    return forward


def _limited(
    setting: Setting, lines: Lines, model: str, full: Size, rank: int, limit_gb: float
) -> None:
    """The way that the product chooses for a budget, inside that budget."""
    size = setting.size(full)
    shape, given = _sized(size, setting, rank), inputs(size, setting)
    way = _way(shape, limit_gb, setting)
    facts: dict[str, Any] = {
        "limit_gb": limit_gb,
        "rank": rank,
        "way": dataclasses.asdict(way),
        "estimate_gb": dict(told(shape, way)),
        "pinned_gb": round(host_bytes(shape, way) / GB, 2),
    }
    name = f"LoRA step within {limit_gb:g} GB, {model}, 832x480x{full.num_frames}"
    forget_peaks(setting)
    try:
        with limited_to(limit_gb, setting):
            ends = network(_one_layer(size), setting)
            fresh = _fresh(size, setting, rank)
            made = _made(ends, way, setting, fresh, size.config.num_layers)
            seconds = _seconds({"ours": _ours_step(made, given)}, setting)["ours"]
    except torch.OutOfMemoryError as error:
        lines.write(name, fits=False, error=str(error).splitlines()[0], **facts)
        return
    lines.write(name, fits=True, seconds=round(seconds, 4), memory=peaks(setting), **facts)


def _sized(size: Size, setting: Setting, rank: int) -> StepSize:
    how = {"rank": rank, "targets": TARGETS, "value_bytes": setting.dtype.itemsize}
    return step_size(size.config, size.clip, **how)


def _way(shape: StepSize, budget_gb: float, setting: Setting) -> TrainingWay:
    """What the product chooses; on a tiny network, everything at once."""
    if setting.is_tiny:
        return TrainingWay(holding="streamed", kept_on_host=True, frames_at_a_time=2)
    return way_for(shape, round(budget_gb * GB))


def _one_layer(size: Size) -> Size:
    return replace(size, config=replace(size.config, num_layers=1))


def _sharing(dit: nn.Module) -> nn.Module:
    """Another network on the same weights."""
    return copy.deepcopy(dit, {id(weight): weight for weight in dit.parameters()})


def _injected(block: nn.Module, rank: int) -> nn.Module:
    inject(nn.ModuleList([block]), AdapterConfig(rank=rank))
    return block


def _fresh(size: Size, setting: Setting, rank: int) -> Iterator[nn.Module]:
    """Blocks with random weights, made one by one: in a small limit they never fit all at once."""
    for _ in range(size.config.num_layers):
        made: Any = network(_one_layer(size), setting)
        yield _injected(made.blocks[0], rank)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Made:
    """A transformer that the product has made ready to train."""

    dit: nn.Module
    through: LeanPass


def _made(
    dit: nn.Module,
    way: TrainingWay,
    setting: Setting,
    blocks: Iterator[nn.Module] | None = None,
    num_blocks: int = 0,
) -> _Made:
    is_compiled = not setting.is_tiny
    through = arranged(
        dit, way, setting.device, blocks=blocks, num_blocks=num_blocks, is_compiled=is_compiled
    )
    return _Made(dit=dit, through=through)


def _ours_step(made: _Made, given: Inputs) -> _Step:
    def forward() -> Tensor:
        return predict_velocity(
            made.dit,
            given.latents_BCFhw,
            given.timestep_B[:, None],
            given.words_BSD,
            through=made.through,
        )

    return _Step(made.dit, given, forward, is_whole=True)


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
    """One optimizer step on what the network trains; the target is noise.

    Args:
        is_whole: with what our loop does besides: it clips the gradient and averages the weights.
    """

    def __init__(
        self, dit: nn.Module, given: Inputs, forward: Forward, *, is_whole: bool = False
    ) -> None:
        self._forward, self._given, self._is_whole = forward, given, is_whole
        trained = [p for p in dit.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(trained, lr=0.0, fused=trained[0].is_cuda)
        self._weight_B = torch.ones(1, device=given.latents_BCFhw.device)
        self._trained = trained
        self._state = TrainState(
            module=nn.ParameterList(trained),
            ema=ema_of(nn.ParameterList(trained)) if is_whole else {},
            optimizers=[self._optimizer],
        )

    def __call__(self) -> Tensor:
        noise = self._given.latents_BCFhw
        loss = weighted_flow_loss(self._forward(), noise, torch.zeros_like(noise), self._weight_B)
        loss.backward()
        if self._is_whole:
            nn.utils.clip_grad_norm_(self._trained, CLIP_NORM)
        self._optimizer.step()
        if self._is_whole:
            self._state.update_ema(EMA_DECAY)
        self._optimizer.zero_grad(set_to_none=True)
        return loss.detach()


def _compared(
    name: str,
    steps: dict[str, _Step],
    wanted: float,
    setting: Setting,
    lines: Lines,
    **facts: Any,
) -> dict[str, float]:
    """All ways in turns; the learning rate is 0, so that their losses must agree.

    Returns:
        The median seconds of each; the ratio written is that of the second to the first.
    """
    reference, ours, *_ = steps
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
    return seconds


def _seconds(steps: dict[str, _Step], setting: Setting) -> dict[str, float]:
    """Median seconds of every way, taken in turns after warm-up."""
    for _ in range(1 if setting.is_tiny else WARM_UP_PASSES):
        for step in steps.values():
            step()
    times: dict[str, list[float]] = {way: [] for way in steps}
    for _ in range(setting.pairs):
        for way, step in steps.items():
            times[way].append(timed(step, setting.synchronize))
    return {way: statistics.median(each) for way, each in times.items()}
