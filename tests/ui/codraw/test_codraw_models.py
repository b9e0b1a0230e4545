"""A page chooses among the causal models that are here; a guest's page does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.codraw.easels import Studio, studio
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.codraw.causal_models import CausalChoice
from videosketcher_app.ui.codraw.messages import Start
from videosketcher_app.ui.codraw.tables import Tables

CHOICES = [
    CausalChoice(name="tiny", about="for tests", multiple_px=24),
    CausalChoice(name="pocket-ar", about="shipped", multiple_px=24),
    CausalChoice(name="my-ink", about="large", multiple_px=16, why_not="It needs 9 GB."),
]


class Page:
    """What a line keeps of what it is told."""

    def __init__(self, visitor: str = "") -> None:
        self.visitor = visitor
        self.known_turns: dict[int, int] = {}
        self.told: list[tuple[str, dict[str, Any]]] = []

    def tell(self, kind: str, **values: Any) -> None:
        self.told.append((kind, values))

    def put(self, _item: Any) -> None:
        return

    def close(self, _code: int = 0) -> None:
        return


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path) as opened:
        yield opened


def _page() -> Any:
    return Page()


def _tables(shared: Studio) -> Tables:
    return Tables(shared.service, Role.OWNER, model="tiny", choices=lambda: CHOICES)


def start(model: str | None = None) -> Start:
    return Start(kind="start", width=48, height=48, model=model)


def test_a_page_is_told_what_it_may_choose_and_what_does_not_fit(shared: Studio) -> None:
    tables, page = _tables(shared), _page()
    tables.tell_choices(page)
    ((kind, told),) = page.told
    assert (kind, told["own"]) == ("models", "tiny")
    assert [(m["name"], m["why_not"]) for m in told["models"]] == [
        ("tiny", ""),
        ("pocket-ar", ""),
        ("my-ink", "It needs 9 GB."),
    ]
    assert told["models"][2]["papers"][0] == (432, 240)
    assert told["models"][2]["papers"][1] == (832, 480)


def test_the_chosen_model_draws(shared: Studio) -> None:
    tables, page = _tables(shared), _page()
    own, _ = tables.start(page, start())
    assert own.session.request.model == "tiny"
    chosen, is_new = tables.start(_page(), start("pocket-ar"))
    assert is_new
    assert chosen.session.request.model == "pocket-ar"
    again, is_new = tables.start(
        _page(), Start(kind="start", session=chosen.session.id, model="tiny")
    )
    assert not is_new
    assert again.session.request.model == "pocket-ar", "a drawing keeps its model"
    tables.close()


@pytest.mark.parametrize(
    ("model", "why"), [("my-ink", "needs 9 GB"), ("tiny-brush", "cannot be chosen")]
)
def test_what_is_not_offered_is_refused(shared: Studio, model: str, why: str) -> None:
    tables, page = _tables(shared), _page()
    with pytest.raises(InvalidRequest, match=why):
        tables.start(page, start(model))
    tables.look(page, model)
    assert shared.service._warming._looked_at == {page: "tiny"}, "the app's own is loaded instead"
    tables.look_away(page)


def test_guests_have_no_choice(shared: Studio) -> None:
    _, guest = shared.guests.admit()
    tables = Tables(shared.service, Role.GUEST, model="tiny")
    page: Any = Page(guest.name)
    tables.tell_choices(page)
    assert page.told == []
    with pytest.raises(InvalidRequest, match="cannot be chosen"):
        tables.start(page, start("pocket-ar"))
    table, _ = tables.start(page, start("tiny"))
    assert table.session.request.model == "tiny"
    tables.close()
