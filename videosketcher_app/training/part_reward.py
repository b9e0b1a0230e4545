"""What a drawing is worth to a part reader: all parts of the plan there, drawn one after the other.

Gradients of the reward flow through the reader's frozen weights to the latents, and through all of the
sampler's steps to the model (direct reward fine-tuning: Clark et al. 2024, DRaFT, arXiv 2309.17400;
Prabhudesai et al. 2024, VADER, arXiv 2407.08737). Terms are losses: 0 is the best.

Legend: B clips, C channels, F latent frames, h/w latent cells, Q parts, G/K the reader's grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from videosketcher_app.training.part_reader import PartReader
from videosketcher_app.training.part_reader_recipe import strongest

SURE = 2.0  # logit from which a part is there
LEAST_SHARE = 0.6  # of a true drawing's cells that a part has to fill
FEWEST_CELLS = 3.0
BEGUN, DONE = 0.25, 0.7  # shares of its final cells between which a part is being drawn
DRAWN, NOT_BEGUN = 0.9, 0.02  # share of a part's cells


@dataclass(frozen=True, kw_only=True)
class RewardWeights:
    """How much each term counts.

    Attributes:
        present: parts are there at the end, with about the size they have in true drawings.
        order: pairs of parts are drawn in the plan's order.
        schedule: parts are there when a true drawing of the plan has them, and not before.
    """

    present: float = 1.0
    order: float = 1.0
    schedule: float = 0.0


class PartReward:
    """Reads drawings and says what they lack.

    Args:
        reader: frozen, on the device.
    """

    def __init__(self, reader: PartReader, weights: RewardWeights | None = None) -> None:
        self.reader, self.weights = reader, weights or RewardWeights()

    def __call__(
        self, latents_BCFhw: Tensor, labels_BQ: Tensor, truth_BFQ: Tensor
    ) -> dict[str, Tensor]:
        """The terms, and "reward_loss", their weighted sum.

        Args:
            labels_BQ: of the plan's parts, in its order; negative where there is none.
            truth_BFQ: cells of the grid that a true drawing of the plan has inked of every part.
        """
        logits = self.reader(latents_BCFhw, labels_BQ)
        sure_BFQ, cells_BFQ = strongest(logits), logits.sigmoid().sum((-1, -2))
        asked_BQ = (labels_BQ >= 0) & (truth_BFQ[:, -1] > 0)
        weights, device = self.weights, logits.device
        terms = {"lacking": torch.zeros((), device=device)}
        if weights.present:
            terms["lacking"] = lacking(
                sure_BFQ[:, -1], cells_BFQ[:, -1], truth_BFQ[:, -1], asked_BQ
            )
        if weights.order:
            terms["disorder"] = disorder(cells_BFQ, asked_BQ)
        if weights.schedule:
            terms["off_schedule"] = off_schedule(sure_BFQ, truth_BFQ, asked_BQ)
        total = (
            weights.present * terms["lacking"]
            + weights.order * terms.get("disorder", 0.0)
            + weights.schedule * terms.get("off_schedule", 0.0)
        )
        missing = mean_of((sure_BFQ[:, -1] < 0).float(), asked_BQ)
        return {"reward_loss": total, **terms, "missing": missing.detach()}


def lacking(sure_BQ: Tensor, cells_BQ: Tensor, truth_BQ: Tensor, asked_BQ: Tensor) -> Tensor:
    """How unsure the reader is of the parts at the end, and how much of them it misses."""
    unsure = functional.relu(SURE - sure_BQ).clamp(max=3 * SURE) / SURE
    wanted = (LEAST_SHARE * truth_BQ).clamp(min=FEWEST_CELLS)
    small = functional.relu(1 - cells_BQ / wanted)
    return mean_of(unsure + small, asked_BQ)


def disorder(cells_BFQ: Tensor, asked_BQ: Tensor) -> Tensor:
    """Of pairs of parts that are there: how long the later one grows while the earlier one is not done.

    Of a pair's latent frames the logarithm counts: a pair is in order or it is not, but one that is
    far from it, as most wrong ones are, still has to feel a pull.
    """
    final_BQ = cells_BFQ[:, -1].detach()
    share_BFQ = (cells_BFQ / final_BQ[:, None].clamp(min=FEWEST_CELLS)).clamp(max=1)
    begun_BFQ = functional.relu(share_BFQ - BEGUN) / (1 - BEGUN)
    open_BFQ = functional.relu(DONE - share_BFQ) / DONE
    early = torch.einsum("bfj,bfi->bij", begun_BFQ, open_BFQ)
    there_BQ = asked_BQ & (final_BQ >= FEWEST_CELLS)
    pairs = there_BQ[:, :, None] & there_BQ[:, None, :]
    pairs &= torch.ones_like(pairs[0]).triu(1)
    return mean_of(early.log1p(), pairs)


def off_schedule(sure_BFQ: Tensor, truth_BFQ: Tensor, asked_BQ: Tensor) -> Tensor:
    """Parts that a true drawing has by a latent frame and this one has not, and the other way round.

    One latent frame earlier or later is not counted.
    """
    share_BFQ = truth_BFQ / truth_BFQ[:, -1:].clamp(min=1)
    padded = functional.pad(share_BFQ, (0, 0, 1, 1), mode="replicate")
    before_BFQ, after_BFQ = padded[:, :-2], padded[:, 2:]
    due = (before_BFQ >= DRAWN) & asked_BQ[:, None]
    early = (after_BFQ <= NOT_BEGUN) & asked_BQ[:, None]
    late_loss = functional.relu(SURE - sure_BFQ).clamp(max=3 * SURE) / SURE
    early_loss = functional.relu(SURE + sure_BFQ).clamp(max=3 * SURE) / SURE
    return mean_of(late_loss, due) + mean_of(early_loss, early)


def mean_of(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen values; 0 if there are none."""
    return (values * chosen).sum() / chosen.sum().clamp(min=1)
