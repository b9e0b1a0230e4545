"""How much the error of a latent cell counts: more where ink is, and where it is coming.

Over nine tenths of a clip are blank paper, and of the ink most has stood there for long; what decides
whether a part is drawn, and when, are the few cells in which ink appears.

Only for targets that the noisy latent determines, as in distillation: there weights change what
is learned first and not what is learned. In flow matching they would draw the answer towards ink.

Legend: B batch, H/W pixels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from videosketcher_app.core.geometry import SPATIAL_STRIDE, TEMPORAL_STRIDE


@dataclass(frozen=True, kw_only=True)
class InkWeights:
    """Weights that are added to 1 in cells full of ink.

    Attributes:
        ink: where ink is.
        new_ink: where ink appears in the cell's own frames, on top of `ink`.
    """

    ink: float = 0.0
    new_ink: float = 0.0

    def of(self, coverage_BHW: Tensor, inked_BHW: Tensor, latent_frames: int) -> Tensor:
        """Weights (B, 1, F, h, w), 1 on average over every clip."""
        ink_BFhw = ink_cells(coverage_BHW, inked_BHW, latent_frames)
        before_BFhw = functional.pad(ink_BFhw, (0, 0, 0, 0, 1, 0))[:, :-1]
        weight = 1 + self.ink * ink_BFhw + self.new_ink * (ink_BFhw - before_BFhw)
        return (weight / weight.mean((1, 2, 3), keepdim=True))[:, None]


def ink_cells(coverage_BHW: Tensor, inked_BHW: Tensor, latent_frames: int) -> Tensor:
    """Strongest coverage (B, F, h, w) in [0, 1] of every cell at the end of a latent frame."""
    cells = []
    for frame in range(latent_frames):
        visible_BHW = coverage_BHW * (inked_BHW <= TEMPORAL_STRIDE * frame)
        cells.append(functional.max_pool2d(visible_BHW, SPATIAL_STRIDE))
    return torch.stack(cells, dim=1)
