"""Latents and pairs are made once, by any number of processes, and go on by what they lack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from videosketcher_app.core import faults
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.services.latent_making import Share, make_clip_latents, make_ode_pairs
from videosketcher_app.services.latent_sets import pack_latents
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training.causal_parts import load_parts
from videosketcher_app.training.latents import TEXT_FOLDER, TextStore, open_latents
from videosketcher_app.training.ode_pairs import pair_settings

SIZE = (48, 48, 9)
CAPTIONS = ("a cat", "a cat, head", "猫 の 絵 🎨")


@dataclass
class Item:
    """A drawn clip; counts how often it is drawn."""

    name: str
    caption: str
    broken: bool = False
    drawn: int = 0

    def frames(self, canvas, num_frames):
        self.drawn += 1
        if self.broken:
            raise InvalidFile(f"{self.name} is cut short.", hint="Bring it again.")
        clip = np.full((num_frames, canvas.height, canvas.width, 3), 255, np.uint8)
        clip[num_frames // 2 :, 8:24, 8 : 10 + len(self.caption)] = 0
        return clip


def items_of() -> list[Item]:
    return [Item(f"clip {number}", caption) for number, caption in enumerate(CAPTIONS)]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    parts = load_parts("tiny", tmp_path_factory.mktemp("converted"))
    # Nine frames are one block here: three latent frames.
    return parts


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_set_holds_what_the_encoders_say(tmp_path, parts):
    items = items_of()
    report = make_clip_latents(items, tmp_path / "set", parts, size=SIZE)
    assert (report.made, report.kept, report.broken) == (3, 0, {})
    rows = open_latents(tmp_path / "set")
    assert [*rows.prompts()] == [*CAPTIONS]
    texts = TextStore(tmp_path / "set" / TEXT_FOLDER)
    for row, item in enumerate(items):
        prompt, latents = rows[row]
        frames = item.frames(type("Canvas", (), {"width": 48, "height": 48}), 9)
        expected = parts.encode_clip(frames).transpose(0, 1)
        assert prompt == item.caption
        assert torch.equal(latents, expected.half().float())
        words = parts.encode_prompt(prompt)
        kept = texts.read(prompt)
        assert torch.equal(kept, words[: len(kept)])
        assert not words[len(kept) :].any()


def test_a_killed_run_and_two_processes_leave_the_same_bytes(tmp_path, parts):
    make_clip_latents(items_of(), tmp_path / "whole", parts, size=SIZE)
    for rank in (1, 0):
        make_clip_latents(items_of(), tmp_path / "shared", parts, size=SIZE, share=Share(rank, 2))
    with faults.armed("atomic.before_replace", skip=3), pytest.raises(faults.Interrupted):
        make_clip_latents(items_of(), tmp_path / "killed", parts, size=SIZE)
    items = items_of()
    report = make_clip_latents(items, tmp_path / "killed", parts, size=SIZE)
    assert report.kept > 0
    assert sum(item.drawn for item in items) == report.made < 3
    whole = everything(tmp_path / "whole")
    assert everything(tmp_path / "shared") == whole
    assert everything(tmp_path / "killed") == whole


def test_what_changed_in_the_dataset_is_made_again(tmp_path, parts):
    folder = tmp_path / "set"
    make_clip_latents(items_of(), folder, parts, size=SIZE)
    other = [items_of()[0], Item("clip 1", "another caption")]
    report = make_clip_latents(other, folder, parts, size=SIZE)
    assert (report.made, report.kept) == (1, 1)
    assert [*open_latents(folder).prompts()] == ["a cat", "another caption"]


def test_broken_clips_are_named_and_the_rest_goes_on(tmp_path, parts):
    items = items_of()
    items[1].broken = True
    report = make_clip_latents(items, tmp_path / "set", parts, size=SIZE)
    assert report.broken == {"clip 1": "clip 1 is cut short."}
    assert [*open_latents(tmp_path / "set").prompts()] == [CAPTIONS[0], CAPTIONS[2]]
    with pytest.raises(InvalidFile, match="No clip can be used"):
        make_clip_latents([items[1]], tmp_path / "none", parts, size=SIZE)


def test_sizes_that_have_no_latents_are_refused(tmp_path, parts):
    for size, reason in (((48, 48, 10), "has no latents"), ((48, 48, 13), "whole blocks of 3")):
        with pytest.raises(InvalidRequest, match=reason):
            make_clip_latents(items_of(), tmp_path / "set", parts, size=size)
    make_clip_latents(items_of(), tmp_path / "set", parts, size=SIZE)
    with pytest.raises(InvalidRequest, match="begun with other settings: width"):
        make_clip_latents(items_of(), tmp_path / "set", parts, size=(72, 48, 9))


def test_an_lmdb_of_a_set_holds_its_rows(tmp_path, parts):
    pytest.importorskip("lmdb")
    make_clip_latents(items_of(), tmp_path / "set", parts, size=SIZE)
    packed = pack_latents(tmp_path / "set", tmp_path / "lmdb")
    assert packed.rows == 3
    folder, lmdb = open_latents(tmp_path / "set"), open_latents(tmp_path / "lmdb")
    assert len(folder) == len(lmdb)
    for row in range(3):
        assert folder[row][0] == lmdb[row][0]
        assert torch.equal(folder[row][1], lmdb[row][1])


def settings_of(**changes):
    values = {"model": "tiny", "width": 48, "height": 48, "num_frames": 9, "guidance_scale": 3.0}
    values |= {"num_inference_steps": 4, "keep": (0, 2, -1)}
    return pair_settings({**values, **changes}, "These settings")


def test_pairs_are_the_states_of_euler_s_method(tmp_path, parts):
    settings = settings_of()
    make_ode_pairs(CAPTIONS[:2], tmp_path / "pairs", parts, settings)
    assert (tmp_path / "pairs" / "00000.safetensors").is_file()
    _, states = open_latents(tmp_path / "pairs")[1]
    assert states.shape == (3, 3, 16, 6, 6)

    # By hand, with the model's own velocity, which reads prompts and knows no blocks.
    model = parts.pocket
    words = model.encode_prompts([CAPTIONS[1], ""])
    noise = torch.randn((1, 16, 3, 6, 6), generator=torch.Generator().manual_seed(1))
    x, kept = noise, []
    levels = [8 * u / (1 + 7 * u) for u in (1, 0.75, 0.5, 0.25, 0)]
    for step in range(4):
        kept.append(x)
        with_words, without = (
            model.velocity(x, levels[step], words[row : row + 1]) for row in (0, 1)
        )
        # CausVid guides clean estimates; that is the same.
        clean = (x - levels[step] * without) + 3 * levels[step] * (without - with_words)
        x = x + (levels[step + 1] - levels[step]) * (x - clean) / levels[step]
    expected = torch.stack([kept[0], kept[2], x])[:, 0].transpose(1, 2)
    torch.testing.assert_close(states, expected, atol=2e-3, rtol=2e-3)  # kept in float16


def test_pairs_go_on_and_are_the_same_whoever_makes_them(tmp_path, parts):
    settings = settings_of(count=5)
    make_ode_pairs(CAPTIONS, tmp_path / "whole", parts, settings)
    whole = everything(tmp_path / "whole")
    for rank in (1, 0):
        make_ode_pairs(CAPTIONS, tmp_path / "shared", parts, settings, share=Share(rank, 2))
    assert everything(tmp_path / "shared") == whole
    (tmp_path / "shared" / "00003.safetensors").unlink()
    (tmp_path / "shared" / "00001.safetensors").write_bytes(b"torn")
    report = make_ode_pairs(CAPTIONS, tmp_path / "shared", parts, settings)
    assert (report.made, report.kept) == (2, 3)
    assert everything(tmp_path / "shared") == whole
    noises = [read_safetensors(p)["latents"][0] for p in (tmp_path / "whole").glob("0*")]
    assert len({noise.numpy().tobytes() for noise in noises}) == 5  # a prompt's pairs differ


def test_settings_of_pairs_that_cannot_be_are_refused():
    assert settings_of(num_inference_steps=50, keep=(0, 36, 44, -1)).timesteps == pytest.approx(
        (1000, 756.757, 521.739, 0), abs=1e-3
    )
    for changes, reason in (
        ({"keep": (0, 1)}, "end with -1"),
        ({"keep": (2, 1, -1)}, "must rise"),
        ({"keep": (0, 4, -1)}, "stay below 4"),
        ({"shift": 0}, "shift"),
        ({"steps": 4}, "steps"),
    ):
        with pytest.raises(InvalidRequest, match=reason):
            settings_of(**changes)
