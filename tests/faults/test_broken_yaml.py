"""F19: whatever is in the files that people edit, the page comes up and says what it left out."""

from __future__ import annotations

import asyncio
import random
from html import escape
from pathlib import Path

import pytest

from tests import thorough
from videosketcher_app.core.access import Role
from videosketcher_app.services.container import build
from videosketcher_app.services.presets import PRESETS, load_presets
from videosketcher_app.services.start_settings import load_start_settings
from videosketcher_app.ui.app import build_app

pytestmark = pytest.mark.faults

SEED = 19
NUM_PRESETS, NUM_SETTINGS = thorough.of(100, sample=10), thorough.of(50, sample=5)
GOOD_SETTINGS = (
    "# how this copy is set up\nVIDEOSKETCHER_PORT=7861\nVIDEOSKETCHER_QUEUE_SIZE=12\n"
    "VIDEOSKETCHER_LOG_LEVEL=WARNING\nVIDEOSKETCHER_REFINE_BACKEND=library\n"
)
NONSENSE = ("-1", "1e999", "yes please", "[1", "\x00", "{}", "0x1F", "💥", "'open", "99999999999")


def mutated_preset(rng: random.Random) -> bytes:
    """A shipped preset, damaged so that it can no longer be used."""
    text = rng.choice(sorted(PRESETS.glob("*.yaml"))).read_text(encoding="utf-8")
    lines = text.splitlines()
    at = rng.randrange(1, len(lines))
    kinds = {
        "value": lambda: [
            *lines[:at],
            f"{lines[at].split(':')[0]}: [{rng.random()}, x]",
            *lines[at + 1 :],
        ],
        "key": lambda: [*lines[:at], "lable: x", *lines[at:]],
        "tab": lambda: [*lines[:at], "\t" + lines[at], *lines[at + 1 :]],
        "open": lambda: [*lines, "broken: 'open"],
        "twice": lambda: [*lines, "label: again"],
        "alias": lambda: [*lines, "order: *nothing"],
        "type": lambda: ["- a list", "- of things"],
    }
    damaged = "\n".join(kinds[rng.choice(sorted(kinds))]()).encode()
    return damaged + b"\nx: \xff\xfe" if rng.random() < 0.15 else damaged


def mutated_settings(rng: random.Random) -> bytes:
    """A .env with one or more lines that are not possible."""
    lines = GOOD_SETTINGS.splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(1, len(lines))
        name = lines[at].split("=")[0]
        lines[at] = rng.choice(
            [f"{name}={rng.choice(NONSENSE)}", "= lost its name", "just words !"]
        )
    data = "\n".join(lines).encode()
    return data + b"\n\xff\xff=1" if rng.random() < 0.1 else data


def start(home: Path, settings, notices) -> str:
    """Brings the page up and returns what its notices say."""

    async def page():
        with build(settings, notices=tuple(notices)) as services:
            return build_app(services, Role.OWNER, model="tiny"), services

    blocks, services = asyncio.run(page())
    assert len(blocks.fns) >= 4
    told = [b.value for b in blocks.blocks.values() if getattr(b, "elem_id", "") == "notices"]
    assert len(told) == bool(services.notices)
    return told[0] if told else ""


@pytest.mark.row("F19", "broken files", cases=NUM_PRESETS // 10)
@pytest.mark.parametrize("batch", range(10))
def test_broken_presets(tmp_path: Path, batch: int) -> None:
    rng = random.Random(SEED * 1000 + batch)
    for number in range(NUM_PRESETS // 10):
        home = tmp_path / str(number)
        folder = home / "presets"
        folder.mkdir(parents=True)
        (folder / "mine.yaml").write_bytes(mutated_preset(rng))
        settings, notices = load_start_settings(
            workspace=home, output_dir=tmp_path / "out", device="cpu"
        )
        told = start(home, settings, notices)
        assert "mine.yaml, line " in told


@pytest.mark.row("F19", "broken files", cases=NUM_SETTINGS // 5)
@pytest.mark.parametrize("batch", range(5))
def test_broken_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    rng = random.Random(SEED * 2000 + batch)
    for number in range(NUM_SETTINGS // 5):
        home = tmp_path / str(number)
        home.mkdir()
        monkeypatch.chdir(home)
        (home / ".env").write_bytes(mutated_settings(rng))
        settings, notices = load_start_settings(
            workspace=home, output_dir=tmp_path / "out", device="cpu"
        )
        told = start(home, settings, notices)
        for notice in notices:
            assert escape(f".env, line {notice.line}: ") in told
        damaged = {notice.line for notice in notices}
        assert settings.queue_size in ((20,) if 3 in damaged else (12, 20))


def test_files_that_are_whole_are_used_without_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(GOOD_SETTINGS, encoding="utf-8")
    settings, notices = load_start_settings(workspace=tmp_path / "home")
    assert notices == []
    assert (settings.port, settings.queue_size) == (7861, 12)
    assert load_presets(PRESETS)[1] == []
