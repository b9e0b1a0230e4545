"""ResidualCache: what the blocks added in the last computed step, to be added again.

Legend: B batch, L tokens, D width, A active tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from videosketcher_app.models.wan.forward import BlockPass, time_embedding


class ResidualCache:
    """The state of one branch (with words, or without) of one clip.

    Attributes:
        num_tokens: that were passed through the blocks so far.
        ratios: magnitude of each computed residual over that of the one before, if asked to
            measure.
    """

    def __init__(self, *, measures: bool = False) -> None:
        self._residual_BLD: Tensor | None = None
        self._measures = measures
        self.ratios: list[float] = []
        self.num_tokens = 0

    def compute(
        self, blocks: BlockPass, run: Callable[[BlockPass], Tensor] = BlockPass.run
    ) -> Tensor:
        """Runs the blocks and keeps what they added."""
        out_BLD = run(blocks)
        residual_BLD = out_BLD - blocks.x_BLD
        if self._measures:
            self.ratios.append(_ratio(residual_BLD, self._residual_BLD))
        self._residual_BLD = residual_BLD
        self.num_tokens += out_BLD.shape[1]
        return out_BLD

    def reuse(self, blocks: BlockPass) -> Tensor:
        """Adds what the blocks added last, without running them."""
        assert self._residual_BLD is not None, "a plan begins with a computed step"
        return blocks.x_BLD + self._residual_BLD

    def narrow(self, active_A: Tensor) -> None:
        """Keeps the residual of some tokens, when later passes have only these."""
        if self._residual_BLD is not None:
            self._residual_BLD = self._residual_BLD[:, active_A]


def _ratio(now_BLD: Tensor, before_BLD: Tensor | None) -> float:
    if before_BLD is None:
        return 1.0
    return float((now_BLD.float().norm(dim=-1) / before_BLD.float().norm(dim=-1)).mean())


@torch.inference_mode()
def embedding_changes(dit: nn.Module, timesteps: Sequence[float]) -> list[float]:
    """TeaCache's signal: the relative L1 change of the time modulation at every step."""
    device = next(dit.parameters()).device
    _, modulation_BF6D = time_embedding(dit, torch.tensor([list(timesteps)], device=device))
    steps_F6D = modulation_BF6D[0].float()
    moved = (steps_F6D[1:] - steps_F6D[:-1]).abs().mean(dim=(1, 2))
    return [0.0, *(moved / steps_F6D[:-1].abs().mean(dim=(1, 2))).tolist()]
