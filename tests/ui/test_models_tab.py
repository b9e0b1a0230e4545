"""The Models tab on real services: looks, acts, bad input, and whose page has it at all."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import gradio as gr
import pytest

from tests.models.lora.made import made, modules_of
from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError, InvalidFile, InvalidRequest, MissingModel
from videosketcher_app.core.settings import load_settings
from videosketcher_app.models.identify import Identity
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.model_rows import shipped_rows
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.container import build
from videosketcher_app.services.planner.qwen import FOLDER, MODEL
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.tabs.models import acts, memory
from videosketcher_app.ui.tabs.models.bring import brought, chosen, identity_html, told_what
from videosketcher_app.ui.tabs.models.desk import ModelDesk, key_of
from videosketcher_app.ui.tabs.models.memory import MEASURE, memory_of
from videosketcher_app.ui.tabs.models.news import News, cards_value, news_of
from videosketcher_app.ui.tabs.models.shown import TEST_FAMILY, shown_models


@pytest.fixture
def services(tmp_path):
    settings = load_settings(
        workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu", offline=True
    )
    with build(settings) as built:
        yield built


@pytest.fixture
def desk(services):
    return ModelDesk(services, "tiny")


@pytest.fixture
def lora(tmp_path):
    path = tmp_path / "ink.safetensors"
    write_lora(path, adapter_from(made(modules_of(tiny_model().transformer))))
    return path


def test_a_page_is_answered_before_anybody_has_looked(desk):
    value = cards_value(desk)
    assert value["groups"] == []
    assert value["notice"].startswith("Looking")
    assert desk.looked.number == 0


def test_a_look_finds_every_model_and_then_what_fits(desk):
    first = desk.look()
    value = cards_value(desk)
    cards = {card["key"]: card for group in value["groups"] for card in group["cards"]}
    assert cards["pocket-t2v"]["here"]
    assert not cards["wan2.1-t2v-14b"]["here"]
    assert value["notice"] == ""
    assert set(value["live"]) == set(cards)
    assert "download" in value["live"]["wan2.1-t2v-14b"]["can"]
    assert "ms-fits" not in cards["pocket-t2v"]["html"]
    assert desk.look_at_fits() == first + 1
    cards = {card["key"]: card for group in cards_value(desk)["groups"] for card in group["cards"]}
    assert "Everyday" in cards["pocket-t2v"]["html"]
    assert "ms-fits" in cards["wan2.1-t2v-14b"]["html"]
    assert "ms-fits" not in cards["umt5-xxl"]["html"]
    assert "ms-fits" not in cards[MODEL]["html"]
    (title,) = [group["title"] for group in value["groups"] if cards[MODEL] in group["cards"]]
    assert "plan" in title
    assert "download" in value["live"][MODEL]["can"]


def test_a_planner_put_there_by_hand_is_used_from_there_and_only_forgotten(desk, services):
    folder = services.model_store.folder / FOLDER
    folder.mkdir(parents=True)
    for file in shipped_rows()[MODEL].files:
        with (folder / file.path).open("wb") as hole:  # takes no room
            hole.truncate(file.num_bytes)
    desk.look()
    assert cards_value(desk)["live"][MODEL]["can"] == ["use"]
    acts.use(desk, MODEL)
    assert "nothing was copied" in list(desk.errands.follow(key_of(MODEL)))[-1].words
    desk.look()
    model = desk.model(MODEL)
    assert model is not None
    assert (model.state, model.is_linked, model.where) == ("here", True, folder)
    assert model.num_bytes == model.total_bytes == shipped_rows()[MODEL].total_bytes
    assert "stay where they are" in acts.remove(desk, MODEL)
    assert len(list(folder.iterdir())) == len(shipped_rows()[MODEL].files)


def test_models_of_the_tests_are_shown_to_nobody_who_did_not_ask(services):
    families = {model.name for model in shown_models(services, "pocket-t2v")}
    assert TEST_FAMILY not in families
    assert TEST_FAMILY in {model.name for model in shown_models(services, "tiny")}


def test_the_page_hears_only_what_is_new(desk):
    desk.look()
    shown, sent, disk = news_of(desk, None, News())
    assert shown["groups"]
    again, sent, same = news_of(desk, sent, News())
    assert again == gr.skip()
    assert same == disk
    told, *_ = news_of(desk, sent, News(words="Done."))
    assert told["words"] == "Done."
    desk.changed()
    assert news_of(desk, sent, News())[2] != disk


def test_loading_is_seen_on_the_card(desk, services):
    desk.look()
    services.shelf.get("tiny")
    assert cards_value(desk)["live"]["tiny"]["state"] == "in memory"


def test_a_disk_that_cannot_be_read_is_a_sentence_and_the_cards_stay(desk, monkeypatch):
    desk.look()

    def broken():
        raise InvalidFile("The catalogue is damaged.", hint="Install it again.")

    monkeypatch.setattr(desk.services.model_store, "cards", broken)
    desk.look()
    value = cards_value(desk)
    assert value["notice"] == "The catalogue is damaged. Install it again."
    assert value["groups"]


@pytest.mark.parametrize("act", ["download", "pause", "go_on", "stop", "remove"])
def test_what_cannot_be_done_is_a_sentence(desk, act):
    desk.look()
    with pytest.raises(AppError) as error:
        acts.ACTS[act](desk, "wan2.1-vae")
    assert error.value.hint


def test_a_check_goes_on_by_itself_and_ends_with_a_sentence(desk):
    desk.look()
    assert "pocket-t2v" in acts.verify(desk, "pocket-t2v")
    end = list(desk.errands.follow(key_of("pocket-t2v")))[-1]
    assert end.words.startswith("pocket-t2v is whole")
    assert end.total > 0
    acts.verify(desk, "umt5-xxl")
    end = list(desk.errands.follow(key_of("umt5-xxl")))[-1]
    assert end.state == "failed"
    acts.use(desk, "umt5-xxl")
    end = list(desk.errands.follow(key_of("umt5-xxl")))[-1]
    assert end.state == "failed"
    assert "Look again" in end.words


def test_an_imported_lora_stands_among_the_models_and_can_go(desk, services, lora):
    words = list(brought(desk, lora, "", link=False))
    assert "ink is among the models now." in words[-1]
    desk.look()
    model = desk.model("lora/ink")
    assert model is not None
    assert (model.kind, model.state, model.is_imported_lora) == ("lora", "here", True)
    assert acts.remove(desk, "lora/ink") == "ink is removed from this disk."
    desk.look()
    assert desk.model("lora/ink") is None
    assert services.loras.entries() == ()


def test_a_lora_named_like_a_model_is_another_card(desk, services, lora):
    services.loras.add(lora, name="tiny")
    desk.look()
    assert "remove" in cards_value(desk)["live"]["lora/tiny"]["can"]
    assert "remove" not in cards_value(desk)["live"]["tiny"]["can"]
    acts.remove(desk, "lora/tiny")
    assert services.loras.entries() == ()


def test_no_press_waits_for_a_slow_disk(desk, monkeypatch):
    cards, may_end = desk.services.model_store.cards, threading.Event()
    desk.look()

    def slow():
        assert may_end.wait(60)
        return cards()

    monkeypatch.setattr(desk.services.model_store, "cards", slow)
    looking = threading.Thread(target=desk.look)
    looking.start()
    value = cards_value(desk)  # what the last look has found
    assert value["groups"]
    with pytest.raises(AppError):
        acts.download(desk, "wan2.1-vae")
    assert looking.is_alive()
    may_end.set()
    looking.join()
    assert desk.looked.number == 2


def test_a_file_says_what_it_is_before_it_is_brought(desk, lora, tmp_path):
    assert "LoRA" in told_what(desk, str(lora), None)
    assert "LoRA" in told_what(desk, "", str(lora))
    holiday = tmp_path / "holiday.safetensors"
    holiday.write_bytes(b"no tensors")
    for path in (str(holiday), str(tmp_path / "gone"), "", "a\0b"):
        assert 'role="alert"' in told_what(desk, path, None)
    assert 'role="alert"' in list(brought(desk, holiday, "", link=False))[-1]


def test_a_file_that_fits_several_rows_asks_which():
    found = Identity(kind="lora", label="A <b>LoRA</b>", candidates=("a", "b"), problems=("<i>",))
    html = identity_html(found)
    assert "It may be one of these: a, b." in html
    assert "<b>" not in html
    assert "<i>" not in html
    known = Identity(kind="vae", label="A VAE", model_name="wan2.1-vae")
    assert "It is wan2.1-vae of the list above." in identity_html(known)


def test_what_is_typed_goes_before_what_is_dropped():
    assert chosen(' "/data/a.pt" ', "/tmp/b.pt") == Path("/data/a.pt")
    assert chosen("", "/tmp/b.pt") == Path("/tmp/b.pt")
    with pytest.raises(InvalidRequest):
        chosen("  ", None)


def test_memory_is_shown_and_only_what_is_new(desk):
    shown, sent = memory_of(desk, None, News())
    assert 'data-place="ram"' in shown["places"]
    assert shown["budget"]["min"] <= shown["budget"]["gb"] <= shown["budget"]["max"]
    told, _ = memory_of(desk, sent, News(words="Set."))
    assert (told["words"], told["ok"]) == ("Set.", True)


@pytest.mark.parametrize("data", [None, {}, {"gb": "much"}, {"gb": True}, {"gb": float("nan")}])
def test_a_budget_that_is_no_number_is_refused(desk, data):
    with pytest.raises(InvalidRequest):
        memory._budget(desk, data)


def test_a_budget_is_kept_and_asks_anew_what_fits(desk, services):
    before = desk.state_of_disk()
    least, _, step = services.model_manager.budget_range()
    memory._budget(desk, {"gb": least + step})
    assert desk.state_of_disk() != before
    shown, _ = memory_of(desk, None, News())
    assert shown["budget"]["gb"] == least + step
    with pytest.raises(InvalidRequest):
        memory._budget(desk, {"gb": 10_000})


def test_a_self_test_that_cannot_begin_is_a_sentence(desk, monkeypatch):
    monkeypatch.setattr(desk.manager, "self_test", lambda on_progress: _no_room())
    memory._self_test(desk, {})
    end = list(desk.errands.follow(MEASURE))[-1]
    assert end.state == "failed"
    shown, _ = memory_of(desk, None, News())
    assert "mm-bad" in shown["results"]
    assert shown["moving"] is None


def _no_room():
    raise MissingModel("There is nothing to try.", hint="Download a model.")


def page(services, role):
    async def build_page():
        return build_app(services, role, model="tiny")

    return asyncio.run(build_page())


@pytest.mark.parametrize(("role", "is_there"), [(Role.OWNER, True), (Role.GUEST, False)])
def test_only_the_owner_has_the_tab_and_its_handlers(services, role, is_there):
    blocks = page(services, role)
    mine = {Capability.MANAGE_MODELS, Capability.IMPORT_FILES}
    handlers = [f.fn for f in blocks.fns.values() if f.fn.capability in mine]
    ids = [block.elem_id for block in blocks.blocks.values() if getattr(block, "elem_id", None)]
    assert bool(handlers) == is_there
    assert ("model-cards" in ids) == is_there


def test_looks_presses_and_figures_wait_for_their_own_kind_only(services):
    lanes: dict[str, set[str]] = {}
    for wire in page(services, Role.OWNER).fns.values():
        if wire.fn.capability is Capability.MANAGE_MODELS:
            lanes.setdefault(wire.concurrency_id, set()).add(wire.fn.__name__)
    assert lanes == {
        "models-look": {"on_look"},
        "models-news": {"on_seen", "on_news", "on_act", "on_hidden"},
        "models-memory": {"on_seen", "on_tick", "on_act"},
    }
