"""The classifier of brush kinds: a bank that grows, weights that are learned on, a calibration."""

from __future__ import annotations

import pytest
import torch

from videosketcher_app.data.brushes.model import KINDS
from videosketcher_app.evaluation.texture import SIDE_PX, load_judge
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.training import texture_bank
from videosketcher_app.training.texture import TextureConfig, train_texture
from videosketcher_app.training.texture_bank import PATCHES_PER_PICTURE, ROOM_PX


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(texture_bank, "SHARD_DRAWINGS", 2)


def grown(folder, vae, shards):
    while len(list(folder.glob("*.safetensors"))) < shards:
        texture_bank.grow_bank(folder, vae, 5, seconds=1e-3, device="cpu")
    return texture_bank.read_bank(folder)


def test_a_bank_grows_by_new_drawings_and_is_always_the_same(tmp_path):
    vae = tiny_model().vae
    first, second = tmp_path / "a", tmp_path / "b"
    bank = grown(first, vae, 2)
    each = 3 * PATCHES_PER_PICTURE  # two drawings, one of them through the VAE as well
    assert bank.patches_NSS.shape == (2 * each, SIDE_PX + ROOM_PX, SIDE_PX + ROOM_PX)
    assert bank.patches_NSS.dtype == torch.uint8
    assert int(bank.patches_NSS.max()) > 100
    assert set(bank.kinds_N.tolist()) <= set(range(len(KINDS)))
    again = grown(second, vae, 1)
    assert torch.equal(again.patches_NSS, bank.patches_NSS[:each])
    assert not torch.equal(bank.patches_NSS[:each], bank.patches_NSS[each:])


def test_weights_are_learned_on_and_calibrated(tmp_path):
    vae = tiny_model().vae
    grown(tmp_path / "bank", vae, 1)
    short = {"seconds": 0.5, "painting_share": 0.0, "batch_size": 8, "checked": 0}
    judge = train_texture(TextureConfig(**short), vae, tmp_path / "bank")
    assert judge.calibration == {}
    judge.save(tmp_path)
    init = load_judge(tmp_path).net
    before = init.kinds.weight.clone()
    config = TextureConfig(**{**short, "checked": 1})
    learned = train_texture(config, vae, tmp_path / "bank", init=init)
    assert not torch.equal(learned.net.kinds.weight, before)
    assert learned.calibration["drawings"] == 1
    assert set(learned.calibration) == {
        "drawings",
        *(f"{a}_brushes_{b}" for a in ("training", "unseen") for b in ("clean", "decoded")),
    }
    assert (tmp_path / "texture.safetensors").stat().st_size < 300_000
