"""Recipe: pocket-brush learns from what a part reader says of its drawings; see `pocket_reward`.

The condition frame's box is blank paper to the reader. Nothing has to be painted: the true drawing
only says how large the parts are.

Legend: B clips, C channels, F latent frames, h/w latent cells, H/W pixels, L tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from videosketcher_app.core.geometry import SPATIAL_STRIDE
from videosketcher_app.data.brushes.clause import with_clause
from videosketcher_app.data.brushes.condition import box_size
from videosketcher_app.data.datasets import SketchSource, held_out
from videosketcher_app.data.raster import ink_maps, sketch_stamps
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.evaluation.vocabulary import Vocabulary
from videosketcher_app.models.image_condition import LATENT_CHANNELS
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.batches import Canvas, endless_batches
from videosketcher_app.training.brush_batches import (
    condition_clips,
    condition_pixels,
    learned_brush,
)
from videosketcher_app.training.guided_steps import GuidedSteps
from videosketcher_app.training.latent_critic import blurred
from videosketcher_app.training.part_reader_recipe import PARTS_SALT
from videosketcher_app.training.part_reward import PartReward
from videosketcher_app.training.part_times import PartTimes, part_fields
from videosketcher_app.training.pocket_brush import (
    BrushNetwork,
    PocketBrushConfig,
    PocketBrushRecipe,
    encoded,
)
from videosketcher_app.training.pocket_reward import (
    KeptAsItWas,
    Velocity,
    drawn,
    fading,
    some_steps,
    total_of,
    true_cells,
)
from videosketcher_app.training.state import StepRandom


class BrushPlanDataset(Dataset):
    """Sample index -> stamps (P, 4), token ids (L,), a condition frame (H, W, 3), `PartTimes` fields.

    Args:
        clear_share: see `brush_batches.learned_brush`.
    """

    def __init__(
        self,
        source: SketchSource,
        tokenizer: PocketTokenizer,
        canvas: Canvas,
        vocabulary: Vocabulary,
        *,
        clear_share: float = 0.0,
    ) -> None:
        self.source, self.tokenizer, self.canvas = source, tokenizer, canvas
        self.vocabulary, self.clear_share = vocabulary, clear_share

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        sample, c = self.source(index), self.canvas
        rng = np.random.default_rng([PARTS_SALT, self.source.seed, index])
        ids = np.zeros(c.max_tokens, np.int64)
        plan = replace(sample.plan, concept=with_clause(sample.plan.concept))
        tokens = self.tokenizer.encode(str(plan))[: c.max_tokens]
        ids[: len(tokens)] = tokens
        frame = condition_pixels(learned_brush(rng, self.clear_share), (c.width, c.height), rng)
        parts = part_fields(
            sample.sketch,
            sample.source,
            sample.labels,
            self.vocabulary,
            rng,
            num_frames=self.source.mix.num_frames,
        )
        stamps = sketch_stamps(sample.sketch, c.width, c.height, c.max_stamps)
        return stamps, ids, frame, *parts


class PocketBrushRewardRecipe(PocketBrushRecipe):
    """The adapter learns; `config` drops no prompts.

    Args:
        first: the networks as they begin, the adapter folded in; frozen.
    """

    def __init__(
        self,
        config: PocketBrushConfig,
        steps: GuidedSteps,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        network: BrushNetwork,
        first: BrushNetwork,
        reward: PartReward,
        device: torch.device,
        kept: KeptAsItWas | None = None,
    ) -> None:
        super().__init__(config, vae, tokenizer, network, device)
        self.first = first.eval().requires_grad_(False)
        self.first.run_block = network.run_block
        self.reward, self.kept = reward, kept or KeptAsItWas()
        self.levels = sigmas(steps.num_inference_steps, steps.shift)
        width, height = box_size((config.canvas.width, config.canvas.height))
        self.box = (-(-height // SPATIAL_STRIDE), -(-width // SPATIAL_STRIDE))
        paper = torch.ones(1, 3, config.num_frames, SPATIAL_STRIDE * 4, SPATIAL_STRIDE * 4)
        with torch.no_grad():
            blank = vae.encode(paper.to(device, next(vae.parameters()).dtype)).float()
        self.paper_1CF11 = blank[..., 2:3, 2:3]

    def batches(self, first_step: int, rank: int, world: int) -> Iterator:  # type: ignore[override]
        """Plans with brushes; held-out plans and brushes are left out."""
        config = self.config
        source = SketchSource(config.mix, config.data_seed, held_out)
        vocabulary = self.reward.reader.vocabulary
        return endless_batches(
            BrushPlanDataset(
                source,
                self.tokenizer,
                config.canvas,
                vocabulary,
                clear_share=config.clear_share,
            ),
            batch_size=config.batch_size,
            first_step=first_step,
            rank=rank,
            world=world,
            num_workers=config.num_workers,
        )

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:  # type: ignore[override]
        """What the drawings lack, how far the model has moved, how much ink has faded."""
        stamps_BP4, ids_BL, frames_BHW3, *fields = (
            x.to(self.device, non_blocking=True) for x in batch
        )
        parts = PartTimes.of(fields, self.device)
        shape = self.coordinates_KFhw.shape[1:]
        with torch.no_grad(), self._autocast():
            canvas = self.config.canvas
            maps = ink_maps(stamps_BP4, canvas.width, canvas.height)
            truth = true_cells(*maps, parts, list(range(shape[0])))
            condition = encoded(self.vae, condition_clips(frames_BHW3)).float()
            condition = condition.expand(-1, -1, shape[0], -1, -1).contiguous()
        noise = random.normal(len(ids_BL), LATENT_CHANNELS, *shape)

        def asked_of(network: nn.Module) -> Velocity:
            def velocity(noisy: Tensor, sigma: float) -> Tensor:
                timesteps_B1 = noisy.new_full((len(noisy), 1), 1000 * sigma)
                coordinates = self.coordinates_KFhw
                return network(noisy, timesteps_B1, ids_BL, coordinates, condition).float()

            return velocity

        with self._autocast():
            watched = some_steps(self.levels, random)
            latents, moved = drawn(
                asked_of(model), asked_of(self.first), noise, self.levels, watched
            )
            seen = blurred(self._without_box(latents), random.normal(*latents.shape))
            terms = self.reward(seen, parts.labels_BQ, truth)
            terms |= {"moved": moved, "fading": fading(self.vae, latents, random)}
        return total_of(terms, self.kept)

    def _without_box(self, latents_BCFhw: Tensor) -> Tensor:
        """The latents with paper where the condition frame's box stands."""
        rows, columns = self.box
        covered = torch.zeros_like(latents_BCFhw[:1, :1], dtype=torch.bool)
        covered[..., :rows, :columns] = True
        return torch.where(covered, self.paper_1CF11, latents_BCFhw)
