"""A MemoryPlan turned into places for a network's weights.

A transformer that streams from the computer's memory does so by whole blocks (streamed.py). All
else goes by diffsynth's VRAM management, with four states for every layer.

A layer is parked (`offload`), about to be used (`onload`), kept on the device as long as the limit
allows (`preparing`), or brought there for one call (`computation`). Linear layers hold nearly all
weights, so they alone take the plan's number format; norms and convolutions keep the arithmetic's
own, and the few parameters that no layer of the map holds stay on the device, where they are read at
every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch
from diffsynth.core.vram.disk_map import DiskMap
from diffsynth.core.vram.layers import (
    AutoTorchModule,
    AutoWrappedLinear,
    AutoWrappedModule,
    enable_vram_management,
)
from diffsynth.models.wan_video_dit import RMSNorm
from diffsynth.models.wan_video_text_encoder import T5LayerNorm, T5RelativeEmbedding
from diffsynth.models.wan_video_vae import CausalConv3d, RMS_norm, Upsample
from torch import Tensor, nn

from videosketcher_app.models.memory_plan import MemoryPlan
from videosketcher_app.models.wan.streamed import stream_blocks
from videosketcher_app.models.wan.weights import TRANSFORMER, VAE, PartWeights

_GIB = 1024**3
_WEIGHTS = {
    "bf16": torch.bfloat16,
    "fp8": torch.float8_e4m3fn,
    "fp32": torch.float32,
}
# What a layer is wrapped as one piece; Linear layers are wrapped by themselves.
_PIECES: tuple[type[nn.Module], ...] = (
    T5RelativeEmbedding, nn.LayerNorm, nn.Embedding, nn.Conv2d, nn.Conv3d,
    RMSNorm, T5LayerNorm, RMS_norm, CausalConv3d, Upsample,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Where a model's layers go.

    Attributes:
        device, dtype: of the arithmetic.
        limit_gib: of the device's memory in use, by anyone, above which layers no longer stay.
    """

    plan: MemoryPlan
    device: torch.device
    dtype: torch.dtype
    limit_gib: float | None = None

    @property
    def manages(self) -> bool:
        """False if everything just lies on the device in the arithmetic's format."""
        return self.plan.tier != "resident" or self.plan.weights_dtype == "fp8"

    def waiting(self) -> Placing:
        """The same, in the computer's memory; no layer stays on the device after its call."""
        return replace(self, plan=replace(self.plan, tier="stream_ram"), limit_gib=0.0)

    @property
    def streams_blocks(self) -> bool:
        """True if the transformer's blocks visit the device one after another."""
        return self.plan.tier == "stream_ram"

    def staying(self) -> Placing:
        """The same, on the device all the time in the arithmetic's format."""
        dtype = "fp32" if self.plan.weights_dtype == "fp32" else "bf16"
        plan = replace(self.plan, tier="resident", weights_dtype=dtype)
        return replace(self, plan=plan, limit_gib=None)

    @property
    def on_disk(self) -> bool:
        """True if weights stay in their files."""
        return self.plan.tier == "stream_disk"

    def states(self, *, small: bool) -> dict[str, Any]:
        """diffsynth's eight settings; `small` for layers in the plan's number format."""
        stored = _WEIGHTS[self.plan.weights_dtype] if small else self.dtype
        if stored == torch.bfloat16 and self.dtype != torch.bfloat16:
            stored = self.dtype  # a device without bfloat16 keeps what it computes with
        parked: tuple[Any, Any] = {
            "resident": (stored, self.device),
            "stream_ram": (stored, "cpu"),
            "stream_disk": ("disk", "disk"),
        }[self.plan.tier]
        return {
            "offload_dtype": parked[0],
            "offload_device": parked[1],
            "onload_dtype": parked[0],
            "onload_device": parked[1],
            "preparing_dtype": stored,
            "preparing_device": self.device,
            "computation_dtype": self.dtype,
            "computation_device": self.device,
        }


def placing_of(
    plan: MemoryPlan, device: torch.device, dtype: torch.dtype, *, working_bytes: int
) -> Placing:
    """A plan on a device.

    Args:
        working_bytes: of the budget that drawing needs beside weights.
    """
    if device.type == "cpu":
        _lend_memory_calls()
    limit = None
    if plan.tier != "resident":
        room_bytes = plan.budget_bytes - working_bytes
        limit = (_used_bytes(device) + room_bytes) / _GIB if room_bytes > 0 else 0.0
    return Placing(plan=plan, device=device, dtype=dtype, limit_gib=limit)


def settle(network: nn.Module, weights: PartWeights, placing: Placing, *, small: bool) -> nn.Module:
    """Puts weights into an empty network, where the plan wants them.

    Args:
        small: its linear layers take the plan's number format.

    Raises:
        InvalidFile: a file was cut short.
        DamagedModel: a number is NaN or Inf.
    """
    if placing.on_disk:
        return _on_disk(network, weights, placing, small=small)
    if placing.streams_blocks and weights.part == VAE:
        placing = placing.staying()  # small, and called for every frame
    if placing.streams_blocks and weights.part == TRANSFORMER:
        in_rows = placing.plan.weights_dtype == "fp8"
        return stream_blocks(
            network, weights, device=placing.device, dtype=placing.dtype, in_rows=in_rows
        )
    tensors = weights.read()
    if not placing.manages:
        moved = {name: t.to(placing.device, placing.dtype) for name, t in tensors.items()}
        network.load_state_dict(moved, assign=True)
        return network.eval().requires_grad_(False)
    network.load_state_dict(tensors, assign=True)
    _manage(network, placing, small=small)
    for layer in network.modules():
        if isinstance(layer, AutoTorchModule):
            layer.to(dtype=layer.offload_dtype, device=layer.offload_device)
    _settle_rest(network, placing, lambda name: tensors[name])
    return network.eval().requires_grad_(False)


def _on_disk(
    network: nn.Module, weights: PartWeights, placing: Placing, *, small: bool
) -> nn.Module:
    def renamed(_: Mapping[str, Any]) -> dict[str, str]:
        return dict(weights.stored)

    files = [str(file) for file in weights.files]
    disk_map = DiskMap(files, "cpu", state_dict_converter=renamed)
    _manage(network, placing, small=small, disk_map=disk_map)
    _settle_rest(network, placing, disk_map.__getitem__)
    return network.eval().requires_grad_(False)


def _manage(network: nn.Module, placing: Placing, **how: Any) -> None:
    small, disk_map = how.pop("small"), how.pop("disk_map", None)
    passes = (
        (dict.fromkeys(_PIECES, AutoWrappedModule), False),
        ({nn.Linear: AutoWrappedLinear}, small),
    )
    for wrappers, is_small in passes:
        enable_vram_management(
            network,
            wrappers,
            vram_config=placing.states(small=is_small),
            vram_limit=placing.limit_gib,
            disk_map=disk_map,
        )


def _settle_rest(network: nn.Module, placing: Placing, read: Callable[[str], Tensor]) -> None:
    """Parameters outside all wrappers go to the device and stay."""
    for module, name in _unwrapped(network):
        for own in list(module._parameters):
            full = f"{name}.{own}" if name else own
            value = read(full).to(placing.device, placing.dtype)
            module._parameters[own] = nn.Parameter(value, requires_grad=False)


def _unwrapped(module: nn.Module, name: str = "") -> Iterator[tuple[nn.Module, str]]:
    """Modules that no wrapper holds, with their names."""
    if isinstance(module, AutoTorchModule):
        return
    yield module, name
    for child_name, child in module.named_children():
        yield from _unwrapped(child, f"{name}.{child_name}" if name else child_name)


def _used_bytes(device: torch.device) -> int:
    """Of the device's memory, by anyone, as diffsynth counts it."""
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    free, total = getattr(torch, device.type).mem_get_info(device)
    return total - free


def _lend_memory_calls() -> None:
    """diffsynth asks `torch.<device>` for two calls that `torch.cpu` has not."""

    def mem_get_info(_device: Any = None) -> tuple[int, int]:
        memory = psutil.virtual_memory()
        return memory.available, memory.total

    for name, call in (("empty_cache", lambda: None), ("mem_get_info", mem_get_info)):
        if not hasattr(torch.cpu, name):
            setattr(torch.cpu, name, call)
