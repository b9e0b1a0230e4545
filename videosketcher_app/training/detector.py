"""Trains the evaluator: python -m videosketcher_app.training.detector --seconds 150 --out DIR.

Both networks learn side by side from renders of the grammar until the given time is over; then the
detector is calibrated on renders with other seeds and written with its figures. Needs torch, numpy,
scipy and safetensors only.

Legend: B drawings, H/W the detector's grid, Q questions, N sampled ink pixels.
"""

from __future__ import annotations

import argparse
import copy
import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from videosketcher_app.evaluation.altered import natural_centers
from videosketcher_app.evaluation.calibration import calibrate, table
from videosketcher_app.evaluation.degrade import degrade
from videosketcher_app.evaluation.detector import Detector, load_detector
from videosketcher_app.evaluation.network import WIDTHS
from videosketcher_app.evaluation.renders import INK_PIXEL
from videosketcher_app.evaluation.samples import Sample, make_sample
from videosketcher_app.evaluation.vocabulary import Vocabulary

logger = logging.getLogger(__name__)
TRAIN_SEED = 1
PIXELS = 1536  # ink pixels of a drawing that a step looks at
BUFFER_BATCHES = 24


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """The recipe.

    Attributes:
        seconds: training time, data included, calibration excluded.
        replays: steps on earlier batches (degraded anew) for every new batch.
        fit, check: drawings for the calibration (see `calibrate`).
        objects: False trains on shapes only.
        widths: channels of the part network's levels.
    """

    seconds: float = 150.0
    batch_size: int = 192
    replays: int = 3
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.02
    ema: float = 0.995
    num_workers: int = 14
    device: str = "cuda"
    fit: int = 8000
    check: int = 600
    objects: bool = True
    widths: tuple[int, ...] = WIDTHS


class RenderDataset(Dataset):
    """Sample number i is made from the seed (TRAIN_SEED, i): the same on every machine."""

    def __init__(self, vocabulary: Vocabulary, length: int = 100_000_000) -> None:
        self.vocabulary = vocabulary
        self.length = length
        for name in vocabulary.concepts:
            natural_centers(name)  # once here, not once in every forked worker

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        return make_sample(self.vocabulary, [TRAIN_SEED, index])


def collate(samples: list[Sample]) -> tuple[Tensor, ...]:
    """Ink (B, H, W) uint8, owners (B, H, W), queries (B, Q), answers (B, Q), concepts (B,)."""
    stacks = [
        torch.from_numpy(np.stack([getattr(sample, name) for sample in samples]))
        for name in ("ink_HW", "owners_HW", "queries_Q", "answers_Q")
    ]
    return (*stacks, torch.tensor([sample.concept for sample in samples]))


def train_detector(config: DetectorConfig) -> Detector:
    """Trains and calibrates; progress goes to the log."""
    torch.manual_seed(TRAIN_SEED)
    vocabulary = Vocabulary.of_grammar() if config.objects else Vocabulary.of_primitives()
    logger.info("%s labels of objects", len(vocabulary.object_labels))
    detector = Detector(vocabulary, device=config.device, widths=config.widths)
    run = _Run(detector, config)
    begun = time.monotonic()
    for batch in _batches(vocabulary, config, detector.device):
        progress = (time.monotonic() - begun) / config.seconds
        if progress >= 1:
            break
        run.step(batch, progress)
    run.finish()
    logger.info("%s steps, %s drawings", run.steps, run.steps * config.batch_size)
    calibrate(detector, fit=config.fit, check=config.check, num_workers=config.num_workers)
    return detector


def _batches(
    vocabulary: Vocabulary, config: DetectorConfig, device: torch.device
) -> Iterator[tuple[Tensor, ...]]:
    """New batches, each followed by `replays` random ones of the last BUFFER_BATCHES."""
    on_gpu = device.type == "cuda"
    loader = DataLoader(
        RenderDataset(vocabulary),
        batch_size=config.batch_size,
        num_workers=config.num_workers,
        collate_fn=collate,
        pin_memory=on_gpu,
        prefetch_factor=4 if config.num_workers else None,
    )
    buffer: deque[tuple[Tensor, ...]] = deque(maxlen=BUFFER_BATCHES)
    rng = np.random.default_rng(TRAIN_SEED)
    for batch in loader:
        buffer.append(tuple(tensor.to(device, non_blocking=True) for tensor in batch))
        yield buffer[-1]
        for _ in range(config.replays):
            yield buffer[rng.integers(len(buffer))]


class _Run:
    """Networks, optimizer and averaged weights of one training."""

    def __init__(self, detector: Detector, config: DetectorConfig) -> None:
        self.detector = detector
        self.config = config
        self.networks = nn.ModuleDict({"parts": detector.parts, "concepts": detector.concepts})
        self.networks.train()
        if detector.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            self.networks.to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.networks)
        states = (self.average.state_dict(), self.networks.state_dict())
        self.averaged, self.current = (
            [value for value in state.values() if value.is_floating_point()] for state in states
        )
        self.optimizer = torch.optim.AdamW(
            self.networks.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.generator = torch.Generator(detector.device).manual_seed(TRAIN_SEED)
        self.steps = 0

    def step(self, batch: tuple[Tensor, ...], progress: float) -> Tensor:
        """One update of both networks; gives the loss of the parts."""
        warm = min(1.0, (self.steps + 1) / 50)
        rate = self.config.learning_rate * warm * (0.5 + 0.5 * np.cos(np.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, 1e-6)
        ink_u8, owners, queries, answers, concepts = batch
        clean = ink_u8.float() / 255
        ink = degrade(clean, self.generator)
        on_gpu = ink.device.type == "cuda"
        with torch.autocast(ink.device.type, torch.bfloat16, enabled=on_gpu):
            features = self.networks["parts"](ink)
            guesses = self.networks["concepts"](ink)
        part_loss = self._part_loss(features.float(), ink, owners, queries, answers)
        known = concepts >= 0
        name_loss = functional.cross_entropy(
            guesses.float(), concepts.clamp(min=0), reduction="none", label_smoothing=0.05
        )
        name_loss = (name_loss * known).sum() / known.sum().clamp(min=1)
        loss = part_loss + 0.25 * name_loss
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.networks.parameters(), 5.0)
        self.optimizer.step()
        self._average()
        self.steps += 1
        if self.steps % 100 == 1:
            right = ((guesses.argmax(1) == concepts) & known).sum() / known.sum().clamp(min=1)
            logger.info(
                "step %5d  %4.0f %%  parts %.4f  concepts %.3f  named %.3f",
                self.steps,
                100 * progress,
                part_loss.item(),
                name_loss.item(),
                right.item(),
            )
        return part_loss

    def _part_loss(
        self, features: Tensor, ink: Tensor, owners: Tensor, queries: Tensor, answers: Tensor
    ) -> Tensor:
        """Binary cross entropy on ink pixels; small parts weigh by the root of their rarity."""
        visible = (ink > INK_PIXEL - 0.05) & (owners != 0)
        shuffled = torch.rand(ink.shape, device=ink.device, generator=self.generator) * visible
        chosen, where = shuffled.flatten(1).topk(PIXELS, dim=1)
        counted_BN = (chosen > 0).float()
        features_BDN = features.flatten(2).gather(
            2, where[:, None].expand(-1, features.shape[1], -1)
        )
        owners_BN = owners.flatten(1).gather(1, where)
        truth_BQN = ((owners_BN[:, None] & answers[..., None]) != 0).float()
        parts = self.detector.parts
        logits_BQN = parts.logits(features_BDN, queries.clamp(min=0))
        pixels_B1 = counted_BN.sum(1, keepdim=True).clamp(min=1)
        positive_BQ = (truth_BQN * counted_BN[:, None]).sum(2)
        rarity_BQ = (pixels_B1 / positive_BQ.clamp(min=1)).sqrt().clamp(max=12)
        weight = counted_BN[:, None] * torch.where(truth_BQN > 0, rarity_BQ[..., None], 1.0)
        loss = functional.binary_cross_entropy_with_logits(logits_BQN, truth_BQN, reduction="none")
        loss_BQ = (loss * weight).sum(2) / weight.sum(2).clamp(min=1)
        asked_BQ = (queries >= 0).float()
        present_BQ, absent_BQ = asked_BQ * (positive_BQ > 0), asked_BQ * (positive_BQ == 0)
        terms = [
            (loss_BQ * kind).sum() / kind.sum().clamp(min=1) for kind in (present_BQ, absent_BQ)
        ]
        return torch.stack(terms).sum()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.averaged, self.current, 1 - decay)

    def finish(self) -> None:
        """Puts the averaged weights into the detector, rounded to fp16 as they are shipped."""
        state = {
            key: value.half().float() if value.is_floating_point() else value
            for key, value in self.average.state_dict().items()
        }
        self.networks.load_state_dict(state)
        self.detector.eval()


def main(arguments: list[str] | None = None) -> None:
    """Command line of the recipe."""
    parser = argparse.ArgumentParser(description="Train and calibrate the evaluator's detectors.")
    defaults = DetectorConfig()
    parser.add_argument("--seconds", type=float, default=defaults.seconds)
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and figures")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--num-workers", type=int, default=defaults.num_workers)
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size)
    parser.add_argument("--replays", type=int, default=defaults.replays)
    parser.add_argument("--fit", type=int, default=defaults.fit)
    parser.add_argument("--check", type=int, default=defaults.check)
    parser.add_argument("--widths", type=int, nargs="+", default=defaults.widths)
    parser.add_argument("--shapes-only", action="store_true", help="leave the objects out")
    parser.add_argument("--weights", type=Path, help="only calibrate the detector of this folder")
    options = vars(parser.parse_args(arguments))
    out, shapes_only = options.pop("out"), options.pop("shapes_only")
    weights = options.pop("weights")
    options["widths"] = tuple(options["widths"])
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    config = DetectorConfig(objects=not shapes_only, **options)
    if weights is None:
        detector = train_detector(config)
    else:
        detector = load_detector(weights, device=config.device)
        calibrate(detector, fit=config.fit, check=config.check, num_workers=config.num_workers)
    detector.save(out)
    logger.info("%s", table(detector.calibration["figures"]))
    logger.info("with the look of a decoder:\n%s", table(detector.calibration["figures_decoded"]))
    logger.info("recognised: %s", detector.calibration["recognised"])


if __name__ == "__main__":
    main()
