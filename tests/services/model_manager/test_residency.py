"""Under one budget a pinned model is never loaded again while a large one comes and goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.codraw.easels import frames_of, play, studio
from tests.services.model_manager.machines import as_if_large, card, lease_of
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import OutOfMemory
from videosketcher_app.models.machine import Machine
from videosketcher_app.services.lease import DeviceLease
from videosketcher_app.services.model_manager.footprint import cache_bytes
from videosketcher_app.services.model_manager.picture import picture_of
from videosketcher_app.services.model_manager.plans import MemoryPlans
from videosketcher_app.services.model_manager.sizes import CAUSAL_1_3B
from videosketcher_app.services.model_manager.views import GIB
from videosketcher_app.services.model_shelf import ModelShelf

AR, LARGE, SESSION = "tiny", "tiny-brush", "a drawing together"


def shelf_on(machine: Machine, limit_gb: float | None = None) -> tuple[ModelShelf, DeviceLease]:
    lease = lease_of(machine, limit_gb)
    plans = MemoryPlans(lease, look=lambda _: machine, sizes=as_if_large)
    return ModelShelf(device="cpu", lease=lease, place=plans.place), lease


def tier_of(shelf: ModelShelf, name: str) -> str:
    placed = {model.name: model.placed for model in shelf.loaded()}[name]
    assert placed is not None
    return placed.plan.tier


def test_turns_and_previews_alternate_without_a_reload() -> None:
    shelf, lease = shelf_on(card(80), limit_gb=12)
    ar = shelf.pin(AR, SESSION)
    lease.keep(SESSION, 4 * GIB)  # the cache
    large = shelf.get(LARGE)
    assert tier_of(shelf, LARGE) == "stream_ram"
    for turn in range(20):
        assert shelf.pin(AR, SESSION) is ar, turn
        assert shelf.get(LARGE) is large, turn
        assert lease.granted_bytes <= 12 * GIB
    shelf.unpin(SESSION)
    assert [model.name for model in shelf.loaded()] == [LARGE]


def test_a_session_draws_between_previews_and_nothing_is_loaded_again(tmp_path: Path) -> None:
    with studio(tmp_path, memory_bytes=12 * GIB) as opened:
        plans = MemoryPlans(opened.lease, look=lambda _: card(80), sizes=as_if_large)
        loads: list[str] = []
        load = opened.models._load

        def counted(name: str, plan: Any) -> Any:
            loads.append(name)
            return load(name, plan)

        opened.models._place, opened.models._load = plans.place, counted  # type: ignore[method-assign]

        def preview(_cancel: CancelToken) -> Iterator[int]:
            opened.models.get(LARGE)
            yield 0

        session = opened.open()
        for _ in range(20):
            assert frames_of(play(session, 12))
            opened.queue.submit(preview, name="A sketch").result()
        assert loads == [AR, LARGE]
        assert tier_of(opened.models, LARGE) == "stream_ram"


def test_a_large_model_makes_room_for_a_session_and_streams_from_then_on() -> None:
    shelf, lease = shelf_on(card(48))
    alone = shelf.get(LARGE)
    assert tier_of(shelf, LARGE) == "resident"
    ar = shelf.pin(AR, SESSION)
    lease.keep(SESSION, 8 * GIB)
    assert LARGE not in {model.name for model in shelf.loaded()}
    again = shelf.get(LARGE)
    assert again is not alone
    assert tier_of(shelf, LARGE) == "stream_ram"
    for _ in range(20):
        assert shelf.pin(AR, SESSION) is ar
        assert shelf.get(LARGE) is again


def test_pinned_models_are_never_let_go_for_others() -> None:
    shelf, lease = shelf_on(card(8))
    ar = shelf.pin(AR, SESSION)
    lease.keep(SESSION, 5 * GIB)
    with pytest.raises(OutOfMemory, match=r"tiny-brush at 832x480 and 81 frames needs"):
        shelf.get(LARGE)
    assert shelf.pin(AR, SESSION) is ar
    assert shelf.state(LARGE).state == "failed"
    lease.release(SESSION)
    shelf.get(LARGE)
    assert shelf.pin(AR, SESSION) is ar


def test_a_causal_model_leaves_its_cache_to_be_booked_by_each_drawing() -> None:
    machine = card(48)
    lease = lease_of(machine)
    plans = MemoryPlans(lease, look=lambda _: machine, sizes=lambda _name: CAUSAL_1_3B)
    placed, fit = plans.place(AR), plans.fit(AR)
    assert placed is not None
    cache = cache_bytes(CAUSAL_1_3B, CAUSAL_1_3B.clip, 2)
    assert fit.needed_bytes - placed.footprint.device_bytes == cache > 6e9
    lease.keep("other drawings", 36 * GIB)
    with pytest.raises(OutOfMemory, match="needs"):
        plans.place(AR)


def test_a_running_job_keeps_its_model_whoever_else_wants_the_room() -> None:
    shelf, lease = shelf_on(card(48))
    refused: list[OutOfMemory] = []

    def train() -> None:
        try:
            lease.keep("A training run", 20 * GIB)
        except OutOfMemory as error:
            refused.append(error)

    with lease.lease("A sketch"):
        shelf.get(LARGE)
        other = threading.Thread(target=train)
        other.start()
        other.join()
        assert len(refused) == 1
        assert [model.name for model in shelf.loaded()] == [LARGE]
    train()
    assert len(refused) == 1, "when nobody computes, the model makes room"
    assert shelf.loaded() == ()


def test_a_larger_budget_is_used_at_the_next_request() -> None:
    shelf, lease = shelf_on(card(80), limit_gb=12)
    shelf.get(LARGE)
    lease.set_limit(None)
    shelf.plan_again()
    assert tier_of(shelf, LARGE) == "stream_ram"
    shelf.get(LARGE)
    assert tier_of(shelf, LARGE) == "resident"


def test_the_picture_shows_what_waits_where() -> None:
    shelf, lease = shelf_on(card(80), limit_gb=12)
    shelf.pin(AR, SESSION)
    shelf.get(LARGE)
    with lease.lease("A sketch", GIB):
        picture = picture_of(lease, shelf, said=())
    rows = {(held.name, held.where): held for held in picture.held}
    assert rows[AR, "ram"].stays
    assert "while somebody draws" in rows[AR, "ram"].why
    assert rows["A sketch", "ram"].why == "the running job"
    waiting = [held for held in picture.held if held.name == LARGE]
    assert sorted(round(held.num_bytes / 1e9) for held in waiting) == [8, 39]
    assert not any(held.stays for held in waiting)
    assert picture.budget_bytes == 12 * GIB
    assert picture.is_budget_set
    assert picture.total == 80 * GIB
