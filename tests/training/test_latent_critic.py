"""The critic of latents: what it learns, whom its gradients reach, and how far it is believed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from videosketcher_app.training.latent_critic import LatentCritic, WithCritic, network_of, trust

SHAPE = (2, 16, 7, 12, 16)


def latents(seed: int, *, faded: bool) -> Tensor:
    """Latents with columns of ink, whole ones or with a gap."""
    x = 0.1 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    x[..., 3::6] += 1.0
    if faded:
        x[..., 4:8, 3::6] -= 1.0
    return x


@pytest.fixture
def judge() -> WithCritic:
    torch.manual_seed(0)
    return WithCritic(nn.Linear(3, 3), LatentCritic())


def test_it_sees_windows_of_two_sizes(judge: WithCritic) -> None:
    narrow, wide = judge.critic(torch.zeros(2, 16, 21, 30, 54))
    assert (narrow.shape, wide.shape) == ((2, 1, 21, 8, 14), (2, 1, 11, 4, 7))


def test_it_learns_to_tell_gaps_from_whole_lines(judge: WithCritic) -> None:
    optimizer = torch.optim.AdamW(judge.critic.parameters(), 1e-3, betas=(0.5, 0.99))
    for step in range(40):
        drawn, true = latents(step, faded=True), latents(1000 + step, faded=False)
        loss = judge(drawn, true, judged="critic")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(trust(loss)) > 0.9
    told = {gap: float(judge(latents(7, faded=gap), judged="model").detach()) for gap in (0, 1)}
    assert told[1] > 0.5
    assert told[0] < -0.5


def test_the_model_s_loss_reaches_the_drawing_and_the_critic_s_the_critic(
    judge: WithCritic,
) -> None:
    drawn = latents(1, faded=True).requires_grad_()
    judge(drawn, judged="model").backward()
    assert drawn.grad is not None
    assert drawn.grad.abs().sum() > 0
    assert all(p.grad is None for p in judge.parameters())
    drawn.grad = None
    judge(drawn, latents(2, faded=False), judged="critic").backward()
    assert drawn.grad is None
    assert all(p.grad is not None for p in judge.critic.parameters())
    assert all(p.grad is None for p in judge.network.parameters())


def test_who_cannot_tell_is_not_believed() -> None:
    # Hinge losses of both sides: 2 for scores of 0, less than 0 never.
    assert [float(trust(torch.tensor(x))) for x in (2.4, 2.0, 1.0, 0.0)] == [0.0, 0.0, 0.5, 1.0]


def test_called_without_a_question_it_is_the_model(judge: WithCritic) -> None:
    x = torch.ones(2, 3)
    assert torch.equal(judge(x), judge.network(x))
    weights = network_of(judge.state_dict())
    assert weights.keys() == judge.network.state_dict().keys()
    assert network_of(dict(judge.network.state_dict())).keys() == weights.keys()
