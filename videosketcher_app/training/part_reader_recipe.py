"""Recipe of the part reader: true sketches at random moments, blurred as a model blurs them.

The parts come in any order (`shuffle_times`), so nothing about a part follows from what is there
already. The look of drawings that a model made comes from broken and faded ink, from noise on the
latents, and from what the model makes of a clip with noise.

Legend: B clips, C channels, F latent frames of a clip, M moments, h/w latent cells, Q labels,
G/K the reader's grid, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from videosketcher_app.core.geometry import SPATIAL_STRIDE, TEMPORAL_STRIDE
from videosketcher_app.data.datasets import SketchSource, held_out
from videosketcher_app.data.raster import clip_of_maps, sketch_stamps
from videosketcher_app.evaluation.degrade import degrade
from videosketcher_app.evaluation.vocabulary import Vocabulary
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.batches import Canvas, endless_batches
from videosketcher_app.training.flow_matching import noised
from videosketcher_app.training.guided_steps import GuidedSteps
from videosketcher_app.training.part_reader import CELLS, PartReader
from videosketcher_app.training.part_times import PartTimes, part_fields
from videosketcher_app.training.pocket_t2v import PocketNetwork, PocketT2VConfig, PocketT2VRecipe
from videosketcher_app.training.state import StepRandom

MOMENTS = 5  # latent frames of a clip that a step reads, the last one among them
STRONGEST = 4  # cells whose mean logit says whether a part is there
BLANK_WEIGHT = 0.05  # of cells without ink
RAREST = 12.0
PARTS_SALT = 31
LATENT_NOISE = 0.25


class PartDataset(Dataset):
    """Sample index -> stamps (P, 4), token ids (L,) and the fields of `PartTimes`."""

    def __init__(
        self,
        source: SketchSource,
        tokenizer: PocketTokenizer,
        canvas: Canvas,
        vocabulary: Vocabulary,
    ) -> None:
        self.source, self.tokenizer, self.canvas = source, tokenizer, canvas
        self.vocabulary = vocabulary

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        drawn, c = self.source(index), self.canvas
        rng = np.random.default_rng([PARTS_SALT, self.source.seed, index])
        ids = np.zeros(c.max_tokens, np.int64)
        tokens = self.tokenizer.encode(str(drawn.plan))[: c.max_tokens]
        ids[: len(tokens)] = tokens
        parts = part_fields(
            drawn.sketch,
            drawn.source,
            drawn.labels,
            self.vocabulary,
            rng,
            num_frames=self.source.mix.num_frames,
        )
        return sketch_stamps(drawn.sketch, c.width, c.height, c.max_stamps), ids, *parts


class PartReaderRecipe(PocketT2VRecipe):
    """The reader learns; the networks of a drawing model only lend their look.

    Args:
        model: its text-to-video networks, frozen.
        steps: its schedule.
    """

    def __init__(
        self,
        config: PocketT2VConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        reader: PartReader,
        model: PocketNetwork,
        steps: GuidedSteps,
        device: torch.device,
    ) -> None:
        super().__init__(config, vae, tokenizer, model, device)
        self.model, self.steps = model.eval().requires_grad_(False), steps
        self.module = reader
        if device.type == "cuda":
            reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizers = [
            torch.optim.AdamW(
                reader.parameters(),
                config.other_rate,
                weight_decay=0.02,
                fused=device.type == "cuda",
            )
        ]

    def batches(self, first_step: int, rank: int, world: int) -> Iterator:
        """Sketches with their parts, held-out plans left out."""
        config = self.config
        assert isinstance(self.module, PartReader)
        source = SketchSource(config.mix, config.data_seed, held_out)
        return endless_batches(
            PartDataset(source, self.tokenizer, config.canvas, self.module.vocabulary),
            batch_size=config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=config.num_workers,
        )

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Binary cross entropy of cells, and of whole parts."""
        stamps_BP4, ids_BL, *fields = batch
        parts = PartTimes.of(fields, self.device)
        with torch.no_grad():
            coverage, inked = self.maps(stamps_BP4.to(self.device, non_blocking=True))
            latents = self._seen(coverage, inked, ids_BL.to(self.device), random)
            last = latents.shape[2] - 1
            earlier = torch.randperm(last, generator=random.shared)[: MOMENTS - 1]
            moments = [*sorted(earlier.tolist()), last]
            truth, ink = part_cells(coverage, inked, parts, moments)
            whole = truth[:, -1:].sum((-1, -2))  # the last moment is the clip's end
        labels_BQ = torch.cat([parts.labels_BQ, parts.absent_BN], dim=1)
        absent = truth.new_zeros(*truth.shape[:2], parts.absent_BN.shape[1], *truth.shape[3:])
        truth = torch.cat([truth, absent], dim=2)
        with self.autocast():
            logits = model(latents[:, :, moments], labels_BQ)
        asked = (labels_BQ >= 0)[:, None].expand(-1, len(moments), -1)
        cells = cell_loss(logits, truth, ink, asked)
        share = truth.sum((-1, -2)) / functional.pad(whole, (0, absent.shape[2])).clamp(min=1)
        found = whole_loss(logits, share, asked)
        return {"loss": cells + 0.3 * found, "loss_cells": cells, "loss_parts": found}

    def _seen(
        self, coverage_BHW: Tensor, inked_BHW: Tensor, ids_BL: Tensor, random: StepRandom
    ) -> Tensor:
        """Latents (B, C, F, h, w) with the look of a drawing model, one way a step."""
        pick = float(torch.rand((), generator=random.shared))
        if pick < 0.35:
            coverage_BHW = degrade(coverage_BHW, random.generator, 0.6)
        tinted = 0.35 <= pick < 0.6
        if tinted:
            clips = tinted_clips(coverage_BHW, inked_BHW, self.config.num_frames, random)
            with self.autocast():
                clean = self.vae.encode(clips.to(next(self.vae.parameters()).dtype)).float()
        else:
            clean = self.latents(coverage_BHW, inked_BHW)
        if pick >= 0.6:
            return self._drawn_again(clean, ids_BL, random)
        amount = LATENT_NOISE * random.uniform(len(clean), 1, 1, 1, 1).square()
        return clean + amount * random.normal(*clean.shape)

    def _drawn_again(self, clean_BCFhw: Tensor, ids_BL: Tensor, random: StepRandom) -> Tensor:
        """What the drawing model makes of the clip in its last step, or its last two."""
        last = self.steps.num_inference_steps - 1
        first = last - int(torch.randint(2, (), generator=random.shared))
        step_B = torch.full((len(clean_BCFhw),), first, device=self.device)
        x = noised(clean_BCFhw, random.normal(*clean_BCFhw.shape), self.steps.sigma(step_B))
        for step in range(first, last + 1):
            sigma = self.steps.sigma(torch.full_like(step_B, step))
            with self.autocast():
                velocity = self.model(x, 1000 * sigma[:, None], ids_BL, self.coordinates_KFhw)
            after = (
                self.steps.sigma(torch.full_like(step_B, step + 1)) if step < last else 0 * sigma
            )
            x = x + (after - sigma)[:, None, None, None, None] * velocity.float()
        return x


def tinted_clips(
    coverage_BHW: Tensor, inked_BHW: Tensor, num_frames: int, random: StepRandom
) -> Tensor:
    """Clips (B, 3, T, H, W) in [-1, 1] whose ink has some color, width, opacity and grain."""
    batch = len(coverage_BHW)
    cover, inked = coverage_BHW[:, None], inked_BHW[:, None]
    reach = int(torch.randint(3, (), generator=random.shared))
    if reach:
        size = 2 * reach + 1
        cover = functional.max_pool2d(cover, size, 1, reach)
        inked = -functional.max_pool2d(-inked, size, 1, reach)
    grain = 1 - random.uniform(batch, 1, 1, 1) * random.uniform(*cover.shape)
    opacity = 0.4 + 0.6 * random.uniform(batch, 1, 1, 1)
    color = random.uniform(batch, 3, 1, 1, 1) * 1.4
    ink_BTHW = clip_of_maps((cover * grain * opacity)[:, 0], inked[:, 0], num_frames)
    darkness = (1 - ink_BTHW)[:, None] / 2
    return 1 - 2 * darkness * (1 - color.clamp(max=0.8))


def part_cells(
    coverage_BHW: Tensor, inked_BHW: Tensor, parts: PartTimes, moments: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Ink (B, M, Q, G, K) of every part in the reader's cells at latent frames, and all ink
    (B, M, 1, G, K); strongest coverage, in [0, 1].
    """
    owner_BHW = parts.owners(inked_BHW)
    ends = torch.tensor([TEMPORAL_STRIDE * moment for moment in moments], device=inked_BHW.device)
    visible = inked_BHW[:, None] <= ends.view(1, -1, 1, 1)
    size = SPATIAL_STRIDE // CELLS
    masks = [
        functional.max_pool2d((coverage_BHW * (owner_BHW == part))[:, None] * visible, size)
        for part in range(parts.labels_BQ.shape[1])
    ]
    ink = functional.max_pool2d(coverage_BHW[:, None] * visible, size)
    return torch.stack(masks, dim=2), ink[:, :, None]


def cell_loss(
    logits_BMQGK: Tensor, truth_BMQGK: Tensor, ink_BM1GK: Tensor, asked_BMQ: Tensor
) -> Tensor:
    """Cross entropy over inked cells, a little over blank ones; few cells of a part weigh more."""
    truth = (truth_BMQGK > 0.3).float()
    loss = functional.binary_cross_entropy_with_logits(logits_BMQGK, truth, reduction="none")
    inked = (ink_BM1GK > 0.05).float()
    positive = truth.sum((-1, -2), keepdim=True)
    rarity = (inked.sum((-1, -2), keepdim=True) / positive.clamp(min=1)).sqrt().clamp(1, RAREST)
    weight = torch.where(truth > 0, rarity, inked + BLANK_WEIGHT * (1 - inked))
    loss_BMQ = (loss * weight).sum((-1, -2)) / weight.sum((-1, -2))
    shown = asked_BMQ & (positive[..., 0, 0] > 0)
    terms = [
        (loss_BMQ * kind).sum() / kind.sum().clamp(min=1) for kind in (shown, asked_BMQ & ~shown)
    ]
    return torch.stack(terms).sum()


def strongest(logits: Tensor) -> Tensor:
    """Mean logit of the strongest cells (..., G, K) -> (...)."""
    return logits.flatten(-2).topk(STRONGEST, dim=-1).values.mean(-1)


def whole_loss(logits_BMQGK: Tensor, share_BMQ: Tensor, asked_BMQ: Tensor) -> Tensor:
    """Cross entropy of "the part is there" where it is mostly drawn, or not begun."""
    told = asked_BMQ & ((share_BMQ > 0.6) | (share_BMQ == 0))
    loss = functional.binary_cross_entropy_with_logits(
        strongest(logits_BMQGK), (share_BMQ > 0.6).float(), reduction="none"
    )
    shown = told & (share_BMQ > 0)
    terms = [(loss * kind).sum() / kind.sum().clamp(min=1) for kind in (shown, told & ~shown)]
    return torch.stack(terms).sum()
