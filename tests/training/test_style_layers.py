"""A style run that supervises layers: from pictures in layers, and from sketches with parts."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks.vector_style import write_pictures
from tests.training.style_cases import small_run
from videosketcher_app.core import faults
from videosketcher_app.core.errors import Interrupted, InvalidFile
from videosketcher_app.models.lora.reading import read_lora
from videosketcher_app.training.style import run_style
from videosketcher_app.training.style_prepare import layer_shares
from videosketcher_app.training.style_preset import StylePreset, read_preset

TERMS = {"layer_shape": 0.3, "layer_color": 1.0, "layer_motion": 0.5}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "pictures", 3, seed=0)
    return tmp_path / "pictures"


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_in_layers_are_learned_and_the_run_resumes(pictures: Path, tmp_path: Path) -> None:
    whole = small_run(tmp_path / "run", dataset=str(pictures), sample_every=0, **TERMS)
    run_style(whole, resume=False)
    for row in rows_of(whole):
        layers = sum(float(row[f"loss_{name[6:]}"]) * TERMS[name] for name in TERMS)
        assert float(row["loss_layers"]) == pytest.approx(layers, rel=1e-5)
        total = float(row["loss_style"]) + layers + float(row["loss_keep"])
        assert float(row["loss"]) == pytest.approx(total, rel=1e-5)
    plain = small_run(tmp_path / "plain", dataset=str(pictures), sample_every=0)
    run_style(plain, resume=False)
    assert "loss_layers" not in rows_of(plain)[0]
    result = "lora.safetensors"
    assert (plain / result).read_bytes() != (whole / result).read_bytes()
    assert read_lora(whole / result).ranks == (2,)

    killed = small_run(tmp_path / "killed", dataset=str(pictures), sample_every=0, **TERMS)
    with faults.armed("training.before_step", skip=2), pytest.raises(Interrupted):
        run_style(killed, resume=False)
    run_style(killed, resume=True)
    assert (killed / result).read_bytes() == (whole / result).read_bytes()


def test_the_parts_of_a_sketch_are_its_layers(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", sample_every=0, num_steps=1, **TERMS)
    run_style(run, resume=False)
    assert float(rows_of(run)[0]["loss_shape"]) > 0


def test_a_film_has_no_layers() -> None:
    class Film:
        id, caption = "film", "a cat"

        def clip(self, *_: object) -> None:
            raise AssertionError("not looked at")

    assert len(layer_shares(Film(), StylePreset())) == 0  # type: ignore[arg-type]
    with pytest.raises(InvalidFile, match="film has no layers"):
        layer_shares(Film(), StylePreset(layer_color=1.0))  # type: ignore[arg-type]


def test_the_shipped_preset_supervises_layers() -> None:
    assert read_preset("style_vector").is_layered
    assert not read_preset("style").is_layered
