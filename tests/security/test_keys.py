"""Five canary keys through a full run with forced errors: they are found nowhere but at the server."""

from __future__ import annotations

import asyncio
import copy
import io
import json
import logging
import os
import pickle  # noqa: TID251 - to see it refuse
import stat
import sys
import traceback
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
import pytest

from tests.services.chat_server import GOOD, ChatServer, chat, http, serving
from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError, Forbidden, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.core.secret import (
    MASK,
    Secret,
    SecretFilter,
    child_environment,
    drop_keys_from_environment,
    redacted,
)
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.bundle import write_bundle
from videosketcher_app.services.container import Services, build
from videosketcher_app.services.doctor import examine
from videosketcher_app.services.generation import Destination
from videosketcher_app.ui.app import build_app
from videosketcher_app.ui.components import planner_settings
from videosketcher_app.ui.context import PageContext

pytestmark = pytest.mark.security

CANARIES = [f"sk-canary-{name}-9f8e7d6c5b" for name in ("env", "dotenv", "page", "second", "bad")]
ENV, DOTENV, PAGE, SECOND, BAD = CANARIES
CHILD = "import os; print(dict(os.environ))"


@dataclass
class Gathered:
    """Everything that the app said or left during a run."""

    texts: dict[str, str]

    def hits(self) -> list[str]:
        return [name for name, text in self.texts.items() for key in CANARIES if key in text]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    scripts = {
        "good": chat(GOOD),
        "refuses": http(f"Incorrect API key provided: {PAGE}", status="401 Unauthorized"),
        "trouble": http("oops", status="500 Oops"),
    }
    with serving(scripts) as running:
        yield running


def services_of(tmp_path: Path, server: ChatServer, case: str, **settings: object) -> Services:
    return build(
        load_settings(
            workspace=tmp_path / "home",
            output_dir=tmp_path / "out",
            device="cpu",
            openai_base_url=server.base_url(case),
            **settings,
        )
    )


def page_of(services: Services, role: Role) -> gr.Blocks:
    """The settings alone on a page, built within a loop as Gradio wants it."""

    async def build_page() -> gr.Blocks:
        with gr.Blocks() as blocks:
            planner_settings.build(PageContext(services=services, role=role, model="tiny"))
        return blocks

    return asyncio.run(build_page())


def _app_of(services: Services) -> gr.Blocks:
    async def build_page() -> gr.Blocks:
        return build_app(services, Role.OWNER, model="tiny")

    return asyncio.run(build_page())


@pytest.mark.row("T15", "canary keys through whole runs", cases=5)
def test_canary_keys_are_found_nowhere_but_at_the_server(
    tmp_path: Path,
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    run_python,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", ENV)
    gathered = Gathered({})
    with services_of(tmp_path, server, "good") as services:
        texts = gathered.texts
        texts["errors"] = _errors_with_keys(services, server)
        services.planner.keys.save(key=PAGE, base_url=server.base_url("refuses"), model="m")
        refused = services.planner.plan(SketchRequest(prompt="a cat"), role=Role.OWNER)
        assert "refused the key" in refused.note
        texts["note"] = repr(refused)
        texts["page"] = json.dumps(page_of(services, Role.OWNER).get_config_file(), default=str)
        texts["app"] = json.dumps(_app_of(services).get_config_file(), default=str)
        drawing = _drawn(services, tmp_path)
        texts["run"] = json.dumps(drawing.run)
        texts["settings"] = f"{services.settings!r} {services.settings.model_dump_json()}"
        texts["state"] = repr(services.planner.keys.state()) + repr(services.planner.keys.access())
        write_bundle(tmp_path / "b.zip", examine(services.settings), services.settings)
    child = run_python(CHILD, env={**child_environment(), "PYTHONPATH": ""})
    assert child.returncode == 0
    texts["child"] = child.stdout
    texts["bundle"] = _unzipped(tmp_path / "b.zip")
    texts["files"] = _contents_below(tmp_path / "out")
    texts["logs"] = caplog.text
    printed = capfd.readouterr()
    texts["printed"] = printed.out + printed.err
    assert all(
        texts[name] for name in ("errors", "page", "run", "bundle", "files", "logs", "child")
    )
    assert gathered.hits() == []
    sent = [e.headers["Authorization"] for e in server.requests["refuses"]]
    assert sent == [f"Bearer {key}" for key in (SECOND, PAGE, PAGE)]


def _errors_with_keys(services: Services, server: ChatServer) -> str:
    """Forces errors while keys are in play; returns their texts and tracebacks."""
    keys, told = services.planner.keys, []
    for key, url in (
        (BAD + " \u0142", server.base_url("good")),
        (SECOND, f"http://user:{SECOND}@127.0.0.1/v1"),
        (SECOND, "http://models.example.org/v1"),
        (SECOND, "file:///etc/passwd"),
        (SECOND, "https://models.example.org/v1?key=1"),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            keys.save(key=key, base_url=url, model="m")
        told.append("".join(traceback.format_exception(refusal.value)))
    for case in ("trouble", "refuses"):
        keys.save(key=SECOND, base_url=server.base_url(case), model="m")
        with pytest.raises(AppError) as failure:
            services.planner.try_language_model(role=Role.OWNER)
        told.append("".join(traceback.format_exception(failure.value)))
    return "\n".join(told)


def _drawn(services: Services, tmp_path: Path):
    request = SketchRequest(prompt="a cat", model="tiny", num_frames=5)
    planned = services.planner.plan(request, role=Role.OWNER)
    *_, done = services.generation.run(
        request, planned=planned, destination=Destination(folder=tmp_path / "out", gif=True)
    )
    return done.drawing


def _unzipped(path: Path) -> str:
    with zipfile.ZipFile(path) as bundle:
        return "".join(bundle.read(name).decode() for name in bundle.namelist())


def _contents_below(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {".mp4", ".json", ".png"} <= {path.suffix for path in files}
    return "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.row("T15", "ways out of the process")
def test_a_secret_shows_its_mask_everywhere_and_cannot_be_packed() -> None:
    secret = Secret(f" {PAGE} ")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", "%s %r" % (secret, secret)]  # noqa: UP031
    assert all(MASK in text and PAGE not in text for text in shown)
    assert secret.get_secret_value() == PAGE
    assert copy.deepcopy({"key": secret})["key"] is copy.copy(secret) is secret
    assert secret == Secret(PAGE) != Secret(SECOND)
    assert secret != PAGE
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps({"key": secret})
    assert not hasattr(secret, "__dict__")
    with pytest.raises(ValueError, match="must not be empty"):
        Secret("  ")


@pytest.mark.row("T15", "ways out of the process")
def test_text_and_log_records_lose_living_secrets() -> None:
    secret = Secret(PAGE)
    assert redacted(f"a {PAGE} b") == f"a {MASK} b"
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(SecretFilter())
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.warning("key %s, %d%%", PAGE, 5)
    try:
        raise ValueError(f"bad {secret.get_secret_value()}")
    except ValueError:
        logger.exception("it failed")
    text = stream.getvalue()
    assert PAGE not in text
    assert f"key {MASK}, 5%" in text
    assert f"ValueError: bad {MASK}" in text


@pytest.mark.row("T15", "ways out of the process")
def test_children_get_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("OPENAI_API_KEY", "VIDEOSKETCHER_OPENAI_API_KEY", "HF_TOKEN", "MY_PASSWORD")
    for name in names:
        monkeypatch.setenv(name, ENV)
    monkeypatch.setenv("KEYBOARD_LAYOUT", "us")
    assert ENV not in child_environment().values()
    assert child_environment()["KEYBOARD_LAYOUT"] == "us"
    settings = load_settings()
    drop_keys_from_environment()
    assert not set(names) & set(os.environ)
    for held in (settings.openai_api_key, settings.hf_token):  # read before they went
        assert held is not None
        assert held.get_secret_value() == ENV


def test_a_typed_key_lies_in_a_file_of_its_owner_alone_and_goes_when_forgotten(
    tmp_path: Path, server: ChatServer
) -> None:
    with services_of(tmp_path, server, "good") as services:
        keys = services.planner.keys
        umask = os.umask(0)
        try:
            keys.save(key=PAGE, base_url=server.base_url("good"), model="m")
        finally:
            os.umask(umask)
        files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        assert len(files) == 1
        if sys.platform != "win32":
            assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
        assert services.planner.plan(SketchRequest(prompt="x"), role=Role.OWNER).planner == "openai"
        keys.forget()
        keys.forget()
        assert not files[0].exists()
        assert keys.state().key_from == ""


@pytest.mark.row("T15", "ways out of the process")
def test_a_key_is_sent_only_to_the_address_that_it_came_with(
    tmp_path: Path, server: ChatServer
) -> None:
    with services_of(tmp_path, server, "good", openai_api_key=ENV) as services:
        keys = services.planner.keys
        assert keys.state().key_from == "environment"
        keys.save(key="", base_url=server.base_url("trouble"), model="m")
        assert keys.access().key is None  # a local server may need none; ours stays here
        keys.save(key=PAGE, base_url=server.base_url("trouble"), model="m")
        keys.save(key="", base_url=server.base_url("trouble"), model="other")
        assert keys.access().key == Secret(PAGE)
        keys.save(key="", base_url="https://models.example.org/v1", model="m")
        assert keys.access() is None
        keys.forget()
        assert keys.access().key == Secret(ENV)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"base_url": 7}', b"\xff\xfe", b"[" * 9000, b" " * 20_000,
     b'{"base_url": "http://evil.example/v1", "model": "m", "key": "k"}',
     b'{"base_url": "https://models.example.org", "model": "m", "key": ["k"]}'],
)  # fmt: skip
def test_a_broken_settings_file_counts_as_none(
    tmp_path: Path, server: ChatServer, content: bytes
) -> None:
    with services_of(tmp_path, server, "good", openai_api_key=ENV) as services:
        keys = services.planner.keys
        keys.save(key=PAGE, base_url=server.base_url("good"), model="m")
        (path,) = (path for path in (tmp_path / "home").rglob("*") if path.is_file())
        path.write_bytes(content)
        assert keys.access().key == Secret(ENV)
        assert keys.state().key_from == "environment"


def test_guests_have_no_settings_and_only_the_library(tmp_path: Path, server: ChatServer) -> None:
    with services_of(tmp_path, server, "good", openai_api_key=ENV) as services:
        page = page_of(services, Role.GUEST)
        assert not page.fns
        assert "key" not in json.dumps(page.get_config_file()["components"], default=str)
        request = SketchRequest(prompt="a cat")
        assert services.planner.plan(request).planner == "library"
        assert services.planner.plan(request, role=Role.GUEST).planner == "library"
        for planner in ("openai", "qwen"):
            with pytest.raises(Forbidden):
                services.planner.plan(request.replaced(planner=planner), role=Role.GUEST)
        with pytest.raises(Forbidden):
            services.planner.try_language_model(role=Role.GUEST)
    assert not server.requests


@pytest.mark.row("T15", "ways out of the process")
def test_the_page_saves_tests_and_forgets_a_key_without_ever_sending_it_back(
    tmp_path: Path, server: ChatServer
) -> None:
    with services_of(tmp_path, server, "good") as services:
        page = page_of(services, Role.OWNER)
        by_name = {function.fn.__name__: function.fn for function in page.fns.values()}
        assert {function.capability for function in by_name.values()} == {
            Capability.CHANGE_SETTINGS,
            Capability.USE_OWNER_KEYS,
        }
        assert "No key is set" in by_name["on_open"]()
        saved = by_name["on_save"](PAGE, server.base_url("good"), "small-1")
        assert saved[0] == ""
        assert "A key is set (typed here), for 127.0.0.1" in saved[-1]
        first, last = by_name["on_test"]()
        assert "Asking" in first
        assert "small-1 made a plan in" in last
        refused = by_name["on_save"](BAD, "<img src=x>", "small-1")
        assert "This address cannot be used" in refused[-1]
        assert "<img" not in refused[-1]
        forgotten = by_name["on_forget"]()
        assert "Forgotten" in forgotten[-1]
        told = repr([saved, first, last, refused, forgotten])
        told += json.dumps(page_of(services, Role.OWNER).get_config_file(), default=str)
        assert not [key for key in CANARIES if key in told]
        key_field = next(c for c in page.blocks.values() if c.elem_id == "planner-key")
        assert key_field.type == "password"
        assert not key_field.value


def test_a_key_in_dotenv_is_used(
    tmp_path: Path, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    lines = f"OPENAI_API_KEY={DOTENV}\nOPENAI_BASE_URL={server.base_url('good')}\nLLM_MODEL=mini\n"
    (folder / ".env").write_text(lines, encoding="utf-8")
    monkeypatch.chdir(folder)
    with build(load_settings(workspace=tmp_path / "home")) as services:
        planned = services.planner.plan(SketchRequest(prompt="a zebrafant"), role=Role.OWNER)
    monkeypatch.undo()
    assert planned.planner == "openai"
    (exchange,) = server.requests["good"]
    assert exchange.headers["Authorization"] == f"Bearer {DOTENV}"
    assert json.loads(exchange.body)["model"] == "mini"
