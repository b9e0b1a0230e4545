"""The store: what is here, verification, import, places elsewhere, removal, disk use."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from tests.models.published_files import (
    empty,
    lora_shapes,
    sharded,
    sparse_pickle,
    sparse_safetensors,
)
from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import (
    Cancelled,
    DamagedModel,
    Forbidden,
    InvalidFile,
    InvalidRequest,
    MissingModel,
)
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.models.catalogue import (
    files_for,
    list_models,
    load_text_model,
    model_row,
    verify_model,
)
from videosketcher_app.models.identify.networks import WanShape, shapes_of, wan_shapes
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.models.weights_folder import used_weights
from videosketcher_app.services.codraw.causal_models import check_model
from videosketcher_app.services.model_facts import facts_of
from videosketcher_app.services.model_store import ModelStore
from videosketcher_app.storage.paths import Workspace
from videosketcher_app.storage.tensors import write_safetensors

SMALL = WanShape(dim=64, ffn_dim=96, num_layers=2, text_dim=32, freq_dim=32)
DECODER = "tiny-decoder"


@pytest.fixture(autouse=True)
def nothing_else(tmp_path, monkeypatch):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "COMFYUI_PATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("MODELSCOPE_CACHE", str(tmp_path / "ms"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "workspace"
    store = ModelStore(Workspace(root), AppSettings(workspace=root), search=[tmp_path / "found"])
    yield store
    store.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The tiny decoder with real numbers, 23 MB; written once."""
    path = tmp_path_factory.mktemp("made") / "taew2_1.safetensors"
    tensors = {n: torch.full(s, 0.5).half() for n, s in shapes_of("taew2.1").items()}
    write_safetensors(path, tensors)
    return path


@pytest.fixture
def decoder(made):
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / made.name
        path.unlink(missing_ok=True)
        os.link(made, path)
        return path

    return make


def broken_decoder(folder: Path) -> Path:
    path = folder / "taew2_1.safetensors"
    path.unlink(missing_ok=True)
    tensors = {n: torch.zeros(s).half() for n, s in shapes_of("taew2.1").items()}
    tensors["decoder.1.bias"][3] = float("nan")
    write_safetensors(path, tensors)
    return path


def trained(folder: Path, stage: str = "causal") -> Path:
    """What `train causal` leaves of the tiny family."""
    tiny_model(name="tiny").save(folder / "model", quantized=False)
    (folder / "run.json").write_text(json.dumps({"stage": stage}))
    return folder


def trained_wan(folder: Path) -> Path:
    """What `train causal` leaves of a Wan transformer."""
    generator = torch.Generator().manual_seed(2)
    tensors = {n: torch.randn(s, generator=generator) for n, s in wan_shapes(SMALL).items()}
    write_safetensors(folder / "model" / "transformer.safetensors", tensors)
    (folder / "model" / "config.json").write_text('{"num_heads": 2, "text_len": 512}')
    (folder / "run.json").write_text('{"stage": "dmd"}')
    return folder


def state(store, name):
    return store.card(name).state


def test_every_row_has_a_card(store):
    states = {card.row.name: card.state for card in store.cards()}
    assert states["pocket-t2v"] == states["tiny"] == "shipped"
    assert states["wan2.1-t2v-14b"] == states["videosketcher-data"] == "absent"
    assert store.card("wan2.1-t2v-14b").needs_missing == ("umt5-xxl", "wan2.1-vae")
    assert used_weights().root == store.folder


def test_an_imported_part_is_here_until_it_is_removed(store, tmp_path, decoder):
    told = []
    path = decoder(tmp_path)
    name = store.import_file(path, on_progress=lambda *step: told.append(step))
    assert (name, state(store, DECODER)) == (DECODER, "here")
    assert told[-1][0] == told[-1][1] == path.stat().st_size
    own = store.path_of(DECODER)["taew2_1.safetensors"]
    assert own.parent == store.folder / DECODER
    assert own.read_bytes() == path.read_bytes()
    assert store.disk_use()["models"] == {DECODER: path.stat().st_size}
    assert store.verify(DECODER).by_content == ("taew2_1.safetensors",)
    store.remove(DECODER)
    assert state(store, DECODER) == "absent"
    assert path.is_file()
    with pytest.raises(MissingModel):
        store.path_of(DECODER)
    with pytest.raises(MissingModel):
        store.remove(DECODER)


def test_a_linked_file_stays_where_it_is(store, tmp_path, decoder):
    path = decoder(tmp_path)
    assert store.import_file(path, link=True) == DECODER
    assert store.path_of(DECODER) == {"taew2_1.safetensors": path}
    assert store.disk_use()["models"] == {}
    store.remove(DECODER)
    assert path.is_file()
    assert state(store, DECODER) == "absent"


def test_what_is_found_elsewhere_is_used_on_request(store, tmp_path, decoder):
    decoder(tmp_path / "found")
    card = store.card(DECODER)
    assert card.state == "found"
    store.use_place(DECODER, card.place)
    assert state(store, DECODER) == "here"
    assert files_for(DECODER) == {DECODER: card.place.files}
    (tmp_path / "found" / "taew2_1.safetensors").unlink()
    assert state(store, DECODER) == "absent"
    with pytest.raises(InvalidRequest, match="does not hold"):
        store.use_place(DECODER, card.place)


def test_a_whole_model_of_shards_and_parts(store, tmp_path):
    repo = tmp_path / "found" / "pretrained" / "Wan-AI" / "Wan2.1-T2V-14B"
    sharded(repo, "wan-t2v-14b", 6)
    for row in ("umt5-xxl", "wan2.1-vae"):
        for file in model_row(row).files:
            (repo / file.path).parent.mkdir(parents=True, exist_ok=True)
            with (repo / file.path).open("wb") as hole:
                hole.truncate(file.num_bytes)
    for name in ("umt5-xxl", "wan2.1-vae", "wan2.1-t2v-14b"):
        card = store.card(name)
        assert card.state == "found"
        store.use_place(name, card.place)
    files = store.files_for("wan2.1-t2v-14b")
    assert {name: len(paths) for name, paths in files.items()} == {
        "wan2.1-t2v-14b": 6,
        "umt5-xxl": 5,
        "wan2.1-vae": 1,
    }
    assert facts_of("wan2.1-t2v-14b").here
    (repo / "diffusion_pytorch_model-00002-of-00006.safetensors").unlink()
    assert state(store, "wan2.1-t2v-14b") == "partial"
    with pytest.raises(MissingModel, match=r"models download wan2\.1-t2v-14b"):
        store.files_for("wan2.1-t2v-14b")


def test_damage_is_found_by_size_by_hash_and_by_content(store, tmp_path, decoder):
    row = model_row("wan2.1-vae")
    path = store.folder / row.name / row.files[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"short")
    card = store.card(row.name)
    assert (card.state, card.flaw) == (
        "damaged",
        "Wan2.1_VAE.pth has 5 bytes instead of 507,609,880.",
    )
    assert not store.verify(row.name).is_good
    with pytest.raises(DamagedModel):
        verify_model(row.name)
    store.import_file(decoder(tmp_path))
    own = store.path_of(DECODER)["taew2_1.safetensors"]
    assert state(store, DECODER) == "here"
    data = bytearray(own.read_bytes())
    data[-2:] = b"\x00\x7c"  # infinity, as float16
    own.write_bytes(bytes(data))
    report = store.verify(DECODER)
    assert "NaN or Inf" in report.flaws[0]
    assert state(store, DECODER) == "damaged"
    store.remove(DECODER)
    store.import_file(decoder(tmp_path))
    assert state(store, DECODER) == "here"


def test_a_damaged_import_leaves_nothing_and_keeps_what_was_there(store, tmp_path, decoder):
    store.import_file(decoder(tmp_path))
    before = store.path_of(DECODER)["taew2_1.safetensors"].read_bytes()
    with pytest.raises(DamagedModel, match="NaN"):
        store.import_file(broken_decoder(tmp_path / "broken"))
    assert store.path_of(DECODER)["taew2_1.safetensors"].read_bytes() == before
    vae = sparse_pickle(tmp_path / "Wan2.1_VAE.pth", empty(shapes_of("wan2.1-vae"), torch.half))
    with pytest.raises(DamagedModel, match="the published file 507,609,880"):
        store.import_file(vae)
    assert state(store, "wan2.1-vae") == "absent"


def test_stopping_an_import_leaves_nothing(store, tmp_path, decoder):
    cancel = CancelToken()
    path = decoder(tmp_path)
    with pytest.raises(Cancelled):
        store.import_file(path, cancel=cancel, on_progress=lambda done, total: cancel.cancel())
    assert state(store, DECODER) == "absent"
    assert not store.folder.exists() or not list(store.folder.iterdir())


def test_a_text_encoder_keeps_the_tokenizer_beside_it(store, tmp_path, decoder):
    """The file of weights arrives after the small ones."""
    row = model_row(DECODER)
    beside = store.folder / row.name / "notes" / "beside.txt"
    beside.parent.mkdir(parents=True)
    beside.write_text("kept")
    store.import_file(decoder(tmp_path))
    assert beside.read_text() == "kept"


def test_a_lora_joins_the_loras(store, tmp_path):
    shapes = lora_shapes("diffsynth", rank=4, dim=48, ffn_dim=64, num_layers=2)
    tensors = {name: torch.full(shape, 0.1) for name, shape in shapes.items()}
    write_safetensors(tmp_path / "ink.safetensors", tensors)
    assert store.import_file(tmp_path / "ink.safetensors") == "ink"
    assert (store.folder.parent / "loras" / "ink.safetensors").is_file()
    assert store.disk_use()["loras"] > 0


def test_an_unsure_file_asks_which_it_is(store, tmp_path):
    shapes = {f"model.{name}": shape for name, shape in shapes_of("wan-t2v-1.3b").items()}
    content = {"generator": empty(shapes), "critic": {"x": torch.zeros(1)}}
    path = sparse_pickle(tmp_path / "weights.pt", content)
    identity = store.identify(path)
    assert identity.model_name is None
    with pytest.raises(InvalidFile, match="not what self-forcing consists of"):
        store.import_file(path, name="self-forcing")


def test_a_model_that_somebody_trained_draws_by_its_name(store, tmp_path):
    name = store.import_file(trained(tmp_path / "my run"), name="mine")
    row = model_row(name)
    assert (row.kind, row.family, row.is_own) == ("causal", "pocket", True)
    assert "mine" in [entry["name"] for entry in list_models() if entry["here"]]
    check_model("mine")
    model = load_text_model("mine")
    assert model.name == "mine"
    words = model.encode_prompts(["a cat"]).float()
    same = load_text_model("tiny").encode_prompts(["a cat"])
    assert torch.allclose(words, same, atol=0.05)
    assert store.verify("mine").by_hash
    weights = store.path_of("mine")["vae.safetensors"]
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert not store.verify("mine").is_good
    with pytest.raises(DamagedModel):
        load_text_model("mine")
    store.remove("mine")
    with pytest.raises(InvalidRequest, match="no model named 'mine'"):
        model_row("mine")


def test_names_of_own_models(store, tmp_path):
    run = trained(tmp_path / "first run")
    assert store.import_file(run) == "first_run"
    with pytest.raises(InvalidRequest, match="already"):
        store.import_file(run)
    with pytest.raises(InvalidRequest, match="published model"):
        store.import_file(run, name="pocket-t2v")
    assert store.import_file(run / "model", name="second") == "second"
    (store.folder / "second" / "row.json").write_text("{")
    assert [c.row.name for c in store.cards() if c.row.is_own] == ["first_run"]


def test_a_causal_wan_that_somebody_trained(store, tmp_path):
    run = trained_wan(tmp_path / "runs" / "wan ink")
    assert store.import_file(run) == "wan_ink"
    row = model_row("wan_ink")
    assert (row.kind, row.family, row.needs) == ("causal", "wan", ("umt5-xxl", "wan2.1-vae"))
    assert set(store.path_of("wan_ink")) == {"model.safetensors", "config.json"}
    assert store.card("wan_ink").needs_missing == ("umt5-xxl", "wan2.1-vae")
    assert store.verify("wan_ink").is_good
    with pytest.raises(MissingModel, match="umt5-xxl"):
        load_text_model("wan_ink")


@pytest.mark.row("T6", "imports by guests")
def test_guests_and_shipped_models(store, tmp_path, decoder):
    path = decoder(tmp_path)
    with pytest.raises(Forbidden):
        store.import_file(path, role=Role.GUEST)
    with pytest.raises(Forbidden):
        store.remove(DECODER, role=Role.GUEST)
    with pytest.raises(InvalidRequest, match="part of the app"):
        store.remove("pocket-t2v")
    with pytest.raises(InvalidRequest, match="no model named"):
        store.remove("../pocket")


def test_tables_that_are_broken_are_passed_over(store, tmp_path, decoder):
    store.import_file(decoder(tmp_path), link=True)
    for name in ("places.json", "checks.json"):
        (store.folder / name).write_text("[" * 5000)
    assert state(store, DECODER) == "absent"
    (store.folder / "places.json").write_text(json.dumps({DECODER: {"files": {"a": 3}}}))
    assert state(store, DECODER) == "absent"


def test_a_row_file_cannot_lead_out_of_its_folder(store):
    entry = {"family": "pocket", "about": "x", "folder": "../.."}
    for name, path in (("evil", "../../secret"), ("good", "model.json")):
        (store.folder / name).mkdir(parents=True)
        row = {**entry, "files": {path: {"bytes": 1}}}
        (store.folder / name / "row.json").write_text(json.dumps(row))
    (row,) = [card.row for card in store.cards() if card.row.is_own]
    assert (row.name, row.folder, row.is_shipped) == ("good", "", False)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_row_file_behind_a_link_is_not_followed(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "row.json").write_text(json.dumps({"family": "pocket", "about": "x"}))
    store.folder.mkdir(parents=True)
    (store.folder / "evil").symlink_to(outside)
    assert not [card for card in store.cards() if card.row.name == "evil"]


def test_a_network_in_other_files_than_published(store, tmp_path):
    shapes = shapes_of("taew2.1")
    tensors = {name: torch.zeros(shape).half() for name, shape in shapes.items()}
    torch.save(tensors, tmp_path / "taew2_1.pth")
    assert store.import_file(tmp_path / "taew2_1.pth") == DECODER
    assert state(store, DECODER) == "here"
    assert set(store.path_of(DECODER)) == {"taew2_1.pth"}
    assert store.verify(DECODER).is_good


def test_one_file_instead_of_six_shards(store, tmp_path):
    one = sparse_safetensors(tmp_path / "wan_14b_bf16.safetensors", shapes_of("wan-t2v-14b"))
    identity = store.identify(one)
    assert identity.model_name == "wan2.1-t2v-14b"
    assert identity.problems == ()
