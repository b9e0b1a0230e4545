"""Weights that some other program has downloaded are found where it put them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.published_files import sparse_safetensors
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.models.catalogue import model_row
from videosketcher_app.models.identify.networks import shapes_of
from videosketcher_app.services.model_places import find_on_disk

ROW = "wan2.1-t2v-1.3b"
REPO = "Wan-AI/Wan2.1-T2V-1.3B"
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(autouse=True)
def nothing_else(tmp_path, monkeypatch):
    """No cache of the person who runs the test is looked at."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "COMFYUI_PATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "ms"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def hole(path: Path, num_bytes: int | None) -> Path:
    """A file of this size that takes no room."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(num_bytes or 1)
    return path


def fill(folder: Path, row: str = ROW) -> None:
    for file in model_row(row).files:
        hole(folder / file.repo_path, file.num_bytes)


def found(tmp_path, row=ROW, **options):
    return find_on_disk(row, workspace_models=tmp_path / "models", **options)


def test_nothing_is_found_where_nothing_is(tmp_path):
    assert found(tmp_path) == ()
    with pytest.raises(InvalidRequest):
        found(tmp_path, "no-such-model")


def test_the_app_comes_first(tmp_path):
    hole(tmp_path / "models" / ROW / WEIGHTS, model_row(ROW).files[0].num_bytes)
    (place,) = found(tmp_path)
    assert (place.layout, place.is_whole) == ("app", True)
    assert place.files == {WEIGHTS: tmp_path / "models" / ROW / WEIGHTS}


def test_a_repository_put_among_the_apps_models_by_hand_is_found(tmp_path):
    fill(tmp_path / "models" / Path(REPO).name)
    (place,) = found(tmp_path)
    assert (place.layout, place.is_whole) == ("reference", True)


@pytest.mark.parametrize(
    "below", [f"pretrained/{REPO}", f"models/{REPO}", "wan_models/Wan2.1-T2V-1.3B", REPO]
)
def test_folders_of_the_reference_and_its_kin(below, tmp_path):
    fill(tmp_path / "elsewhere" / below)
    (place,) = found(tmp_path, extra=[tmp_path / "elsewhere"])
    assert (place.layout, place.is_whole) == ("reference", True)


def test_the_working_folder_is_looked_into(tmp_path, monkeypatch):
    fill(tmp_path / "work" / "pretrained" / REPO)
    monkeypatch.chdir(tmp_path / "work")
    (place,) = found(tmp_path)
    assert place.layout == "reference"


def test_the_cache_of_the_hub(tmp_path):
    repo = tmp_path / "hf" / "hub" / "models--Wan-AI--Wan2.1-T2V-1.3B"
    fill(repo / "snapshots" / "abc")
    hole(repo / "snapshots" / "old" / WEIGHTS, 5)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc")
    first, second = found(tmp_path)
    assert (first.layout, first.is_whole, first.folder.name) == ("huggingface", True, "abc")
    assert (second.is_whole, second.folder.name) == (False, "old")


@pytest.mark.parametrize(
    "below",
    [
        f"ms/hub/models/{REPO}",
        f"ms/hub/{REPO}",
        "ms/hub/models/Wan-AI/Wan2___1-T2V-1___3B",
    ],
)
def test_the_cache_of_modelscope(below, tmp_path):
    fill(tmp_path / below)
    (place,) = found(tmp_path)
    assert (place.layout, place.is_whole) == ("modelscope", True)


def test_a_comfyui_folder(tmp_path, monkeypatch):
    comfyui = tmp_path / "ComfyUI"
    vae = model_row("wan2.1-vae").files[0]
    hole(comfyui / "models" / "vae" / vae.path, vae.num_bytes)
    (place,) = found(tmp_path, "wan2.1-vae", extra=[comfyui])
    assert (place.layout, place.is_whole) == ("comfyui", True)
    monkeypatch.setenv("COMFYUI_PATH", str(comfyui))
    (place,) = found(tmp_path, "wan2.1-vae")
    assert place.layout == "comfyui"


def test_parts_are_found_in_any_whole_model(tmp_path):
    fill(tmp_path / "x" / "pretrained" / "Wan-AI" / "Wan2.1-T2V-14B", "wan2.1-vae")
    (place,) = found(tmp_path, "wan2.1-vae", extra=[tmp_path / "x"])
    assert place.is_whole


def test_files_of_another_size_and_missing_shards_are_not_whole(tmp_path):
    hole(tmp_path / "x" / WEIGHTS, 7)
    (place,) = found(tmp_path, extra=[tmp_path / "x"])
    assert not place.is_whole
    folder = tmp_path / "y" / "pretrained" / "Wan-AI" / "Wan2.1-T2V-14B"
    fill(folder, "wan2.1-t2v-14b")
    (folder / model_row("wan2.1-t2v-14b").files[3].path).unlink()
    (place,) = found(tmp_path, "wan2.1-t2v-14b", extra=[tmp_path / "y"])
    assert (len(place.files), place.is_whole) == (5, False)


def test_a_file_without_a_telling_name_counts_only_in_its_own_folder(tmp_path):
    hole(tmp_path / "x" / "model.pt", 5)
    assert found(tmp_path, "causvid-ar", extra=[tmp_path / "x"]) == ()
    hole(tmp_path / "x" / "autoregressive_checkpoint" / "model.pt", 5)
    (place,) = found(tmp_path, "causvid-ar", extra=[tmp_path / "x"])
    assert place.files["model.pt"].parent.name == "autoregressive_checkpoint"
    assert found(tmp_path, "causvid-ode", extra=[tmp_path / "x"]) == ()


def test_a_file_that_another_program_has_named(tmp_path):
    comfyui = tmp_path / "ComfyUI"
    path = comfyui / "models" / "vae" / "wan_2.1_vae.safetensors"
    hole(path, 100)
    assert found(tmp_path, "wan2.1-vae", extra=[comfyui]) == (), "its content is none"
    sparse_safetensors(path, shapes_of("wan2.1-vae"))
    (place,) = found(tmp_path, "wan2.1-vae", extra=[comfyui])
    assert (place.layout, place.is_whole, place.files) == ("comfyui", True, {path.name: path})
