"""Muon: momentum whose update is made orthogonal, for the matrices inside transformer blocks.

Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024); the Newton-Schulz
coefficients are theirs, the scale 0.2 sqrt(max(shape)) is that of Liu et al., "Muon is scalable
for LLM training" (arXiv 2502.16982).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalize(matrix_XMN: Tensor, steps: int = 5) -> Tensor:
    """Nearly the nearest orthogonal matrix of each matrix of a stack, in bfloat16 on CUDA."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix_XMN.shape[-2] > matrix_XMN.shape[-1]
    x = matrix_XMN.bfloat16() if matrix_XMN.is_cuda else matrix_XMN.float()
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """For 2-D weights only; matrices of one shape are updated together.

    Args:
        lr: learning rate of AdamW's scale.
        momentum: of the gradient average, with a Nesterov step.
        weight_decay: decoupled.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.02,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # none is ever given
        """One update of every matrix that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for param in group["params"]:
                if param.grad is not None:
                    by_shape[param.shape].append(param)
            for shape, params in by_shape.items():
                self._update(group, shape, params)

    def _update(self, group: dict, shape: torch.Size, params: list[Tensor]) -> None:
        for param in params:
            self.state[param].setdefault("average", torch.zeros_like(param))
        averages = [self.state[param]["average"] for param in params]
        grads = [param.grad for param in params if param.grad is not None]
        torch._foreach_lerp_(averages, grads, 1 - group["momentum"])
        look_ahead = torch._foreach_lerp(grads, averages, group["momentum"])
        updates = orthogonalize(torch.stack(list(look_ahead)))
        scale = group["lr"] * 0.2 * math.sqrt(max(shape))
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(params, list(updates.unbind(0)), alpha=-scale)
