"""Batches of random sketches for training, the same whatever the number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from videosketcher_app.data.datasets import SketchSource
from videosketcher_app.data.raster import sketch_stamps
from videosketcher_app.models.text import PocketTokenizer


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """Size of the rendered clips.

    Attributes:
        max_stamps: stamps a clip may have; about the ink's length in pixels.
        max_tokens: text tokens of a plan.
    """

    width: int = 432
    height: int = 240
    max_stamps: int = 4096
    max_tokens: int = 256


class SketchDataset(Dataset):
    """Sample index -> stamps (P, 4) and token ids (L,)."""

    def __init__(self, source: SketchSource, tokenizer: PocketTokenizer, canvas: Canvas) -> None:
        self.source, self.tokenizer, self.canvas = source, tokenizer, canvas

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        composition = self.source(index)
        c = self.canvas
        stamps = sketch_stamps(composition.sketch, c.width, c.height, c.max_stamps)
        ids = np.zeros(c.max_tokens, np.int64)
        tokens = self.tokenizer.encode(str(composition.plan))[: c.max_tokens]
        ids[: len(tokens)] = tokens
        return stamps, ids


class StepSampler(Sampler):
    """Index lists of batch `step` for one rank, from `first_step` for ever."""

    def __init__(self, first_step: int, batch_size: int, rank: int, world: int) -> None:
        self.first_step, self.batch_size = first_step, batch_size
        self.rank, self.world = rank, world

    def __iter__(self) -> Iterator[list[int]]:
        step = self.first_step
        while True:
            start = (step * self.world + self.rank) * self.batch_size
            yield list(range(start, start + self.batch_size))
            step += 1


def endless_batches(
    dataset: Dataset,
    *,
    batch_size: int,
    first_step: int,
    rank: int,
    world: int,
    num_workers: int,
    collate: Callable[[list], Any] | None = None,
) -> Iterator[Any]:
    """Batches of the dataset in the order of the sampler, pinned for a GPU if there is one."""
    loader = DataLoader(
        dataset,
        batch_sampler=StepSampler(first_step, batch_size, rank, world),
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available(),
        prefetch_factor=4 if num_workers else None,
        collate_fn=collate or stack,
        worker_init_fn=_single_thread if num_workers else None,
    )
    return iter(loader)


def stack(samples: list[tuple[np.ndarray, ...]]) -> tuple[Tensor, ...]:
    """Stacks every field of the samples."""
    return tuple(torch.from_numpy(np.stack(field)) for field in zip(*samples, strict=True))


def _single_thread(_: int) -> None:
    torch.set_num_threads(1)
