"""MemoryPlan: where a studio model's weights live while it draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

WeightsDtype = Literal["bf16", "fp8", "fp32"]
Tier = Literal["resident", "stream_ram", "stream_disk"]
# In a model's facts: its weights wait in memory that the system did not lock for the card.
PAGEABLE = "pageable memory"


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """Decided from the machine and the budget before a model is loaded.

    Attributes:
        budget_bytes: of device memory, for weights and everything that is computed with them.
        weights_dtype: how weights are stored; arithmetic is in the device's best format anyway.
        tier: `resident` keeps all weights on the device. `stream_ram` keeps them in the computer's
            memory; the transformer's blocks visit the device, three at a time. `stream_disk` keeps
            them in their files and brings each layer when it is needed, and leaves there what the
            budget has room for.
        vae_tiled: pictures are encoded and decoded tile by tile.
    """

    budget_bytes: int
    weights_dtype: WeightsDtype = "bf16"
    tier: Tier = "resident"
    vae_tiled: bool = False

    def __post_init__(self) -> None:
        assert self.budget_bytes > 0, self.budget_bytes
