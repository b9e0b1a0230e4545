"""T4: four hundred names that lead elsewhere, each read, written and deleted; an oracle for more.

What lies outside is watched at twenty places: its content, its inode and its time of change.
"""

from __future__ import annotations

import itertools
import ntpath
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.ledger import Count
from tests.models.lora.made import made, modules_of
from videosketcher_app.core.errors import AppError, ForbiddenPath
from videosketcher_app.models.lora.adapter import adapter_from
from videosketcher_app.models.lora.writing import write_lora
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.services.sketchbooks import Sketchbooks
from videosketcher_app.storage.paths import safe_join

pytestmark = pytest.mark.security
NUM_NAMES, NUM_EXAMPLES, NUM_CANARIES = 400, 5000, 20

UPWARD = (
    "../",
    "..\\",
    "x/../../",
    "./../",
    "\uff0e\uff0e/",
    "\u2025/",
    "..\uff0f",
    "../../../../",
)
ROOTED = ("/", "//host/share/", "\\\\host\\share\\", "\\\\?\\C:\\", "C:\\", "c:", "file:", "~/")
WITHIN = ("x\x00/", "x\n", "\u202e", "\u200b", "\ud800", "x:", "x|", ".")
RESERVED = (
    "con",
    "PRN.txt",
    "aux",
    "nul.tar.gz",
    "COM1",
    "lpt9.x",
    "COM¹",
    "conin$",
    "conout$",
    "clock$",
)
AIMS = (
    "secret",
    "secret.safetensors",
    "canary/0.txt",
    "inside",
    "a cat",
    "home/lock",
    "b",
    "é",
    "0",
    "x.y",
)


def hostile_names() -> list[str]:
    """Four hundred names none of which may name anything below a folder."""
    led = [f"{way}{aim}" for way in UPWARD + ROOTED + WITHIN for aim in AIMS]
    ended = [
        f"{aim}{end}" for aim in AIMS for end in ("/..", "\\..", "/.", ".", " ", "/", "*", "?")
    ]
    long = ["x" * length for length in range(201, 1001, 16)] + ["é" * 101, "a/" * 600]
    cased = [
        f"{spelt}{end}" for name in RESERVED for spelt in (name, name.upper()) for end in ("", " ")
    ]
    names = dict.fromkeys([*led, *ended, *long, *cased, "", " ", ".", "..", "\t"])
    return list(names)[:NUM_NAMES]


def facts(folder: Path) -> list[tuple[str, int, int, bytes]]:
    """Everything below a folder: path, inode, time of change, content."""
    paths = sorted(folder.rglob("*"))
    return [
        (str(p), p.lstat().st_ino, p.lstat().st_mtime_ns, p.read_bytes() if p.is_file() else b"")
        for p in paths
    ]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Twenty canaries around, above and beside the folder that the app may use."""
    for number in range(NUM_CANARIES):
        places = (tmp_path, tmp_path / "canary", tmp_path / "home", tmp_path / "home" / "b")
        place = places[number % len(places)]
        place.mkdir(parents=True, exist_ok=True)
        name = "secret" if number < len(places) else f"{number // len(places)}.txt"
        (place / name).write_text(f"canary {number}")
    (tmp_path / "home" / "secret.safetensors").write_text("canary")
    return tmp_path


def ways(library: LoraLibrary, books: Sketchbooks, given: Path) -> list[Callable[[str], object]]:
    """How a name reads, writes and deletes; the two services take turns with the names."""
    return [
        lambda name: library.entry(name),
        lambda name: library.add(given, name=name),
        lambda name: library.remove(name),
        lambda name: books.book(name),
        lambda name: books.create(name),
        lambda name: books.remove(name),
    ]


@pytest.mark.row("T4", "hostile names, each read, written and deleted")
def test_no_name_reads_writes_or_deletes_outside(world: Path, ledger: Count) -> None:
    names = hostile_names()
    assert len(names) == NUM_NAMES
    given = world / "given.safetensors"
    write_lora(given, adapter_from(made(modules_of(tiny_model().transformer), rank=1)))
    home = world / "home"
    library, books = LoraLibrary(home / "loras"), Sketchbooks(home / "books")
    library.add(given, name="inside")
    books.create("inside")
    before, told = facts(world), set()
    reading, writing, deleting, *of_books = ways(library, books, given)
    for number, name in enumerate(names):
        for way in of_books if number % 2 else (reading, writing, deleting):
            with pytest.raises(AppError) as caught:
                way(name)
            told.add(caught.value.message.replace(repr(name[:80]), "NAME"))
    assert facts(world) == before
    assert len(told) == 1, "a message says more about one name than about another"
    ledger("T4", cases=3 * len(names))


POINTS = "./\\:~ ab\u2025\uff0f\uff0e\u200b\x00"


@pytest.mark.row("T4", "random names against an oracle", cases=NUM_EXAMPLES)
@settings(max_examples=NUM_EXAMPLES)
@given(st.text(alphabet=POINTS, max_size=12) | st.text(max_size=40))
@example("a/b")
@example("..")
def test_what_is_accepted_is_inside_for_an_oracle_of_either_system(name: str) -> None:
    """`Path.resolve` judges for Linux, ntpath's rules for Windows; both also on the other one."""
    root = Path("/srv/outputs")
    try:
        path = safe_join(root, name)
    except ForbiddenPath:
        return
    assert path.resolve().is_relative_to(root)
    assert os.path.normpath(path) == str(path)
    seen = ntpath.normpath(ntpath.join("C:\\outputs", name))
    assert seen.startswith("C:\\outputs\\")
    assert "\x00" not in name


def test_the_oracle_accepts_something() -> None:
    names = ["".join(letters) for letters in itertools.product("ab ", "/b", "ab")]
    accepted = [name for name in names if _accepted(name)]
    assert 0 < len(accepted) < len(names)


def _accepted(name: str) -> bool:
    try:
        return bool(safe_join(Path("/srv/outputs"), name))
    except ForbiddenPath:
        return False
