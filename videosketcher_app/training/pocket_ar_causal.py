"""Recipe: the causal teacher of pocket-ar, trained on half-drawn sketches by flow matching.

A whole network learns every block from a clean past, each block at a noise level of its own; in a
share of the steps it is bidirectional around given frames, which is what distribution matching asks
it later.

Legend: B batch, C channels, F latent frames, h/w latent cells, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from videosketcher_app.data.continuations import BLOCK_LATENT_FRAMES
from videosketcher_app.engines.schedules import shifted
from videosketcher_app.models.text import PocketTokenizer
from videosketcher_app.models.vae import PocketVAE
from videosketcher_app.training.ar_regression import add_noise, masked_mean
from videosketcher_app.training.flow_matching import drop_words
from videosketcher_app.training.pocket_ar_base import ArConfig, ArRecipe
from videosketcher_app.training.pocket_ar_batches import ArBatch
from videosketcher_app.training.pocket_ar_pass import CausalNetwork
from videosketcher_app.training.pocket_t2v import build_optimizers
from videosketcher_app.training.state import StepRandom


class CausalRecipe(ArRecipe):
    """Flow matching on every block given the clean past; see the module's docstring."""

    def __init__(
        self,
        config: ArConfig,
        vae: PocketVAE,
        tokenizer: PocketTokenizer,
        network: CausalNetwork,
        device: torch.device,
    ) -> None:
        super().__init__(config, vae, tokenizer, device)
        self.module: nn.Module = network
        network.run_block = self.run_block
        self.optimizers: Sequence[torch.optim.Optimizer] = build_optimizers(
            network, config.matrix_rate, config.other_rate
        )

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Squared error of the velocity over what the model's own hand draws."""
        window = self.encode(batch)
        ids_BL = drop_words(window.ids_BL, self.config.prompt_dropout, random)
        noise = random.normal(*window.clean_BCFhw.shape)
        bidirectional = random.coin(self.config.bidirectional_share)
        sigma_BF = self._sigmas(window, random, shared=bidirectional)
        counted_BF = window.own_BF
        if bidirectional:
            sigma_BF = torch.where(window.given_F, 0.0, sigma_BF)
            counted_BF = counted_BF & window.drawn_BF
        noisy = add_noise(window.clean_BCFhw, noise, sigma_BF)
        past = None if bidirectional else self._past(window.clean_BCFhw, random)
        with self.autocast():
            velocity = model(noisy, 1000 * sigma_BF, ids_BL, window.coordinates_KFhw, past)
        goal = noise - window.clean_BCFhw
        error_BF = (velocity.float() - goal).square().mean((1, 3, 4))
        loss = masked_mean(error_BF, counted_BF)
        return {"loss": loss, "loss_both" if bidirectional else "loss_causal": loss.detach()}

    def _sigmas(self, window: ArBatch, random: StepRandom, *, shared: bool) -> Tensor:
        """Noise levels (B, F): one a block, or one a window."""
        batch, frames = window.own_BF.shape
        count = 1 if shared else frames // BLOCK_LATENT_FRAMES
        low, high = self.config.shifts
        shift = torch.where(random.uniform(batch, count) < 0.5, low, high)
        sigma = shifted(random.uniform(batch, count), shift)  # type: ignore[arg-type]
        return sigma.repeat_interleave(frames // count, dim=1)

    def _past(self, clean_BCFhw: Tensor, random: StepRandom) -> Tensor:
        """The clean window, slightly noisy in half of the drawings, as the model's own would be."""
        batch, frames = clean_BCFhw.shape[0], clean_BCFhw.shape[2]
        amount = self.config.context_noise * random.uniform(batch, 1)
        amount = torch.where(random.uniform(batch, 1) < 0.5, amount, 0.0).expand(-1, frames)
        return add_noise(clean_BCFhw, random.normal(*clean_BCFhw.shape), amount)
