"""The road to a causal model from the shell: what `sketch --prompts-file` leaves is the dataset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.training.resume_runs import one_thread
from videosketcher_app.cli.main import main
from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted
from videosketcher_app.training.causal_parts import WEIGHTS_FILE

PRESETS = ROOT / "presets" / "training"
SIZE = ["--width", "96", "--height", "48"]
pytestmark = pytest.mark.usefixtures(one_thread.__name__)


@pytest.fixture
def drawn(tmp_path, monkeypatch, capsys) -> Path:
    """Two drawings of the tiny model, as a batch leaves them."""
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "workspace"))
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a cat\na house\n", "utf-8")
    words = ["sketch", "--prompts-file", prompts, "--model", "tiny", "--num-frames", "9", *SIZE]
    run(capsys, *words, "--output-dir", tmp_path / "drawn")
    return tmp_path / "drawn"


def run(capsys, *words: object) -> dict:
    code = main([*map(str, words), "--json", "--quiet"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out.splitlines()[-1])


def preset(stage: str) -> list[object]:
    return ["train", stage, "--config", PRESETS / f"{stage}_tiny.yaml", "--steps", 2]


def dataset_of(drawn: Path) -> Path:
    """The folder that the batch left: the one that holds its summary."""
    return next(drawn.rglob("batch_summary.json")).parent


def test_from_drawings_to_a_causal_model(tmp_path, drawn, capsys):
    dataset = dataset_of(drawn)
    before = sorted(path.relative_to(drawn) for path in drawn.rglob("*"))
    first, second, third = (tmp_path / name for name in ("1", "2", "3"))

    made = run(capsys, *preset("causal"), "--data", dataset, "--out", first)
    assert (made["stage"], made["steps"]) == ("causal", 2)
    assert len([*(first / "latents").glob("0*.safetensors")]) == 2

    pairs = ["data", "ode-pairs", dataset, "--config", PRESETS / "ode_pairs_tiny.yaml"]
    pairs += ["--count", 3, "--num-inference-steps", 25, "--output-dir", tmp_path / "pairs"]
    assert run(capsys, *pairs)["made"] == 3
    assert run(capsys, *pairs)["kept"] == 3
    ode = [*preset("ode"), "--data", tmp_path / "pairs", "--out", second, "--init", first]
    assert run(capsys, *ode)["steps"] == 2

    latents = ["data", "latents", dataset, "--model", "tiny", "--num-frames", 9, *SIZE]
    latents += ["--output-dir", tmp_path / "latents", "--lmdb-path", tmp_path / "lmdb"]
    assert run(capsys, *latents)["made"] == 2
    assert run(capsys, *latents)["kept"] == 2
    assert run(capsys, *latents, "--force")["made"] == 2
    dmd = [*preset("dmd"), "--data", tmp_path / "lmdb", "--out", third, "--init", second]
    run(capsys, *dmd)
    assert (third / "model" / "model.json").is_file()
    # The drawings are as they were.
    assert sorted(path.relative_to(drawn) for path in drawn.rglob("*")) == before


def test_a_stopped_run_goes_on(tmp_path, drawn, capsys):
    words = [*preset("causal"), "--data", dataset_of(drawn), "--steps", 4]
    run(capsys, *words, "--out", tmp_path / "whole")
    stopped = [*words, "--out", tmp_path / "stopped"]
    with faults.armed("training.before_step", skip=3):
        assert main([*map(str, stopped), "--quiet"]) == Interrupted.exit_code
    assert main([*map(str, stopped), "--quiet"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert run(capsys, *stopped, "--resume")["steps"] == 4
    ends = [(tmp_path / name / WEIGHTS_FILE).read_bytes() for name in ("whole", "stopped")]
    assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train", "causal", "--config", PRESETS / "ode_tiny.yaml"], "train ode"),
        (["train", "causal", "--config", "none.yaml"], "none.yaml"),
        (["train", "ode", "--config", PRESETS / "ode_tiny.yaml", "--data", "nowhere"], "data ode-"),
        (["data", "latents", "nowhere", "--output-dir", "out"], "nowhere"),
        (["data", "ode-pairs", "nowhere.txt", "--output-dir", "out"], "cannot be read"),
    ],
)
def test_bad_requests_exit_2_with_one_line(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    out = ["--out", str(tmp_path / "run")] if words[0] == "train" else []
    data = ["--data", "x"] if words[1] == "causal" else []
    assert main([*map(str, words), *out, *data, "--quiet"]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_what_is_missing_is_named_with_its_flag(tmp_path, capsys):
    assert main([*map(str, preset("causal")), "--out", str(tmp_path)]) == 2
    assert "--data" in capsys.readouterr().err
