"""The part reader: where in the latents of a drawing, and from which latent frame on, a part is.

What the evaluator's PartNet does for finished pictures, for every latent frame by itself, so that
one pass tells what is drawn when, and gradients flow from what is read to the latents. It is made
for training only: the evaluator never uses it, and it never saw the evaluator's weights.

Legend: B clips, C channels, F latent frames, h/w latent cells, N latent frames of all clips, D
features, Q labels, G/K rows and columns of the reader's grid (two a latent cell).
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from videosketcher_app.core.errors import DamagedModel
from videosketcher_app.evaluation.vocabulary import PLACE_NAMES, Vocabulary
from videosketcher_app.models.image_condition import LATENT_CHANNELS
from videosketcher_app.storage.tensors import read_metadata, read_safetensors, write_safetensors

FEATURES = 48
WIDTHS = (96, 128, 160, 192)
CELLS = 2  # of the reader's grid along a latent cell
READER_FILE = "reader.safetensors"


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class PartReader(nn.Module):
    """A U-Net over one latent frame whose features are compared with the embedding of a label."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.down = nn.ModuleList()
        inputs = LATENT_CHANNELS + 2
        for level, width in enumerate(WIDTHS):
            first = _layer(inputs, width, 1 if level == 0 else 2)
            self.down.append(nn.Sequential(first, _layer(width, width)))
            inputs = width
        self.whole = nn.Linear(WIDTHS[-1], WIDTHS[-1])
        self.up = nn.ModuleList(_layer(low + high, low) for low, high in pairwise(WIDTHS))
        self.features = nn.Conv2d(WIDTHS[0], FEATURES * CELLS**2, 1)
        num_shapes = len(vocabulary.shapes)
        # One row a label: an embedding and a bias; shapes and places add up.
        self.objects = nn.Embedding(max(1, len(vocabulary.object_labels)), FEATURES + 1)
        self.shapes = nn.Embedding(num_shapes, FEATURES + 1)
        self.places = nn.Embedding(len(PLACE_NAMES), FEATURES + 1)
        for table in (self.objects, self.shapes, self.places):
            nn.init.normal_(table.weight, std=FEATURES**-0.5)
            nn.init.constant_(table.weight[:, -1], -1.0)

    def forward(self, latents_BCFhw: Tensor, labels_BQ: Tensor) -> Tensor:
        """How surely every cell of the grid holds ink of a label: logits (B, F, Q, G, K).

        Args:
            labels_BQ: numbers of the vocabulary; negative ones get the logits of any label.
        """
        frames = latents_BCFhw.shape[2]
        features = self.read(latents_BCFhw.transpose(1, 2).flatten(0, 1)).unflatten(0, (-1, frames))
        rows_BQE = self.embedded(labels_BQ.clamp(min=0))
        scores = torch.einsum("bqd,bfdgk->bfqgk", rows_BQE[..., :-1].to(features), features)
        return scores.float() + rows_BQE[:, None, :, -1:, None].float()

    def read(self, latents_NChw: Tensor) -> Tensor:
        """Features (N, D, G, K) of latent frames."""
        x, skips = _with_coordinates(latents_NChw), []
        for block in self.down:
            x = block(x)
            skips.append(x)
        x = x + self.whole(x.mean((2, 3)))[:, :, None, None]
        for block, skip in zip(reversed(self.up), reversed(skips[:-1]), strict=True):
            x = functional.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = block(torch.cat([skip, x], dim=1))
        return functional.pixel_shuffle(self.features(x), CELLS)

    def embedded(self, labels_BQ: Tensor) -> Tensor:
        """Embedding and bias of labels: (B, Q, D + 1)."""
        num_objects = len(self.vocabulary.object_labels)
        shape_place = (labels_BQ - num_objects).clamp(min=0)
        shape = self.shapes(shape_place // len(PLACE_NAMES))
        place = self.places(shape_place % len(PLACE_NAMES))
        known = self.objects(labels_BQ.clamp(0, max(0, num_objects - 1)))
        return torch.where((labels_BQ < num_objects)[..., None], known, shape + place)


def write_reader(folder: Path, vocabulary: Vocabulary, weights: dict[str, Tensor]) -> None:
    """Writes a reader's weights as float16 with its vocabulary."""
    half = {
        key: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for key, value in weights.items()
    }
    path = folder / READER_FILE
    write_safetensors(path, half, metadata={"vocabulary": vocabulary.to_json()})


def load_reader(folder: Path, device: torch.device) -> PartReader:
    """A trained reader, frozen.

    Raises:
        DamagedModel, InvalidFile: there is none, or it is damaged.
    """
    path = folder / READER_FILE
    reader = PartReader(Vocabulary.from_json(read_metadata(path)["vocabulary"]))
    try:
        reader.load_state_dict({k: v.float() for k, v in read_safetensors(path).items()})
    except RuntimeError as error:
        raise DamagedModel(
            f"{path.name} does not hold the weights of a part reader.",
            hint="Train it again: stage reader.",
        ) from error
    return reader.to(device).eval().requires_grad_(False)


def _with_coordinates(x_NChw: Tensor) -> Tensor:
    count, _, height, width = x_NChw.shape
    y = torch.linspace(-1, 1, height, device=x_NChw.device, dtype=x_NChw.dtype)
    x = torch.linspace(-1, 1, width, device=x_NChw.device, dtype=x_NChw.dtype)
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    return torch.cat([x_NChw, grid.expand(count, 2, height, width)], dim=1)
