"""Layer-wise supervision: shape, color and motion of every layer of a picture, each by itself.

Plain flow matching counts cells, so a large calm layer outweighs a small one, and an outline that
trembles costs little. Here every layer counts alike, and three things of it are told apart. With e
the error of the velocity in a latent cell and m the share of the cell that shows the layer:

    shape    the error where the layer has its border: cells whose neighborhood m does not fill
    color    the error of the layer's mean: what all its cells have in common in a latent frame
    motion   the error of the step from one latent frame to the next, where the layer is in both

Only the latter two say something about cells together: a layer whose cells err at random keeps its
mean, one that drifts in color does not; one that is wrong alike in all frames is at least at rest.
No published formula exists; these are our own (docs/guide/training.md).

Legend: B clips, L layers, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_LEAST = 1e-4  # cells; a layer with less is not there


def border(share_BLFhw: Tensor) -> Tensor:
    """Where a layer begins and ends: the range of its share over a cell and its 8 neighbors."""
    flat = share_BLFhw.flatten(1, 2)
    most = F.max_pool2d(flat, 3, 1, 1)
    least = -F.max_pool2d(-flat, 3, 1, 1)
    return (most - least).view_as(share_BLFhw)


def shape_loss(error_BCFhw: Tensor, share_BLFhw: Tensor) -> Tensor:
    """Mean squared error along the borders (B,), every layer counted alike."""
    weight = border(share_BLFhw)
    squared_BFhw = error_BCFhw.square().mean(1)
    return _mean_of_layers((weight * squared_BFhw[:, None]).sum((2, 3, 4)), weight.sum((2, 3, 4)))


def color_loss(error_BCFhw: Tensor, share_BLFhw: Tensor) -> Tensor:
    """Squared error of every layer's mean over its cells (B,), frames weighted by its size."""
    size_BLF = share_BLFhw.sum((3, 4))
    mean_BLFC = torch.einsum("blfhw,bcfhw->blfc", share_BLFhw, error_BCFhw)
    mean_BLFC = mean_BLFC / size_BLF.clamp(min=_LEAST)[..., None]
    squared_BLF = mean_BLFC.square().mean(-1)
    return _mean_of_layers((size_BLF * squared_BLF).sum(2), size_BLF.sum(2))


def motion_loss(error_BCFhw: Tensor, share_BLFhw: Tensor) -> Tensor:
    """Mean squared error of the steps between latent frames where a layer stays (B,)."""
    step_BCFhw = error_BCFhw[:, :, 1:] - error_BCFhw[:, :, :-1]
    stays = torch.minimum(share_BLFhw[:, :, 1:], share_BLFhw[:, :, :-1])
    squared_BFhw = step_BCFhw.square().mean(1)
    return _mean_of_layers((stays * squared_BFhw[:, None]).sum((2, 3, 4)), stays.sum((2, 3, 4)))


def _mean_of_layers(sum_BL: Tensor, weight_BL: Tensor) -> Tensor:
    """The weighted mean of every layer, averaged over the layers that are there; 0 without any."""
    is_there = (weight_BL > _LEAST).to(sum_BL.dtype)
    mean_BL = is_there * sum_BL / weight_BL.clamp(min=_LEAST)
    return mean_BL.sum(1) / is_there.sum(1).clamp(min=1)
