"""LoRAs from a folder to a drawing: named, noted, replayed, and never left on a model."""

from __future__ import annotations

import json

import pytest
import torch

from tests.models.lora.made import made, modules_of, published_modules
from videosketcher_app import api
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import (
    AppError,
    Cancelled,
    DamagedModel,
    Forbidden,
    InvalidFile,
    InvalidRequest,
    MissingModel,
)
from videosketcher_app.core.events import Done, Preview
from videosketcher_app.core.requests import LoraSpec, SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.layouts import LAYOUTS
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.container import build
from videosketcher_app.services.generation import Destination, check_model_can
from videosketcher_app.services.lora_requests import choose, merge_files, unsaid
from videosketcher_app.services.outputs import read_request
from videosketcher_app.storage.tensors import write_safetensors

CAT = SketchRequest(prompt="a cat", model="tiny", seed=7, num_frames=9)


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.fixture(scope="module")
def modules():
    return modules_of(tiny_model().transformer)


@pytest.fixture
def ink(modules, tmp_path):
    return lora_file(tmp_path / "ink.safetensors", modules, seed=1)


def lora_file(path, modules, **how):
    write_lora(path, adapter_from(made(modules, **how)))
    return path


def draw(services, request, **how):
    events = services.generation.run(request, **how)
    return [event for event in events if isinstance(event, Done)][-1].drawing


def with_loras(*specs):
    return CAT.replaced(loras=specs)


# The folder


def test_an_imported_lora_is_listed_with_its_words(services, ink):
    entry = services.loras.add(ink, trigger_words=["ink wash", "  brush\n pen "])
    assert entry.name == "ink"
    assert (entry.fits, entry.ranks, entry.layout) == ("tiny", (4,), "diffsynth")
    assert entry.trigger_words == ("ink wash", "brush pen")
    assert services.loras.entries() == (entry,)
    assert services.loras.entry("ink") == entry
    assert services.loras.set_trigger_words("ink", ["wet"]).trigger_words == ("wet",)
    assert (services.loras.folder / "ink.safetensors").read_bytes() == ink.read_bytes()
    services.loras.remove("ink")
    assert services.loras.entries() == ()
    assert list(services.loras.folder.iterdir()) == []


def test_the_same_file_again_changes_nothing_another_needs_a_name(services, ink, modules, tmp_path):
    first = services.loras.add(ink, trigger_words=["wash"])
    assert services.loras.add(ink) == first
    other = lora_file(tmp_path / "b" / "ink.safetensors", modules, seed=2)
    with pytest.raises(InvalidRequest, match="another LoRA named 'ink'"):
        services.loras.add(other)
    services.loras.add(other, name="ink 2")
    assert [entry.name for entry in services.loras.entries()] == ["ink", "ink 2"]


def test_pickles_and_peft_folders_become_safetensors(services, modules, tmp_path):
    torch.save(made(modules), tmp_path / "old.pt")
    adapter = adapter_from(made(modules), alpha=2.0)
    write_lora(tmp_path / "style", adapter, LAYOUTS["peft"])
    for source, name in ((tmp_path / "old.pt", "old"), (tmp_path / "style", "style")):
        entry = services.loras.add(source)
        assert (entry.name, entry.layout, entry.flaw) == (name, "diffsynth", "")
        assert services.loras.add(source) == entry
    pair = services.loras.read("style").pairs["blocks.0.ffn.0"]
    assert torch.equal(pair.difference(1.0), adapter.pairs["blocks.0.ffn.0"].difference(1.0))


def test_files_put_there_by_hand_are_read_once(services, modules):
    folder = services.loras.folder
    lora_file(folder / "found.safetensors", modules)
    (folder / "broken.safetensors").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("mine")
    broken, found = services.loras.entries()
    assert (found.name, found.fits, found.flaw) == ("found", "tiny", "")
    assert (broken.name, broken.fits) == ("broken", "")
    assert "not a usable safetensors file" in broken.flaw
    note = folder / "found.lora.json"
    values = json.loads(note.read_text(encoding="utf-8"))
    note.write_text(json.dumps({**values, "fits": "as noted"}), encoding="utf-8")
    assert services.loras.entry("found").fits == "as noted"
    lora_file(folder / "found.safetensors", modules, rank=2)
    assert services.loras.entry("found").ranks == (2,)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "[" * 50_000, '{"format": 2}'])
def test_a_damaged_note_is_written_anew(services, ink, text):
    entry = services.loras.add(ink)
    (services.loras.folder / "ink.lora.json").write_text(text, encoding="utf-8")
    assert services.loras.entries() == (entry,)


@pytest.mark.parametrize("name", ["../ink", "a/b", "/etc/passwd", "con", ".hidden", "", "x" * 300])
def test_names_stay_in_the_folder(services, ink, name):
    with pytest.raises(AppError):
        services.loras.add(ink, name=name or " ")
    with pytest.raises(AppError):
        services.loras.remove(name)
    assert not services.loras.folder.exists() or not list(services.loras.folder.iterdir())


def test_a_file_name_that_no_system_takes_gets_another(services, modules, tmp_path):
    assert services.loras.add(lora_file(tmp_path / "a?b.safetensors", modules)).name == "a_b"


@pytest.mark.row("T6", "imports by guests")
def test_guests_change_nothing_in_the_folder(services, ink):
    services.loras.add(ink)
    for change in (
        lambda: services.loras.add(ink, role=Role.GUEST),
        lambda: services.loras.remove("ink", role=Role.GUEST),
        lambda: services.loras.set_trigger_words("ink", ["x"], role=Role.GUEST),
    ):
        with pytest.raises(Forbidden):
            change()
    assert len(services.loras.entries()) == 1


# Drawing


def test_a_lora_changes_its_own_drawing_only(services, ink):
    services.loras.add(ink)
    plain = draw(services, CAT)
    inked = draw(services, with_loras(LoraSpec(path="ink")))
    weaker = draw(services, with_loras(LoraSpec(path=str(ink), scale=0.1)))
    off = draw(services, with_loras(LoraSpec(path="ink", scale=0.0)))
    again = draw(services, CAT)
    assert (inked.raw_frames != plain.raw_frames).mean() > 0.1
    assert (weaker.raw_frames != inked.raw_frames).any()
    assert (off.raw_frames == plain.raw_frames).all()
    assert (again.raw_frames == plain.raw_frames).all()
    assert again.model == plain.model


def test_the_config_names_file_hash_and_scale_and_replays(services, ink, tmp_path):
    entry = services.loras.add(ink)
    request = with_loras(LoraSpec(path="ink", scale=0.5))
    folder = tmp_path / "out"
    drawing = draw(services, request, destination=Destination(folder=folder))
    text = drawing.files["config"].read_text(encoding="utf-8")
    config = json.loads(text)
    assert config["loras"] == {"ink": entry.sha256}
    assert config["request"]["loras"] == [{"path": "ink", "scale": 0.5, "sha256": entry.sha256}]
    before = {path.name: path.read_bytes() for path in drawing.folder.iterdir()}
    replay, planned = read_request(text)
    for again in (request, replay):
        drawn = draw(services, again, planned=planned, destination=Destination(folder=folder))
        assert drawn.folder == drawing.folder
        for name, content in before.items():
            if not name.endswith("_run.json"):
                assert (drawn.folder / name).read_bytes() == content, name


def test_a_replay_refuses_a_missing_or_changed_lora(services, ink, modules):
    services.loras.add(ink)
    request = draw(services, with_loras(LoraSpec(path="ink"))).request
    services.loras.remove("ink")
    with pytest.raises(MissingModel, match="There is no LoRA at ink"):
        draw(services, request)
    lora_file(services.loras.folder / "ink.safetensors", modules, seed=9)
    with pytest.raises(DamagedModel, match="'ink' has changed"):
        draw(services, request)
    draw(services, with_loras(LoraSpec(path="ink")))  # named anew it draws


def test_requests_without_loras_have_the_bytes_they_had(services, tmp_path):
    drawing = draw(services, CAT, destination=Destination(folder=tmp_path / "out"))
    config = json.loads(drawing.files["config"].read_text(encoding="utf-8"))
    assert config["loras"] == {}
    assert config["request"]["loras"] == []
    assert LoraSpec(path="ink").model_dump(mode="json") == {"path": "ink", "scale": 1.0}


def state_of(services):
    network = services.shelf.get("tiny").transformer
    return network, {name: (v, v.clone()) for name, v in network.state_dict().items()}


def assert_untouched(services, state):
    network, before = state
    assert services.shelf.get("tiny").transformer is network
    for name, value in network.state_dict().items():
        assert value.data_ptr() == before[name][0].data_ptr()
        assert torch.equal(value, before[name][1])
    assert not any(module._forward_hooks for module in network.modules())


def test_a_cancelled_run_leaves_nothing_on_the_model(services, ink):
    plain, state = draw(services, CAT), state_of(services)
    request = with_loras(LoraSpec(path=str(ink))).replaced(num_inference_steps=200)
    run = services.generation.run(request)
    next(event for event in run if isinstance(event, Preview))
    run.close()
    again = draw(services, CAT)
    assert_untouched(services, state)
    assert (again.raw_frames == plain.raw_frames).all()
    job = services.generation.submit(request)
    following = services.generation.follow(job)
    next(event for event in following if isinstance(event, Preview))
    job.cancel()
    with pytest.raises(Cancelled):
        list(following)
    draw(services, CAT)
    assert_untouched(services, state)


def test_a_failed_run_leaves_nothing_on_the_model(services, ink, monkeypatch):
    draw(services, CAT)
    state = state_of(services)
    model = services.shelf.get("tiny")
    monkeypatch.setattr(model.vae, "decode", lambda _latents: 1 / 0)
    with pytest.raises(AppError):
        draw(services, with_loras(LoraSpec(path=str(ink))))
    monkeypatch.undo()
    draw(services, CAT)
    assert_untouched(services, state)


REFUSED = {
    "of another size": (lambda f: [LoraSpec(path=str(f / "big.safetensors"))], InvalidFile, "0 of"),
    "twice": (
        lambda f: [LoraSpec(path=str(f / "ink.safetensors")), LoraSpec(path="ink")],
        InvalidRequest,
        "named twice",
    ),
    "no file": (lambda f: [LoraSpec(path=str(f / "nothing"))], MissingModel, "There is no LoRA"),
    "a folder": (lambda f: [LoraSpec(path=str(f))], MissingModel, "There is no LoRA"),
    "an odd name": (lambda _: [LoraSpec(path="../../etc")], MissingModel, "There is no LoRA"),
    "an endless name": (lambda _: [LoraSpec(path="n" * 900)], MissingModel, "There is no LoRA"),
    "another file than meant": (
        lambda _: [LoraSpec(path="ink", sha256="0" * 64)],
        DamagedModel,
        "has changed",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_loras_of_a_request_are_refused_before_the_model_is_touched(
    services, ink, case, tmp_path
):
    services.loras.add(ink)
    lora_file(tmp_path / "big.safetensors", published_modules(384, 1024, 7), rank=1)
    make, error, told = REFUSED[case]
    state = state_of(services)
    with pytest.raises(error, match=told) as caught:
        draw(services, with_loras(*make(tmp_path)), destination=Destination(folder=tmp_path / "o"))
    assert caught.value.hint
    assert_untouched(services, state)
    assert list((tmp_path / "o").iterdir()) == []


def test_the_last_loras_stay_in_memory_until_the_file_changes(services, ink, modules):
    def chosen(*specs):
        return [lora.adapter for lora in choose(services.loras, specs)]

    (first,) = chosen(LoraSpec(path=str(ink)))
    services.loras.add(ink)
    assert chosen(LoraSpec(path="ink", scale=0.5)) == [first]
    assert chosen(LoraSpec(path="ink"))[0] is first
    lora_file(ink, modules, seed=8)
    assert chosen(LoraSpec(path=str(ink)))[0] is not first
    assert chosen() == []
    assert chosen(LoraSpec(path="ink"))[0] is not first


def test_pefts_settings_belong_to_the_hash(services, modules, tmp_path):
    write_lora(tmp_path / "style", adapter_from(made(modules)), LAYOUTS["peft"])
    spec = LoraSpec(path=str(tmp_path / "style"))
    request = draw(services, with_loras(spec)).request
    config = tmp_path / "style" / "adapter_config.json"
    values = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps({**values, "lora_alpha": 1}), encoding="utf-8")
    with pytest.raises(DamagedModel, match="has changed"):
        draw(services, request)


def test_who_does_not_apply_loras_refuses_them(services, ink):
    model = services.shelf.get("tiny")
    request = with_loras(LoraSpec(path=str(ink)))
    with pytest.raises(InvalidRequest, match="tiny takes no LoRA here"):
        check_model_can(request, model)
    check_model_can(request, model, takes_loras=True)
    check_model_can(CAT, model)


def test_guests_draw_with_listed_loras_only(services, ink):
    services.loras.add(ink)
    inked = draw(services, with_loras(LoraSpec(path="ink")), role=Role.GUEST)
    assert inked.loras
    with pytest.raises(Forbidden, match="no LoRA named"):
        draw(services, with_loras(LoraSpec(path=str(ink))), role=Role.GUEST)


def test_words_that_were_not_said_are_told(services, ink, modules, tmp_path):
    services.loras.add(ink, trigger_words=["ink wash", "sumi"])
    write_lora(
        tmp_path / "tiger.safetensors", adapter_from(made(modules)), trigger_words=["tigersticker"]
    )
    specs = [
        LoraSpec(path="ink"),
        LoraSpec(path=str(tmp_path / "tiger.safetensors")),
        LoraSpec(path=str(ink)),
        LoraSpec(path="nothing.safetensors"),
        LoraSpec(path="nothing.pt"),
    ]
    first, second = unsaid(services.loras, specs, "a cat")
    assert first == "ink answers to words of its own: ink wash, sumi."
    assert second.endswith("words of its own: tigersticker.")
    assert unsaid(services.loras, specs, "a TigerSticker in Ink Wash") == ()


def test_the_api_takes_names_files_and_scales(ink, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSKETCHER_WORKSPACE", str(tmp_path / "home"))
    monkeypatch.setenv("VIDEOSKETCHER_DEVICE", "cpu")
    api.close()
    try:
        fields = CAT.to_mapping() | {"prompt": "a cat", "loras": ()}
        del fields["prompt"], fields["loras"]
        half = [
            api.sketch("a cat", loras=[lora], **fields)
            for lora in (f"{ink}=0.5", {"path": str(ink), "scale": 0.5})
        ]
        whole = api.sketch("a cat", loras=ink, **fields)
        with pytest.raises(InvalidRequest, match="loras"):
            api.sketch("a cat", loras=[3], **fields)
    finally:
        api.close()
    assert (half[0].raw_frames == half[1].raw_frames).all()
    assert (half[0].raw_frames != whole.raw_frames).any()


def test_a_merged_model_draws_as_the_lora_does(services, ink, modules, tmp_path):
    base = tmp_path / "base.safetensors"
    write_safetensors(base, tiny_model().transformer.state_dict())
    specs = [LoraSpec(path=str(ink), scale=0.5)]
    merge_files(services.loras, str(base), specs, tmp_path / "styled.safetensors")
    hot = draw(services, with_loras(*specs))
    model = services.shelf.get("tiny")
    from videosketcher_app.storage.tensors import read_safetensors

    model.transformer.load_state_dict(read_safetensors(tmp_path / "styled.safetensors"))
    merged = draw(services, CAT)
    difference = hot.raw_frames.astype(int) - merged.raw_frames.astype(int)
    assert abs(difference).max() <= 1
    with pytest.raises(InvalidRequest, match="no LoRA to merge"):
        merge_files(services.loras, "tiny", [], tmp_path / "x")
    with pytest.raises(InvalidRequest, match="tiny has no files"):
        merge_files(services.loras, "tiny", specs, tmp_path / "x")
    with pytest.raises(InvalidRequest, match="no model named"):
        merge_files(services.loras, "nothing", specs, tmp_path / "x")
