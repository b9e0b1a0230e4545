"""A critic of latents: tells true sketches from drawn ones, and so keeps a rewarded model honest.

A part reader can be pleased by smudges that no hand would draw. The critic looks at small windows of
a few latent frames, knows no words, and learns beside the model on its very drawings; what it finds
false costs the model (adversarial training of few-step samplers: Sauer et al. 2023, ADD, arXiv
2311.17042; hinge losses: Lim and Ye 2017, arXiv 1705.02894). Both sides see some noise, so that
nothing finer than that can be told apart.

Legend: B clips, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from videosketcher_app.models.image_condition import LATENT_CHANNELS

WIDTHS = (64, 96, 128)
NOISE = 0.15


class LatentCritic(nn.Module):
    """Scores (B, 1, F, h/4, w/4) of latents; above 0 is true."""

    def __init__(self) -> None:
        super().__init__()
        first, middle, last = WIDTHS
        self.layers = nn.Sequential(
            nn.Conv3d(LATENT_CHANNELS, first, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv3d(first, middle, (1, 3, 3), (1, 2, 2), (0, 1, 1)),
            nn.GroupNorm(8, middle),
            nn.LeakyReLU(0.2),
            nn.Conv3d(middle, last, 3, (1, 2, 2), 1),
            nn.GroupNorm(8, last),
            nn.LeakyReLU(0.2),
            nn.Conv3d(last, 1, 1),
        )

    def forward(self, latents_BCFhw: Tensor) -> Tensor:
        """Scores of windows."""
        scores: Tensor = self.layers(latents_BCFhw)
        return scores


class WithCritic(nn.Module):
    """A model and its critic, as one trained module.

    Called with latents to judge, it gives a loss; called as the model is, it is the model.
    """

    def __init__(self, network: nn.Module, critic: LatentCritic) -> None:
        super().__init__()
        self.network, self.critic = network, critic

    def forward(
        self,
        *given: object,
        judged: Literal["model", "critic"] | None = None,
        **named: object,
    ) -> Tensor:
        """The model's answer, or a loss.

        Args:
            given: of the model; or latents drawn, and for the critic latents of true sketches.
            judged: "model": how false the drawn latents look, with a gradient for them alone.
                "critic": how badly the critic tells the two apart, with a gradient for it alone.
        """
        if judged is None:
            answer: Tensor = self.network(*given, **named)
            return answer
        drawn = given[0]
        assert isinstance(drawn, Tensor)
        if judged == "model":
            frozen = {name: p.detach() for name, p in self.critic.named_parameters()}
            return -functional_call(self.critic, frozen, (drawn,)).float().mean()
        true = given[1]
        assert isinstance(true, Tensor)
        found, seen = (self.critic(x.detach()).float() for x in (drawn, true))
        return functional.relu(1 + found).mean() + functional.relu(1 - seen).mean()


def blurred(latents_BCFhw: Tensor, noise_BCFhw: Tensor) -> Tensor:
    """Latents as a critic sees them."""
    return latents_BCFhw + NOISE * noise_BCFhw


def network_of(ema: dict[str, Tensor]) -> dict[str, Tensor]:
    """The model's weights out of those of `WithCritic`, or of the model itself."""
    start = "network."
    if not any(key.startswith(start) for key in ema):
        return ema
    return {key.removeprefix(start): x for key, x in ema.items() if key.startswith(start)}
