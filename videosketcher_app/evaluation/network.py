"""The two networks of the evaluator: PartNet finds parts, ConceptNet names the drawing.

Legend: B drawings, H/W the detector's grid (120 x 216), D feature channels, Q queries, N pixels.
PartNet sees the finished picture only, never the time, so that order is measured independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from videosketcher_app.evaluation.vocabulary import PLACE_NAMES, Vocabulary

FEATURES = 48
WIDTHS = (24, 40, 72, 104, 136)  # multiples of 8: tensor cores need them
CONCEPT_WIDTHS = (16, 32, 56, 88)


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def with_coordinates(ink_BHW: Tensor) -> Tensor:
    """Ink with two channels of x and y in [-1, 1]: (B, 3, H, W)."""
    batch, height, width = ink_BHW.shape
    y = torch.linspace(-1, 1, height, device=ink_BHW.device, dtype=ink_BHW.dtype)
    x = torch.linspace(-1, 1, width, device=ink_BHW.device, dtype=ink_BHW.dtype)
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    return torch.cat([ink_BHW[:, None], grid.expand(batch, 2, height, width)], dim=1)


class PartNet(nn.Module):
    """A small U-Net whose pixel features are compared with the embedding of a label."""

    def __init__(self, vocabulary: Vocabulary, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        inputs = 3
        for level, width in enumerate(widths):
            first = _layer(inputs, width, 1 if level == 0 else 2)
            self.down.append(nn.Sequential(first, _layer(width, width)))
            inputs = width
        self.whole = nn.Linear(widths[-1], widths[-1])
        pairs = list(pairwise(widths))
        self.up = nn.ModuleList(_layer(low + high, low) for low, high in pairs)
        self.features = nn.Conv2d(widths[0], FEATURES, 1)
        self.num_objects = len(vocabulary.object_labels)
        # One row a label: an embedding and a bias; shapes and places add up.
        self.objects = nn.Embedding(max(1, self.num_objects), FEATURES + 1)
        self.shapes = nn.Embedding(len(vocabulary.shapes), FEATURES + 1)
        self.places = nn.Embedding(len(PLACE_NAMES), FEATURES + 1)
        for table in (self.objects, self.shapes, self.places):
            nn.init.normal_(table.weight, std=FEATURES**-0.5)
            nn.init.constant_(table.weight[:, -1], -1.0)

    def forward(self, ink_BHW: Tensor) -> Tensor:
        """Features (B, D, H, W) of every pixel."""
        x, skips = with_coordinates(ink_BHW), []
        for block in self.down:
            x = block(x)
            skips.append(x)
        x = x + self.whole(x.mean((2, 3)))[:, :, None, None]
        for block, skip in zip(reversed(self.up), reversed(skips[:-1]), strict=True):
            x = functional.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = block(torch.cat([skip, x], dim=1))
        return self.features(x)

    def embedded(self, queries_Q: Tensor) -> Tensor:
        """Embedding and bias of label numbers of any shape: (..., D + 1)."""
        is_object = queries_Q < self.num_objects
        shape_place = (queries_Q - self.num_objects).clamp(min=0)
        shape = self.shapes(shape_place // len(PLACE_NAMES))
        place = self.places(shape_place % len(PLACE_NAMES))
        known = self.objects(queries_Q.clamp(0, max(0, self.num_objects - 1)))
        return torch.where(is_object[..., None], known, shape + place)

    def logits(self, features_BDN: Tensor, queries_BQ: Tensor) -> Tensor:
        """How surely each pixel belongs to each label: (B, Q, N)."""
        rows_BQE = self.embedded(queries_BQ)
        scores = torch.einsum("bqd,bdn->bqn", rows_BQE[..., :-1], features_BDN)
        return scores + rows_BQE[..., -1:]


class ConceptNet(nn.Module):
    """A small classifier of finished drawings."""

    def __init__(self, num_concepts: int) -> None:
        super().__init__()
        layers, inputs = [], 1
        for width in CONCEPT_WIDTHS:
            layers += [_layer(inputs, width, 2), _layer(width, width)]
            inputs = width
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Linear(inputs * 8, max(1, num_concepts))

    def forward(self, ink_BHW: Tensor) -> Tensor:
        """Logits (B, concepts)."""
        x = self.trunk(ink_BHW[:, None])
        # Two rows of four cells: coarse layout stays visible to the last layer.
        return self.head(functional.adaptive_avg_pool2d(x, (2, 4)).flatten(1))
