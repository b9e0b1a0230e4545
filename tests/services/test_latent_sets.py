"""A folder of latents becomes one LMDB, and broken files are named."""

from __future__ import annotations

import json

import pytest
import torch

from videosketcher_app.cli.main import main
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.services.latent_sets import pack_latents
from videosketcher_app.storage.latent_lmdb import LatentReader
from videosketcher_app.storage.tensors import read_pickle_weights

SHAPE = (1, 3, 16, 4, 6)


@pytest.fixture
def folder(tmp_path):
    random = torch.Generator().manual_seed(1)
    made = tmp_path / "latents"
    made.mkdir()
    for i, prompt in enumerate(["a cat", "a dog", "a cat"]):
        latents = torch.randn(SHAPE, generator=random).to(torch.bfloat16)
        torch.save({prompt: latents}, made / f"{i:08d}.pt")
    return made


def test_the_published_command_packs_and_names_broken_files(folder, tmp_path, capsys):
    (folder / "00000003.pt").write_bytes(b"broken")
    torch.save({"no axis": torch.zeros(3, 16)}, folder / "00000004.pt")
    torch.save({1: torch.zeros(SHAPE)}, folder / "00000005.pt")
    words = ["data", "lmdb", "--data_path", str(folder), "--lmdb_path", str(tmp_path / "lmdb")]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["rows"], result["repeated"]) == (2, 1)
    assert sorted(result["broken"]) == ["00000003.pt", "00000004.pt", "00000005.pt"]
    reader = LatentReader(tmp_path / "lmdb")
    prompt, latents = reader[1]
    reader.close()
    stored = read_pickle_weights(folder / "00000001.pt")["a dog"][0]
    assert prompt == "a dog"
    torch.testing.assert_close(torch.from_numpy(latents), stored.half(), rtol=0, atol=0)


def test_nothing_usable_writes_nothing(folder, tmp_path):
    for file in folder.iterdir():
        file.write_bytes(b"")
    with pytest.raises(InvalidFile, match="No file in latents"):
        pack_latents(folder, tmp_path / "lmdb")
    with pytest.raises(InvalidFile, match="no folder"):
        pack_latents(tmp_path / "nowhere", tmp_path / "lmdb")
    assert not (tmp_path / "lmdb").exists()


def test_mixed_sizes_are_refused(folder, tmp_path):
    torch.save({"wide": torch.zeros(1, 3, 16, 4, 9)}, folder / "9.pt")
    with pytest.raises(InvalidRequest, match="one shape"):
        pack_latents(folder, tmp_path / "lmdb")
