"""Where the error of a latent cell counts more, and what the student itself makes of noise."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from videosketcher_app.data.raster import NEVER
from videosketcher_app.engines.schedules import sigmas
from videosketcher_app.training.guided_steps import GuidedSteps
from videosketcher_app.training.ink_weights import InkWeights, ink_cells


def one_mark(time: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Maps of a mark in the cell of row 1, column 2, inked at a time; 3 x 4 cells."""
    coverage, inked = torch.zeros(1, 24, 32), torch.full((1, 24, 32), NEVER)
    coverage[0, 9:12, 17:20], inked[0, 9:12, 17:20] = 0.8, time
    return coverage, inked


def test_a_cell_holds_ink_from_the_latent_frame_that_ends_after_it_came():
    # Latent frame f ends with frame 4 f.
    for time, first in ((0.0, 0), (0.5, 1), (4.0, 1), (4.5, 2), (9.0, 3)):
        cells = ink_cells(*one_mark(time), latent_frames=4)
        assert cells.shape == (1, 4, 3, 4)
        seen = cells[0, :, 1, 2]
        assert seen.tolist() == pytest.approx([0.0] * first + [0.8] * (4 - first))
        cells[0, :, 1, 2] = 0
        assert not cells.any()


def test_new_ink_weighs_most_and_a_clip_one_on_average():
    weight = InkWeights(ink=1.0, new_ink=4.0).of(*one_mark(5.0), latent_frames=4)
    assert weight.shape == (1, 1, 4, 3, 4)
    assert float(weight.mean()) == pytest.approx(1)
    paper = float(weight[0, 0, 0, 0, 0])
    seen = (weight[0, 0, :, 1, 2] / paper).tolist()
    assert seen == pytest.approx([1, 1, 1 + 5 * 0.8, 1 + 0.8])


def test_without_weights_all_cells_count_alike():
    weight = InkWeights().of(*one_mark(5.0), latent_frames=4)
    assert torch.equal(weight, torch.ones_like(weight))


def test_own_latents_are_where_the_sampler_arrives_after_as_many_steps():
    steps = GuidedSteps(num_inference_steps=4, teacher_steps=3, guidance_scale=2.0, shift=8.0)
    asked = []

    def student(noisy, timesteps):
        asked.append(float(timesteps[0, 0]))
        assert timesteps.shape == (2, 1)
        return 0.5 * noisy

    noise = torch.ones(2, 1, 1, 1, 1)
    levels = sigmas(4, 8.0)
    expected = 1.0
    for sigma, after in pairwise(levels[:3]):
        expected += (after - sigma) * 0.5 * expected
    found = steps.own_latents(student, noise, 2)
    torch.testing.assert_close(found, torch.full_like(noise, expected))
    assert asked == pytest.approx([1000 * level for level in levels[:2]])
    assert torch.equal(steps.own_latents(student, noise, 0), noise)
