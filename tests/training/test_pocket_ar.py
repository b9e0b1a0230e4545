"""pocket-ar: what is trained is what is drawn; the stages run from one another and resume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted, InvalidRequest
from videosketcher_app.data.continuation_source import (
    ContinuationMix,
    ContinuationSource,
    Setting,
)
from videosketcher_app.data.continuations import WINDOW_BLOCKS, first_frame_of
from videosketcher_app.data.raster import clip_of_maps, ink_maps
from videosketcher_app.engines.autoregressive import timesteps_for, timesteps_of
from videosketcher_app.models.adapters import ADAPTER_FILE, AdapterConfig, inject
from videosketcher_app.models.catalogue import CHECKPOINTS
from videosketcher_app.models.causal_wan import causal_of
from videosketcher_app.models.coordinates import coordinate_channels
from videosketcher_app.models.pocket import load_adapted, load_pocket
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import read_safetensors
from videosketcher_app.training.batches import Canvas
from videosketcher_app.training.pocket import main
from videosketcher_app.training.pocket_ar_batches import (
    WIDEST_NIB,
    ArBatch,
    ContinuationDataset,
    WindowEncoder,
    continuation_batches,
)
from videosketcher_app.training.pocket_ar_pass import causal_velocity
from videosketcher_app.training.pocket_ar_rollout import Drawer
from videosketcher_app.training.pocket_ar_run import PAIRS, WHOLE, export_ar
from videosketcher_app.training.pocket_run import ArRun, read_run
from videosketcher_app.training.state import StepRandom

ROOT = Path(__file__).parents[2]
CANVAS = Canvas(width=144, height=96)
STEPS = (1000.0, 757.0, 522.0)
SETTINGS = [
    Setting(),
    Setting(given_blocks=2),
    Setting(given_blocks=1),
    Setting(first_block=5, given_blocks=4),
    Setting(first_block=9, given_blocks=6),
]


class FixedSource(ContinuationSource):
    """Every step has the same setting."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(ContinuationMix(), 3)
        self.fixed = setting

    def setting(self, step: int) -> Setting:
        return self.fixed


def batch_of(setting: Setting, count: int = 2) -> tuple[torch.Tensor, ...]:
    model = tiny_model()
    return next(
        continuation_batches(
            FixedSource(setting),
            model.tokenizer,
            CANVAS,
            batch_size=count,
            first_step=0,
            rank=0,
            world=1,
            num_workers=0,
        )
    )


def window_of(setting: Setting) -> ArBatch:
    return WindowEncoder(tiny_model().vae, CANVAS, compiled=False)(batch_of(setting))


@pytest.mark.parametrize("keeps_noise", [False, True], ids=["renoised", "kept"])
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_parallel_pass_repeats_the_last_step_of_the_engine(
    setting: Setting, keeps_noise: bool
) -> None:
    model, window = tiny_model(), window_of(setting)
    inject(model.transformer, AdapterConfig(rank=4, full=("*.bias",)))
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for param in model.transformer.parameters():
            param.add_(0.1 * torch.randn(param.shape, generator=generator))
    cpu = torch.device("cpu")
    drawer = Drawer(model.transformer_config, STEPS, cpu, keeps_noise=keeps_noise)
    context = model.text_encoder(window.ids_BL)
    rollout = drawer.draw(model.transformer, context, window, StepRandom(1, 0, 0, "cpu"))

    given = setting.given_blocks * 3
    assert torch.equal(rollout.clean_BCFhw[:, :, :given], window.clean_BCFhw[:, :, :given])
    velocity = causal_velocity(
        model.transformer,
        rollout.clean_BCFhw,
        rollout.states[-1],
        torch.full((2, 21), STEPS[-1]),
        context,
        window.coordinates_KFhw,
    )
    estimate = rollout.states[-1] - STEPS[-1] / 1000 * velocity
    drawn = rollout.clean_BCFhw[:, :, given:]
    torch.testing.assert_close(estimate[:, :, given:], drawn, atol=2e-4, rtol=0)


def test_a_step_of_the_engine_begins_where_the_recorded_state_says() -> None:
    model, window = tiny_model(), window_of(Setting(given_blocks=5))
    drawer = Drawer(model.transformer_config, STEPS, torch.device("cpu"))
    context = model.text_encoder(window.ids_BL)
    rollout = drawer.draw(model.transformer, context, window, StepRandom(1, 0, 0, "cpu"))
    random = StepRandom(1, 0, 0, "cpu")
    first = [random.normal(2, 16, 3, 12, 18) for _ in STEPS]
    assert torch.equal(rollout.states[0][:, :, 15:18], first[0])
    velocity = causal_velocity(
        model.transformer,
        rollout.clean_BCFhw,
        rollout.states[0],
        torch.full((2, 21), 1000.0),
        context,
        window.coordinates_KFhw,
    )
    second = 0.243 * (rollout.states[0] - velocity)[:, :, 15:18] + 0.757 * first[1]
    torch.testing.assert_close(rollout.states[1][:, :, 15:18], second, atol=2e-4, rtol=0)


def test_kept_noise_makes_a_block_the_end_of_its_own_flow() -> None:
    model, window = tiny_model(), window_of(Setting(given_blocks=6))
    drawer = Drawer(model.transformer_config, STEPS, torch.device("cpu"), keeps_noise=True)
    context = model.text_encoder(window.ids_BL)
    rollout = drawer.draw(model.transformer, context, window, StepRandom(1, 0, 0, "cpu"))
    x = StepRandom(1, 0, 0, "cpu").normal(2, 16, 3, 12, 18)
    for step, (timestep, after) in enumerate(zip(STEPS, (*STEPS[1:], 0.0), strict=True)):
        torch.testing.assert_close(rollout.states[step][:, :, 18:], x, atol=2e-4, rtol=0)
        velocity = causal_velocity(
            model.transformer,
            rollout.clean_BCFhw,
            rollout.states[step],
            torch.full((2, 21), timestep),
            context,
            window.coordinates_KFhw,
        )[:, :, 18:]
        x = x + (after - timestep) / 1000 * velocity
    torch.testing.assert_close(rollout.clean_BCFhw[:, :, 18:], x, atol=2e-4, rtol=0)


def test_the_past_gets_a_gradient_only_if_asked() -> None:
    model, window = tiny_model(), window_of(Setting())
    clean = window.clean_BCFhw.clone().requires_grad_(True)
    for past_gradient in (True, False):
        velocity = causal_velocity(
            model.transformer.requires_grad_(True),
            clean,
            torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)),
            torch.full((2, 21), 500.0),
            model.text_encoder(window.ids_BL),
            window.coordinates_KFhw,
            past_gradient=past_gradient,
        )
        assert (clean in _inputs_of(velocity, clean)) is past_gradient


def _inputs_of(velocity: torch.Tensor, clean: torch.Tensor) -> list[torch.Tensor]:
    (grad,) = torch.autograd.grad(velocity.sum(), clean, allow_unused=True)
    return [] if grad is None or not grad.any() else [clean]


def test_a_late_window_is_encoded_as_a_stream_over_the_whole_drawing_would() -> None:
    setting = Setting(first_block=6, given_blocks=4)
    stamps, *_ = batch_of(setting)
    vae = tiny_model().vae
    window = WindowEncoder(vae, CANVAS, compiled=False).latents(stamps, setting)
    coverage, inked = ink_maps(stamps, CANVAS.width, CANVAS.height, WIDEST_NIB)
    whole = vae.encode_grey(clip_of_maps(coverage, inked, first_frame_of(setting.num_blocks)))
    assert whole.shape[2] == 3 * setting.num_blocks
    expected = torch.cat([whole[:, :, :3], whole[:, :, 3 * setting.first_block :]], dim=2)
    torch.testing.assert_close(window, expected, atol=1e-5, rtol=0)


def test_a_window_carries_the_coordinates_of_its_place() -> None:
    at_start = window_of(Setting(given_blocks=1)).coordinates_KFhw
    assert torch.equal(at_start, coordinate_channels(21, 12, 18))
    later = window_of(Setting(first_block=4, given_blocks=3)).coordinates_KFhw
    long = coordinate_channels(30, 12, 18)
    assert torch.equal(later, torch.cat([long[:, :3], long[:, 12:]], dim=1))


def test_samples_are_the_same_whatever_process_draws_them() -> None:
    model, source = tiny_model(), ContinuationSource(ContinuationMix(), 5)
    dataset = ContinuationDataset(source, model.tokenizer, CANVAS, 4)
    alone = [dataset[i] for i in range(8)]
    for rank in range(2):
        batches = continuation_batches(
            source,
            model.tokenizer,
            CANVAS,
            batch_size=2,
            first_step=0,
            rank=rank,
            world=2,
            num_workers=0,
        )
        for step in range(2):
            stamps, ids, settings, others = next(batches)
            for row in range(2):
                expected = alone[step * 4 + rank * 2 + row]
                for got, want in zip((stamps, ids, settings, others), expected, strict=True):
                    assert np.array_equal(got[row].numpy(), want)
    assert len({tuple(sample[2]) for sample in alone[:4]}) == 1


SMALL = {
    "num_steps": 3,
    "batch_size": 2,
    "num_workers": 0,
    "width": 144,
    "height": 96,
    "compiled": False,
    "log_every": 1,
    "rank": 4,
    "ode_steps": 2,
    "late": 0.5,
}


def write(path: Path, **values: object) -> Path:
    path.write_text(yaml.safe_dump({**SMALL, **values}))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    "steps",
    [
        {"timesteps": [1000, 757, 522]},
        {"timesteps": [1000, 960, 888.9, 727.3], "keeps_noise": True},
    ],
    ids=["renoised", "kept"],
)
def test_three_stages_make_an_adapter_that_draws_and_resumes(
    tmp_path: Path, steps: dict[str, Any]
) -> None:
    base, causal, ode, dmd = (str(tmp_path / n) for n in ("base", "causal", "ode", "dmd"))
    tiny_model(name="base").save(Path(base))
    main(write(tmp_path / "1.yaml", stage="causal", out=causal, base=base))
    choices = {"base": base, "teacher": causal, **steps}
    second = write(tmp_path / "2.yaml", stage="ode", out=ode, **choices)
    main(second, save_every=1)
    third = write(tmp_path / "3.yaml", stage="dmd", out=dmd, init=ode, **choices)
    main(third, save_every=1)
    run = read_run(third)
    assert isinstance(run, ArRun)
    export_ar(run, Path(dmd), tmp_path / "pocket-ar")
    model = load_adapted(tmp_path / "pocket-ar", Path(base))
    assert model.name == "pocket-ar"
    assert model.defaults.num_causal_steps == len(steps["timesteps"])
    assert causal_of(model).keeps_noise == steps.get("keeps_noise", False)
    assert timesteps_for(model, None) == pytest.approx(steps["timesteps"], abs=0.1)
    before, after = (read_safetensors(Path(f) / ADAPTER_FILE) for f in (ode, dmd))
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)

    # Killed runs that go on end in the same bytes.
    for config, folder in ((second, ode), (third, dmd)):
        again = f"{folder}-again"
        with faults.armed("training.before_step", skip=2), pytest.raises(Interrupted):
            main(config, save_every=1, out=again)
        main(config, save_every=1, out=again, resume=True)
        ends = [(Path(f) / ADAPTER_FILE).read_bytes() for f in (folder, again)]
        assert ends[0] == ends[1]


def test_stages_say_what_they_lack(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="folder of the shipped model"):
        main(write(tmp_path / "a.yaml", stage="ode", out=str(tmp_path / "o")))
    tiny_model(name="base").save(tmp_path / "base")
    with pytest.raises(InvalidRequest, match="folder of a teacher"):
        main(
            write(
                tmp_path / "b.yaml",
                stage="ode",
                out=str(tmp_path / "o"),
                base=str(tmp_path / "base"),
            )
        )
    with pytest.raises(InvalidRequest, match="must fall from at most 1000"):
        read_run(write(tmp_path / "c.yaml", stage="dmd", out="x", timesteps=[500, 700]))


def test_the_presets_of_pocket_ar_load() -> None:
    folder = ROOT / "presets" / "training"
    stages = {read_run(path).stage for path in sorted(folder.glob("pocket_ar_*.yaml"))}
    assert stages == {"causal", "ode", "dmd", "ar_reward"}
    for path in folder.glob("pocket_ar_*.yaml"):
        run = read_run(path)
        assert isinstance(run, ArRun)
        assert run.timesteps == pytest.approx(timesteps_of(len(run.timesteps)), abs=0.1), path.name


def test_what_the_product_would_draw_at_other_timesteps_is_not_exported(tmp_path: Path) -> None:
    run = read_run(write(tmp_path / "a.yaml", stage="ode", out="x", timesteps=[1000, 900, 500]))
    assert isinstance(run, ArRun)
    with pytest.raises(InvalidRequest, match="The product draws 3 steps of a block"):
        export_ar(run, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_family_stays_within_its_budget() -> None:
    folders = [CHECKPOINTS / name for name in ("pocket", "pocket-brush", "pocket-ar")]
    assert sum(file.stat().st_size for one in folders for file in one.iterdir()) <= 40e6


def test_layer_norms_learn_whole_or_not_at_all() -> None:
    """torch 2.11 writes past the gradient of a layer norm on CUDA of which only the bias learns."""
    base = load_pocket(CHECKPOINTS / "pocket", "cpu", torch.float32)
    base.transformer.requires_grad_(False)
    inject(base.transformer, AdapterConfig(rank=1, targets=PAIRS, full=WHOLE))
    norms = [m for m in base.transformer.modules() if isinstance(m, torch.nn.LayerNorm)]
    affine = [norm for norm in norms if norm.elementwise_affine]
    assert affine
    for norm in affine:
        assert norm.weight.requires_grad == norm.bias.requires_grad


def test_a_window_has_seven_blocks() -> None:
    assert first_frame_of(WINDOW_BLOCKS) == 81
