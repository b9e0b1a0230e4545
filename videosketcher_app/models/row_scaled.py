"""Linear layers kept in 8 bits (e4m3) with a scale for every output row, under their own names.

A card that multiplies e4m3 with row scales does so; any other one unpacks a layer for its product.
Unlike `Fp8Linear`, which a mode of speed puts in place for one drawing, this is how a model can be
loaded: `weight` and `bias` are parameters of the usual names and LoRAs find their layers.

Legend: M rows of the input (tokens), K inputs, N outputs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videosketcher_app.models.fp8 import (
    FP8,
    multiplies_natively,
    quantized_rows,
    scaled_product,
)

PIECE_ROWS = 8192  # of the input, quantized at once: in 32 bits it is large
_PRODUCT_MULTIPLE = 16  # of K and N, for the cards' own product


class RowScaledLinear(nn.Module):
    """An `nn.Linear` whose weight is stored in e4m3 by output row.

    Attributes:
        weight: (N, K) in e4m3; weight x scale is the original within 1/16 of each entry. Another
            number format is taken as it is, without scales: a changed copy of `exact`.
        scale_N: float32.
        exact_dtype: of the weight before.
    """

    def __init__(
        self,
        weight_NK: Tensor,
        scale_N: Tensor,
        bias_N: Tensor | None,
        *,
        exact_dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.exact_dtype = exact_dtype
        self.bias: nn.Parameter | None
        self.weight = nn.Parameter(weight_NK, requires_grad=False)
        self.scale_N = nn.Parameter(scale_N, requires_grad=False)
        bias = None if bias_N is None else nn.Parameter(bias_N, requires_grad=False)
        self.register_parameter("bias", bias)
        self.out_features, self.in_features = weight_NK.shape
        self._has_product = not any(size % _PRODUCT_MULTIPLE for size in weight_NK.shape)

    @classmethod
    def of(cls, linear: nn.Linear) -> RowScaledLinear:
        """Quantizes a linear layer."""
        weight_NK, scale_N = quantized_rows(linear.weight.detach())
        bias_N = None if linear.bias is None else linear.bias.detach()
        return cls(weight_NK, scale_N, bias_N, exact_dtype=linear.weight.dtype)

    def exact(self, dtype: torch.dtype | None = None) -> Tensor:
        """The weight (N, K) that the stored numbers mean, rounded once; in its dtype of before."""
        dtype = dtype or self.exact_dtype
        return self.weight.detach().to(dtype).mul_(self.scale_N.detach()[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """(..., K) -> (..., N) in the input's dtype."""
        if self.weight.dtype != FP8:
            return F.linear(x, self.weight, self.bias)
        if not (self._has_product and x.dtype == torch.bfloat16 and multiplies_natively(x.device)):
            return F.linear(x, self.exact(x.dtype), self.bias)
        x8_MK, scale_M = _quantized_in_pieces(x.reshape(-1, x.shape[-1]))
        out_MN = scaled_product(x8_MK, scale_M, self.weight, self.scale_N, x.dtype)
        if self.bias is not None:
            out_MN = out_MN + self.bias
        return out_MN.view(*x.shape[:-1], self.out_features)


def keep_in_rows(root: nn.Module) -> None:
    """Every plain linear layer inside becomes row-scaled."""
    for parent in list(root.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                setattr(parent, name, RowScaledLinear.of(child))


def _quantized_in_pieces(x_MK: Tensor) -> tuple[Tensor, Tensor]:
    """`quantized_rows`, for less memory; compiled it needs none and is one piece."""
    if torch.compiler.is_compiling() or len(x_MK) <= PIECE_ROWS:
        return quantized_rows(x_MK)
    x8_MK = torch.empty_like(x_MK, dtype=FP8)
    scale_M = torch.empty(len(x_MK), device=x_MK.device)
    for start in range(0, len(x_MK), PIECE_ROWS):
        piece = slice(start, start + PIECE_ROWS)
        x8_MK[piece], scale_M[piece] = quantized_rows(x_MK[piece])
    return x8_MK, scale_M
