"""A critic of latents: tells true sketches from drawn ones, and so keeps a rewarded model honest.

A part reader can be pleased by smudges that no hand would draw, and a distilled model draws broken
outlines, the mean of several that its teacher would draw. The critic looks at windows of two sizes,
knows no words, and learns beside the model on its very drawings; what it finds false costs the model
(adversarial training of few-step samplers: Sauer et al. 2023, ADD, arXiv 2311.17042; hinge losses: Lim
and Ye 2017, arXiv 1705.02894). Both sides see some noise, so that nothing finer than that can be told
apart. Its word counts as far as it can tell the two apart (`trust`): nothing at first.

Legend: B clips, C channels, F latent frames, h/w latent cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from videosketcher_app.models.image_condition import LATENT_CHANNELS

WIDTHS = (64, 96, 128, 160)
NOISE = 0.15
Triple = tuple[int, int, int]


class LatentCritic(nn.Module):
    """Scores of the windows of latents; above 0 is true.

    Narrow windows are 9 cells wide and 5 latent frames long, wide ones 33 cells and 11 frames.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = WIDTHS
        self.narrow = nn.Sequential(
            nn.Conv3d(LATENT_CHANNELS, first, 3, padding=1),
            nn.LeakyReLU(0.2),
            *_halved(first, second, (1, 3, 3), (1, 2, 2)),
            *_halved(second, third, (3, 3, 3), (1, 2, 2)),
        )
        self.wide = nn.Sequential(
            *_halved(third, last, (3, 3, 3), (2, 2, 2)),
            nn.Conv3d(last, last, 3, padding=1),
            nn.LeakyReLU(0.2),
        )
        self.score_narrow, self.score_wide = nn.Conv3d(third, 1, 1), nn.Conv3d(last, 1, 1)

    def forward(self, latents_BCFhw: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of narrow windows (B, 1, F, h/4, w/4), of wide ones (B, 1, F/2, h/8, w/8)."""
        narrow = self.narrow(latents_BCFhw)
        wide = self.wide(narrow)
        return self.score_narrow(narrow).float(), self.score_wide(wide).float()


def _halved(inputs: int, outputs: int, kernel: Triple, stride: Triple) -> list[nn.Module]:
    padding = tuple(k // 2 for k in kernel)
    layer = nn.Conv3d(inputs, outputs, kernel, stride, padding)  # type: ignore[arg-type]
    return [layer, nn.GroupNorm(8, outputs), nn.LeakyReLU(0.2)]


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
            return _mean(-x for x in functional_call(self.critic, frozen, (drawn,)))
        true = given[1]
        assert isinstance(true, Tensor)
        found, seen = (self.critic(x.detach()) for x in (drawn, true))
        return _mean(functional.relu(1 + x) for x in found) + _mean(
            functional.relu(1 - x) for x in seen
        )


def trust(critic_loss: Tensor) -> Tensor:
    """How far a critic can tell drawn from true: 0 if not at all, 1 if always."""
    return (1 - critic_loss.detach() / 2).clamp(min=0)


def _mean(scores: Iterable[Tensor]) -> Tensor:
    """Windows of both sizes count alike."""
    return torch.stack([x.mean() for x in scores]).mean()


def blurred(latents_BCFhw: Tensor, noise_BCFhw: Tensor) -> Tensor:
    """Latents as a critic sees them."""
    return latents_BCFhw + NOISE * noise_BCFhw


def network_of(ema: dict[str, Tensor]) -> dict[str, Tensor]:
    """The model's weights out of those of `WithCritic`, or of the model itself."""
    start = "network."
    if not any(key.startswith(start) for key in ema):
        return ema
    return {key.removeprefix(start): x for key, x in ema.items() if key.startswith(start)}
