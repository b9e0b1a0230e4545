"""Frozen linear layers stored in 8 bits (e4m3), in whose inputs one can differentiate.

Half the memory and half the traffic of bfloat16. The product is that of the weights as they are
stored, in the input's format: training sees one function, forwards and backwards.

Legend: M rows of the input (tokens), K inputs, N outputs.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function

from videosketcher_app.models.fp8 import Fp8Linear
from videosketcher_app.models.trained_blocks import is_pair


class FrozenFp8Linear(Fp8Linear):
    """See the module's docstring; made by `of`, as its parent."""

    def forward(self, x: Tensor) -> Tensor:
        """(..., K) -> (..., N) in the input's dtype."""
        return _Product.apply(x, self.weight_NK, self.scale_N, self.bias_N)


class _Product(Function):
    """x w^T + b; only the stored weight is kept for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight_NK: Tensor, scale_N: Tensor, bias_N: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(weight_NK, scale_N)
        return F.linear(x, _restored(weight_NK, scale_N, x), bias_N)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = grad_outputs
        weight_NK, scale_N = ctx.saved_tensors
        return gradient @ _restored(weight_NK, scale_N, gradient), None, None, None


def _restored(weight_NK: Tensor, scale_N: Tensor, like: Tensor) -> Tensor:
    return (weight_NK.to(scale_N.dtype) * scale_N[:, None]).to(like.dtype)


def store_in_8_bits(block: nn.Module) -> nn.Module:
    """Replaces a block's frozen linear layers, in place; those of its pairs stay."""
    frozen = [
        (name, layer)
        for name, layer in block.named_modules()
        if type(layer) is nn.Linear and not is_pair(f"{name}.")
    ]
    for name, layer in frozen:
        parent, _, attribute = name.rpartition(".")
        setattr(block.get_submodule(parent), attribute, FrozenFp8Linear.of(layer))
    return block
