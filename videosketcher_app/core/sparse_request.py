"""SparseSpec: how much of a video model's self-attention is computed (Sparse VideoGen).

Sparse VideoGen (arXiv 2502.01776) calls the share of attention that it keeps `sparsity`. Here it is
the kept fraction. The published README and the published code disagree on which of the two dense
shares is which; both are presets.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.request_base import Request, shown

DENSE, SVG = "dense", "SVG"
PATTERNS = (DENSE, SVG)
_ROUNDING = 1e-9  # 0.29 x 100 is 28.999999999999996


class SparseSpec(Request):
    """What Sparse VideoGen keeps of full attention.

    Attributes:
        pattern: "dense" computes everything, also where a mode of speed would not.
        kept_fraction: of the attention between all tokens; 1 keeps everything.
        first_steps_fraction: of the denoising steps, from the first on, that stay dense.
        first_layers_fraction: of the layers, from the first on, that stay dense.
        num_sampled_rows: queries by which a head is judged spatial or temporal.
    """

    pattern: Literal["SVG", "dense"] = "SVG"
    kept_fraction: float = Field(default=0.25, gt=0.0, le=1.0)
    first_steps_fraction: float = Field(default=0.025, ge=0.0, le=1.0)
    first_layers_fraction: float = Field(default=0.075, ge=0.0, le=1.0)
    num_sampled_rows: int = Field(default=64, ge=1, le=1024)

    def num_dense_steps(self, num_steps: int) -> int:
        """Whole steps that stay dense, rounded down."""
        return math.floor(self.first_steps_fraction * num_steps + _ROUNDING)

    def num_dense_layers(self, num_layers: int) -> int:
        """Whole layers that stay dense, rounded down."""
        return math.floor(self.first_layers_fraction * num_layers + _ROUNDING)


SPARSE_PRESETS: dict[str, SparseSpec] = {
    "readme": SparseSpec(),
    "code": SparseSpec(first_steps_fraction=0.075, first_layers_fraction=0.025),
    "careful": SparseSpec(kept_fraction=0.3, first_steps_fraction=0.2, first_layers_fraction=0.025),
    "hunyuan-video": SparseSpec(
        kept_fraction=0.2, first_steps_fraction=0.055, first_layers_fraction=0.025
    ),
    "cogvideox-1.5": SparseSpec(
        first_steps_fraction=0.2, first_layers_fraction=0.0, num_sampled_rows=32
    ),
}


def sparse_preset(name: str) -> SparseSpec:
    """The preset of this name.

    Raises:
        InvalidRequest: there is none; names those that exist.
    """
    if name not in SPARSE_PRESETS:
        raise InvalidRequest(
            f"There is no preset {shown(name)} of sparse attention.",
            hint=f"Known: {', '.join(SPARSE_PRESETS)}.",
        )
    return SPARSE_PRESETS[name]
