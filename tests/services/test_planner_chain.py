"""Who plans: OpenAI with a key, else Qwen on disk, else the library; a failure is always said."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import within
from tests.services.chat_server import GOOD, GOOD_PARTS, ChatServer, chat, http, serving
from tests.services.tiny_chat_model import write_tiny_chat_model
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.brushes.clause import BRUSH_CLAUSE
from videosketcher_app.services.lease import DeviceLease, DeviceMemory
from videosketcher_app.services.planner import LibraryPlanner
from videosketcher_app.services.planner.keys import LanguageModelAccess, check_base_url
from videosketcher_app.services.planner.openai_chat import OpenAIChat
from videosketcher_app.services.planner.qwen import FOLDER
from videosketcher_app.services.planner.refiner import LanguageModelPlanner
from videosketcher_app.services.request_planner import RequestPlanner

KEY = "sk-test-0123456789"
PLAN_TEXT = "Step by step sketch process of a cat, following this drawing order: 1. Head – circle."


@pytest.fixture(autouse=True)
def _no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    scripts = {
        "good": chat(GOOD),
        "refuses": http("", status="401 Unauthorized"),
        "prose": chat("Think of a cat."),
        "busy": http("", status="429 Busy", headers={"Retry-After": "2"}),
        "chinese": chat({**GOOD, "english_concept": "a cat"}),
    }
    with serving(scripts) as running:
        yield running


def planner_of(folder: Path, base_url: str, **settings: object) -> RequestPlanner:
    memory = DeviceMemory(total_bytes=8_000_000_000, free_bytes=8_000_000_000)
    values = {"workspace": folder / "home", "device": "cpu", "openai_base_url": base_url}
    return RequestPlanner(
        load_settings(**{"openai_api_key": KEY, **values, **settings}),
        lease=DeviceLease(memory=lambda: memory),
    )


def ask(backend: RequestPlanner, prompt: str = "a zebrafant", /, **fields: object):
    return backend.plan(SketchRequest(prompt=prompt, **fields), role=Role.OWNER)


def test_a_key_means_openai_and_the_plan_says_so(tmp_path: Path, server: ChatServer) -> None:
    planned = ask(planner_of(tmp_path, server.base_url("good"), llm_model="mini-1"))
    assert planned.planner == "openai"
    assert planned.note == ""
    assert [part.name for part in planned.plan.parts] == [part["name"] for part in GOOD_PARTS]
    (exchange,) = server.requests["good"]
    assert exchange.headers["Authorization"] == f"Bearer {KEY}"
    assert json.loads(exchange.body)["model"] == "mini-1"


def test_openai_failing_hands_over_to_qwen_and_says_so(tmp_path: Path, server: ChatServer) -> None:
    reply = json.dumps({"parts": GOOD_PARTS[:2]}, separators=(",", ":"))
    write_tiny_chat_model(tmp_path / "home" / "models" / FOLDER, reply)
    planned = ask(planner_of(tmp_path, server.base_url("refuses")))
    assert planned.planner == "qwen"
    assert planned.note == ("The server 127.0.0.1 refused the key, so this plan comes from Qwen.")


def test_openai_failing_without_qwen_hands_over_to_the_library(
    tmp_path: Path, server: ChatServer
) -> None:
    for fields in ({}, {"planner": "openai"}):
        planned = ask(planner_of(tmp_path, server.base_url("prose")), "a cat", **fields)
        assert planned.planner == "library"
        assert planned.plan == LibraryPlanner().plan("a cat").plan
        assert planned.note == (
            "The server 127.0.0.1 replied without a plan (there is no list of parts in it), "
            "so this plan comes from the library."
        )


def test_a_busy_server_is_asked_again_when_it_wishes(tmp_path: Path, server: ChatServer) -> None:
    begun = time.monotonic()
    planned = ask(planner_of(tmp_path, server.base_url("busy")))
    seconds = time.monotonic() - begun
    assert seconds >= 2
    assert within(seconds, 5.0)
    assert "is busy" in planned.note
    assert len(server.requests["busy"]) == 2


def test_only_what_cannot_be_helped_is_not_asked_again(tmp_path: Path, server: ChatServer) -> None:
    ask(planner_of(tmp_path, server.base_url("refuses")))
    ask(planner_of(tmp_path, server.base_url("prose")))
    assert (len(server.requests["refuses"]), len(server.requests["prose"])) == (1, 2)


@pytest.mark.parametrize(
    ("prompt", "fields"),
    [("a cat", {"planner": "library"}), ("a cat", {"as_written": True}), (PLAN_TEXT, {})],
)
def test_who_needs_no_language_model_asks_none(
    tmp_path: Path, server: ChatServer, prompt: str, fields: dict[str, object]
) -> None:
    ask(planner_of(tmp_path, server.base_url("good")), prompt, **fields)
    assert not server.requests


def test_the_default_of_the_settings_is_what_auto_means(tmp_path: Path, server: ChatServer) -> None:
    planner = planner_of(tmp_path, server.base_url("good"), refine_backend="library")
    assert ask(planner, "a cat").planner == "library"
    assert ask(planner, "a cat", planner="openai").planner == "openai"


def test_an_address_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    planner = planner_of(tmp_path, "http://models.example.org/v1")
    assert "unencrypted" in ask(planner, "a cat").note
    with pytest.raises(InvalidRequest, match="unencrypted"):
        ask(planner, "a cat", planner="openai")


def test_another_script_than_asked_for_is_said(tmp_path: Path, server: ChatServer) -> None:
    planned = ask(planner_of(tmp_path, server.base_url("chinese")), "一只斑马象")
    assert planned.planner == "openai"
    assert planned.plan.concept == "一只斑马象"
    assert planned.model_plan.concept == "a cat"
    assert planned.note.endswith("answered in another language, so the plan is in English.")


def test_the_brush_clause_is_in_the_models_words_only(server: ChatServer) -> None:
    access = LanguageModelAccess(base_url=server.base_url("good"), model="m")
    planned = LanguageModelPlanner(OpenAIChat(access)).plan("a zebrafant", brush=True)
    assert planned.model_plan.concept == "a zebrafant" + BRUSH_CLAUSE
    assert planned.plan.concept == "a zebrafant"
    assert "Authorization" not in server.requests["good"][0].headers


@pytest.mark.parametrize(
    "url",
    ["https://api.openai.com/v1", "https://models.example.org", "http://localhost:11434/v1",
     "http://127.0.0.1:1/v1", "http://[::1]:8000/v1", "http://192.168.1.20:8000/v1/"],
)  # fmt: skip
def test_addresses_that_keep_a_key_safe_are_taken(url: str) -> None:
    assert check_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["", "api.openai.com", "http://api.openai.com/v1", "http://8.8.8.8/v1", "ftp://a.example/v1",
     "file:///etc/passwd", "https://u:p@a.example/v1", "https://a.example/v1?x=1", "https://",
     "https://a.example/#x", "https://a b.example", "https://\u0430.example", "https://a:99999/v1",
     "https://a.example/" + "x" * 300, "javascript:alert(1)", "http://localhost.evil.example/v1",
     "http://127.0.0.1@evil.example/v1", "https://[::1", "http://0x7f.1.evil.example/"],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        check_base_url(url)


@pytest.mark.parametrize(("words", "known"), [("一只猫", True), ("Москва", False), ("ネコ", True)])
def test_the_library_is_honest_in_other_scripts(words: str, known: bool) -> None:
    planned = LibraryPlanner().plan(words)
    assert planned.plan.concept == words
    assert str(planned.model_plan).replace("–", "-").isascii()
    assert ("in English" if known else "does not know") in planned.note
    assert [p.description for p in planned.plan.parts] == [
        p.description for p in planned.model_plan.parts
    ]
