"""The mode of speed on the Co-draw tab: what is offered, whose it is, and when it holds."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.services.codraw.easels import Studio, studio
from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.ui.codraw import messages as say
from videosketcher_app.ui.codraw.line import Line
from videosketcher_app.ui.codraw.tables import Tables
from videosketcher_app.ui.codraw.talk import Talk
from videosketcher_app.ui.components.codraw_canvas import CodrawCanvas
from videosketcher_app.ui.texts import t

# With a concept: an empty sheet is thrown away when its page goes.
START = {"kind": "start", "width": 48, "height": 48, "concept": "a cat"}


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Studio]:
    with studio(tmp_path) as opened:
        yield opened


def conversation(
    shared: Studio, role: Role, visitor: str, messages: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """What a page that says all this is told."""

    async def held() -> list[dict[str, Any]]:
        tables = Tables(shared.service, role, model="tiny")
        line = Line(visitor)
        talk = Talk(tables, line, role)
        for message in messages:
            talk.take(say.message_of(message))
        talk.take(say.Jump(kind="jump", turn=999))  # refused, and so the last that is told
        told: list[dict[str, Any]] = []
        async for item in line.items():
            if isinstance(item, str):
                told.append(json.loads(item))
                if told[-1]["kind"] == "error":
                    break
        await talk.end()
        await asyncio.to_thread(tables.close)
        return told

    return asyncio.run(asyncio.wait_for(held(), 120))


def test_every_mode_is_offered_once_in_words() -> None:
    page = CodrawCanvas(render=False).html_template
    listed = re.search(r'<select data-set="mode">(.*?)</select>', page)
    assert listed is not None
    offered = re.findall(r'<option value="(\w+)">(.*?)</option>', listed[1])
    assert [mode for mode, _ in offered] == list(
        get_args(CoDrawRequest.model_fields["mode"].annotation)
    )
    assert offered[0][1] == t("model_settings.mode_exact")
    assert offered[1][1] == t("codraw.mode_fast")


@pytest.mark.parametrize("role", Role)
def test_the_owner_and_guests_choose_one(shared: Studio, role: Role) -> None:
    visitor = shared.guests.admit()[1].name if role is Role.GUEST else ""
    start = {**START, "mode": "fast"}
    told = conversation(shared, role, visitor, [start, {"kind": "settings", "mode": "sketch"}])
    (name,) = [message["session"] for message in told if message["kind"] == "session"]
    states = [message["settings"]["mode"] for message in told if message["kind"] == "state"]
    assert (states[0], states[-1]) == ("fast", "sketch")
    session = shared.service.get(name, visitor, role=role)
    assert (session.request.mode, session.mode) == ("fast", "sketch")


def test_one_visitor_leaves_the_mode_of_another_alone(shared: Studio) -> None:
    (_, one), (_, other) = shared.guests.admit(), shared.guests.admit()
    told = conversation(shared, Role.GUEST, other.name, [START])
    (name,) = [message["session"] for message in told if message["kind"] == "session"]
    session = shared.service.get(name, other.name, role=Role.GUEST)
    conversation(shared, Role.GUEST, one.name, [START, {"kind": "settings", "mode": "fast"}])
    assert session.mode == "exact"


def test_a_preview_of_another_mode_is_put_away(shared: Studio) -> None:
    async def held() -> list[Any]:
        tables = Tables(shared.service, Role.OWNER, model="tiny")
        line = Line("")
        talk = Talk(tables, line, Role.OWNER)
        for message in (START, {"kind": "onion"}):
            talk.take(say.message_of(message))
        onions: list[Any] = []
        async for item in line.items():
            told = json.loads(item) if isinstance(item, str) else {"kind": "tile"}
            if told["kind"] == "onion":
                onions.append(told["on"])
                if told["on"]:
                    talk.take(say.Settings(kind="settings", mode="fast"))
                    talk.take(say.Accept(kind="accept"))
            if told["kind"] == "error":
                onions.append(told["message"])
                break
        await talk.end()
        await asyncio.to_thread(tables.close)
        return onions

    told = asyncio.run(asyncio.wait_for(held(), 120))
    assert told == [True, False, t("codraw.nothing_shown")]
