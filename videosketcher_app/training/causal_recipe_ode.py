"""Recipe: a causal student learns from every stored state of a teacher's paths where they end.

CausVid's initialization (Yin et al. 2025, arXiv 2412.07772). Each block gets one of the path's
states, the clean end among them.

Legend: B batch, P path states, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from videosketcher_app.training.ar_regression import clean_of
from videosketcher_app.training.causal_recipe import LatentRecipe, by_timestep
from videosketcher_app.training.ode import mixed_states, ode_loss
from videosketcher_app.training.state import StepRandom


class StoredOdeRecipe(LatentRecipe):
    """Regression of stored paths to their ends; the set's rows are (P, F, C, h, w)."""

    def loss(self, model: nn.Module, batch: tuple, random: StepRandom) -> dict[str, Tensor]:
        """Squared error of the clean estimate against the path's end, over frames above 0."""
        _, path_BPFChw, words_BSD = batch
        path_BPCFhw = path_BPFChw.transpose(2, 3)
        batch_size, _, _, num_frames = path_BPCFhw.shape[:4]
        timesteps_BF, sigma_BF = self.levels(batch_size, num_frames, random)
        kept = torch.tensor(self.config.timesteps, device=timesteps_BF.device)
        index_BF = (timesteps_BF[..., None] == kept).long().argmax(-1)
        noisy, end = mixed_states(path_BPCFhw, index_BF), path_BPCFhw[:, -1]
        with self.autocast():
            velocity = model(noisy, timesteps_BF, words_BSD)
        loss = ode_loss(noisy, velocity.float(), end, timesteps_BF, sigma_BF)
        estimate = clean_of(noisy, velocity.float().detach(), sigma_BF)
        return {"loss": loss, **by_timestep(estimate, end, timesteps_BF)}
