"""The road to a causal model: stages follow each other, on folders and LMDBs, for Pocket and Wan."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from accelerate import Accelerator

from tests.conftest import ROOT
from tests.models.tiny_wan import tiny_pipeline
from tests.training.resume_runs import one_thread, random_set
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import InvalidRequest, MissingModel
from videosketcher_app.core.events import Frames
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.engines.autoregressive import AutoregressiveEngine
from videosketcher_app.models.pocket import load_pocket
from videosketcher_app.models.published import load_causal
from videosketcher_app.services.latent_sets import pack_latents
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training.causal_parts import WEIGHTS_FILE, load_parts, wan_parts
from videosketcher_app.training.causal_recipe import CausalConfig, LatentNetwork, LatentSamples
from videosketcher_app.training.causal_recipe_config import CausalRun, read_causal_run
from videosketcher_app.training.causal_recipe_forcing import draw_clip
from videosketcher_app.training.causal_recipe_run import train_causal_stage
from videosketcher_app.training.latents import (
    TEXT_FOLDER,
    SetFacts,
    TextStore,
    row_path,
    start_set,
    write_row,
)
from videosketcher_app.training.ode_pairs import Teacher, pair_settings, read_pair_settings
from videosketcher_app.training.state import StepRandom

PRESETS = ROOT / "presets" / "training"
FIXTURE = ROOT / "tests" / "fixtures" / "ar_reference"
pytestmark = pytest.mark.usefixtures(one_thread.__name__)


def run_of(stage: str, data: Path, out: Path, **changes: object) -> CausalRun:
    values: dict = {"num_steps": 2, "learning_rate": 1e-3, "checkpointed": False, "repeat": 1}
    name = f"{stage}_tiny.yaml"
    return read_causal_run(PRESETS / name, **{**values, **changes}, data=str(data), out=str(out))


def train(run: CausalRun, **options) -> None:
    def nothing_to_make(*_: object) -> None:
        raise AssertionError("the set is there already")

    train_causal_stage(run, Accelerator(cpu=True), nothing_to_make, **options)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return read_safetensors(folder / WEIGHTS_FILE)


def test_three_stages_follow_each_other_and_the_result_draws(tmp_path):
    clips = random_set(tmp_path / "clips", paths=False)
    paths = random_set(tmp_path / "paths", paths=True)
    train(run_of("causal", clips, tmp_path / "1"))
    train(run_of("ode", paths, tmp_path / "2", init=str(tmp_path / "1")))
    train(run_of("dmd", clips, tmp_path / "3", init=str(tmp_path / "2")))
    before = load_parts("tiny", tmp_path / "c").wan.transformer.state_dict()
    stages = [before, *(weights_of(tmp_path / name) for name in "123")]
    for earlier, later in pairwise(stages):
        assert earlier.keys() == later.keys()
        moved = [float((earlier[name] - later[name]).abs().max()) for name in earlier]
        assert 0 < max(moved) < 0.01  # two steps of 1e-3 from where the stage before ended
    model = load_pocket(tmp_path / "3" / "model", "cpu", torch.float32)
    assert model.defaults.num_causal_steps == 3
    plan = parse_plan(
        "Step by step sketch process of a cat, following this drawing order: 1. Head – round, center."
    )
    request = SketchRequest(prompt=str(plan), num_frames=9, width=48, height=48)
    *_, last = AutoregressiveEngine(model).generate(request, plan, cancel=CancelToken())
    assert isinstance(last, Frames)
    assert last.frames_THW3.shape == (9, 48, 48, 3)


@pytest.mark.parametrize("family", ["tiny", "wan"])
def test_what_self_forcing_learns_is_the_engine_s_own_step(tmp_path, family):
    model = "tiny" if family == "tiny" else str(FIXTURE / "checkpoint.pt")
    network = LatentNetwork(load_parts(model, tmp_path).wan)
    wan = network.wan
    dim = wan.transformer.state_dict()["text_embedding.0.weight"].shape[1]
    assert wan.text_tokens is not None
    words = torch.randn(2, wan.text_tokens, dim, generator=torch.Generator().manual_seed(0))
    cells = (6, 6) if family == "tiny" else (8, 12)
    steps = (1000.0, 757.0, 522.0)
    drawing = draw_clip(wan, words, (2, 16, 9, *cells), steps, StepRandom(1, 0, 0, "cpu"))
    assert drawing.states[0].shape == drawing.clean_BCFhw.shape == (2, 16, 9, *cells)
    timesteps = torch.full((2, 9), steps[-1])
    velocity = network(drawing.states[-1], timesteps, words, clean_BCFhw=drawing.clean_BCFhw)
    estimate = drawing.states[-1] - wan.sigma_of(steps[-1]) * velocity
    torch.testing.assert_close(estimate, drawing.clean_BCFhw, atol=2e-4, rtol=0)
    # The second step began where the first one's estimate, made noisy again, says.
    first = drawing.states[0] - wan.sigma_of(steps[0]) * network(
        drawing.states[0], torch.full((2, 9), steps[0]), words, clean_BCFhw=drawing.clean_BCFhw
    )
    random, sigma = StepRandom(1, 0, 0, "cpu"), wan.sigma_of(steps[1])
    noise = [random.normal(2, 16, 3, *cells) for _ in range(2)][1]
    expected = (1 - sigma) * first[:, :, :3] + sigma * noise
    torch.testing.assert_close(drawing.states[1][:, :, :3], expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("kind", ["self_forcing", "bidirectional"])
def test_the_other_kinds_of_matching_train(tmp_path, kind):
    clips = random_set(tmp_path / "clips", paths=False)
    changes = {kind: True, "timesteps": [1000, 757, 522], "generator_every": 1}
    run = run_of("dmd", clips, tmp_path / "out", **changes)
    train(run)
    before = load_parts("tiny", tmp_path / "c").wan.transformer.state_dict()
    after = weights_of(tmp_path / "out")
    assert any(not torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(InvalidRequest, match="above 0 alone"):
        run_of("dmd", clips, tmp_path / "out", **{**changes, "timesteps": [1000, 0]})


def test_a_folder_and_its_lmdb_train_the_same_weights(tmp_path):
    pytest.importorskip("lmdb")
    folder = random_set(tmp_path / "set", paths=True)
    pack_latents(folder, tmp_path / "lmdb")
    for name, data in (("by folder", folder), ("by lmdb", tmp_path / "lmdb")):
        train(run_of("ode", data, tmp_path / name))
    for name, value in weights_of(tmp_path / "by folder").items():
        assert torch.equal(value, weights_of(tmp_path / "by lmdb")[name])
    assert any((tmp_path / "lmdb").iterdir())
    assert not (tmp_path / "lmdb" / TEXT_FOLDER).exists()  # published folders are left alone


def test_every_epoch_shows_every_row_as_often_as_asked():
    class Rows(list):
        facts = None

    config = CausalConfig(repeat=3, data_seed=5)
    samples = LatentSamples(Rows(range(4)), TextStore(Path("none")), 1, config, per_step=2)  # type: ignore[arg-type]
    orders = [[samples.row(12 * epoch + i) for i in range(12)] for epoch in range(3)]
    for order in orders:
        assert sorted(order) == sorted([*range(4)] * 3)
    assert orders[0] != orders[1] != orders[2]
    # Rows that do not fill a step of all processes are left out, and few rows fill one.
    dropped = LatentSamples(Rows(range(7)), TextStore(Path("none")), 1, CausalConfig(), per_step=3)  # type: ignore[arg-type]
    assert len({dropped.row(i) for i in range(6)}) == dropped.per_epoch == 6
    few = LatentSamples(Rows(range(2)), TextStore(Path("none")), 1, CausalConfig(), per_step=5)  # type: ignore[arg-type]
    assert {few.row(i) for i in range(5)} == {0, 1}


def test_two_processes_share_each_step(tmp_path):
    from videosketcher_app.training.causal_recipe import RegressionRecipe
    from videosketcher_app.training.latents import open_latents, text_store_of

    data = random_set(tmp_path / "set", paths=False)
    parts = load_parts("tiny", tmp_path / "c")
    texts = text_store_of(data, tmp_path)
    texts.fill([*open_latents(data).prompts()], parts)
    network = LatentNetwork(parts.wan)

    def batches(size: int, rank: int, world: int):
        config = CausalConfig(batch_size=size, repeat=4)
        recipe = RegressionRecipe(config, network, open_latents(data), texts, torch.device("cpu"))
        return recipe.batches(0, rank, world)

    alone, first, second = batches(2, 0, 1), batches(1, 0, 2), batches(1, 1, 2)
    for step in range(3):
        whole, halves = next(alone), [next(first), next(second)]
        assert whole[0] == halves[0][0] == halves[1][0] == step
        for field in (1, 2):
            assert torch.equal(whole[field], torch.cat([half[field] for half in halves]))


def test_a_wan_transformer_trains_on_ready_latents(tmp_path):
    recorded = read_safetensors(FIXTURE / "tensors.safetensors")
    folder, prompt = tmp_path / "set", "a cat"
    facts = SetFacts(kind="clips", encoders="wan 2.1", width=96, height=64, num_frames=33)
    start_set(folder, facts)
    write_row(row_path(folder, 0), recorded["noise"][0], prompt, "clip 0")
    run = run_of("causal", folder, tmp_path / "out", model=str(FIXTURE / "checkpoint.pt"))
    with pytest.raises(MissingModel, match="without VAE and text encoder"):
        train(run)
    from videosketcher_app.storage.tensors import write_safetensors

    texts = TextStore(folder / TEXT_FOLDER)
    words = recorded["prompt_embeds"][0]
    negative = load_parts(run.model, tmp_path / "c").negative_prompt
    texts.folder.mkdir()
    for text in (prompt, negative):
        write_safetensors(texts.path(text), {"embeddings": words})
    train(run)
    trained = load_causal(tmp_path / "out" / "model", cache=tmp_path / "c")
    before = load_causal(FIXTURE / "checkpoint.pt", cache=tmp_path / "c")
    after = trained.transformer.state_dict()
    assert after.keys() == before.transformer.state_dict().keys()
    assert trained.transformer.blocks[0].num_heads == before.transformer.blocks[0].num_heads


def test_a_whole_wan_pipeline_encodes_and_teaches(tmp_path):
    pipe = tiny_pipeline(in_dim=16)
    parts = wan_parts(pipe, "wan")
    latents = parts.encode_clip(np.full((9, 32, 48, 3), 200, np.uint8))
    assert latents.shape == (16, 3, 4, 6)
    words = parts.encode_prompt("a cat")
    assert words.shape == (512, 32)
    assert words[:6].any(1).all()  # five bytes and the end
    assert not words[6:].any()
    settings = {"model": "wan", "width": 48, "height": 32, "num_frames": 9, "guidance_scale": 6.0}
    teacher = Teacher(
        parts, pair_settings({**settings, "num_inference_steps": 2, "keep": (0, -1)}, "x")
    )
    path = teacher.path(words[:6], 0)
    # The same by diffsynth's own pass, both prompts at once.
    pipe.scheduler.set_timesteps(2, denoising_strength=1.0, shift=8)
    x = path[:1].transpose(1, 2)
    negative = parts.encode_prompt(parts.negative_prompt)
    for timestep in pipe.scheduler.timesteps:
        flows = [
            pipe.model_fn(dit=pipe.dit, latents=x, timestep=timestep[None], context=context[None])
            for context in (words, negative)
        ]
        x = pipe.scheduler.step(flows[1] + 6 * (flows[0] - flows[1]), timestep, x)
    torch.testing.assert_close(path[1:].transpose(1, 2), x, atol=2e-3, rtol=1e-3)


def test_what_does_not_fit_is_refused(tmp_path):
    clips = random_set(tmp_path / "clips", paths=False)
    paths = random_set(tmp_path / "paths", paths=True)
    out = tmp_path / "out"
    for run, reason in (
        (run_of("causal", paths, out), "holds a teacher's paths"),
        (run_of("ode", clips, out), "Paths of 4 states"),
        (run_of("ode", paths, out, timesteps=[1000, 500, 250, 0]), "have states at"),
        (run_of("ode", tmp_path, out), "no paths of a teacher"),
        (run_of("causal", clips, out, model="tiny-brush"), "draws with a brush"),
        (run_of("causal", clips, out, model="nothing"), "no model named"),
    ):
        with pytest.raises(InvalidRequest, match=reason):
            train(run)
    with pytest.raises(MissingModel, match="not on this disk"):
        train(run_of("causal", clips, out, model="wan2.1-t2v-1.3b"))
    (clips / "latents.json").write_text((clips / "latents.json").read_text().replace("pocket", "x"))
    with pytest.raises(InvalidRequest, match="another VAE or text encoder"):
        train(run_of("causal", clips, out))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stage: causal\nlearing_rate: 1", "Unknown key.*learing_rate"),
        ("stage: lora", "stage"),
        ("stage: causal\nmodel: tiny\nout: x", "data"),
        ("stage: causal\nmodel: tiny\ndata: d\nout: x\ntimesteps: [500, 700]", "must fall"),
        ("stage: causal\nmodel: tiny\ndata: d\nout: x\nlearning_rate: fast", "learning_rate"),
        ("- a\n- b", "holds no keys"),
        ("a: [", "no YAML"),
    ],
)
def test_configurations_that_cannot_be_are_refused(tmp_path, text, reason):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=reason):
        read_causal_run(path)


def test_the_presets_hold_the_reference_s_numbers():
    kinds = {"causal", "ode", "dmd"}
    for path in sorted(PRESETS.glob("*.yaml")):
        if path.name.startswith("ode_pairs"):
            read_pair_settings(path)
        elif yaml.safe_load(path.read_text()).get("stage") == path.stem.split("_")[0] in kinds:
            read_causal_run(path, data="d", out="o")
    ar = read_causal_run(PRESETS / "causal_studio.yaml", data="d", out="o")
    # Seven clips on seven devices: 100 steps an epoch (facts: reference 5.3).
    assert ar.loop_config(rows=7, world=7).num_steps == 27 * 100
    assert (ar.learning_rate, ar.betas, ar.clip_norm) == (2e-6, (0.9, 0.999), 10)
    assert ar.levels == (1000, 757, 522, 0)
    warped = read_causal_run(PRESETS / "dmd_studio_warped.yaml", data="d", out="o")
    assert warped.levels == pytest.approx((1000, 960, 888.889, 727.273, 0), abs=1e-3)
    pairs = read_pair_settings(PRESETS / "ode_pairs_studio.yaml")
    assert (pairs.count, pairs.num_inference_steps, pairs.guidance_scale) == (1500, 50, 6)
    ode = read_causal_run(PRESETS / "ode_studio.yaml", data="d", out="o")
    assert pairs.timesteps == pytest.approx(ode.levels, abs=1)
