"""Names from people stay in their folder; a run finds its own folder again."""

from __future__ import annotations

import json
import ntpath
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from videosketcher_app.core.errors import ForbiddenPath
from videosketcher_app.storage.paths import Workspace, run_folder, safe_join, safe_name, slug

HOSTILE = [
    "",
    " ",
    ".",
    "..",
    "../a",
    "a/../../b",
    "a/..",
    "a//b",
    "/etc/passwd",
    "//host/share",
    "\\\\host\\share",
    "..\\a",
    "a\\b",
    "C:",
    "C:\\a",
    "c:a",
    "a:stream",
    "a\x00.png",
    "a\nb",
    "a\u202egnp.exe",
    "a\u200b",
    "\u2025/a",  # two dot leader becomes ".."
    "\uff0e\uff0e/a",
    "\uff0fetc",
    "a\uff3cb",
    "\u2024\u2024",
    ".hidden",
    "a.",
    "a ",
    " a",
    "a/ b",
    "con",
    "CON.txt",
    "nul.tar.gz",
    "com1",
    "LPT9.x",
    "COM¹",
    "aux ",
    "conin$",
    "a*",
    "a?",
    'a"b',
    "<a>",
    "a|b",
    "~\x7f",
    "a" * 201,
    "é" * 150,
    "/".join(["a"] * 600),
    "\ud800",
]


@pytest.mark.security
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_with_one_message(tmp_path: Path, name: str) -> None:
    with pytest.raises(ForbiddenPath, match="cannot be used here"):
        safe_join(tmp_path, name)


@pytest.mark.parametrize(
    "name", ["cat", "a cat.png", "кот.mp4", "猫", "a-b_c (2).svg", "x/y/z.json"]
)
def test_a_plain_name_stays_as_it_is(tmp_path: Path, name: str) -> None:
    assert safe_join(tmp_path, name) == tmp_path / name


@pytest.mark.security
def test_the_answer_does_not_tell_whether_a_file_exists(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    messages = []
    for name in ("../secret", "../absent"):
        with pytest.raises(ForbiddenPath) as caught:
            safe_join(root, name)
        messages.append(str(caught.value).replace(name, ""))
    assert messages[0] == messages[1]


@pytest.mark.row("T4", "links out of the folder")
@pytest.mark.security
def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "inside").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "in").symlink_to(root / "inside")
    (root / "loop").symlink_to(root / "loop")
    assert safe_join(root, "in/a.png") == root / "in" / "a.png"
    for name in ("out", "out/a.png", "loop/a"):
        with pytest.raises(ForbiddenPath):
            safe_join(root, name)


@pytest.mark.security
@given(st.text(max_size=40) | st.text(alphabet="./\\:ab \u2025\uff0f~", max_size=12))
@example("a/b")
def test_what_is_accepted_stays_inside_on_linux_and_windows(name: str) -> None:
    root = Path("/srv/outputs")
    try:
        path = safe_join(root, name)
    except ForbiddenPath:
        return
    assert path.resolve().is_relative_to(root)
    windows = ntpath.normpath(ntpath.join(r"D:\outputs", name))
    assert windows.startswith("D:\\outputs\\")
    assert ntpath.basename(windows) == name.split("/")[-1]


def test_safe_name_is_one_part() -> None:
    assert safe_name("cat.png") == "cat.png"
    with pytest.raises(ForbiddenPath):
        safe_name("a/b")


def leave(folder: Path, config: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    (folder / f"{folder.name}_config.json").write_text(json.dumps(config))


def test_a_request_finds_its_own_folder_and_others_get_a_new_one(tmp_path: Path) -> None:
    configs: list[dict[str, object]] = [{"prompt": "a cat", "n": i} for i in range(4)]
    folders = []
    for config in configs:
        folders.append(run_folder(tmp_path, "cat", seed=7, config=config))
        leave(folders[-1], config)
    assert [f.name for f in folders] == ["cat", "cat_s7", "cat_s7_2", "cat_s7_3"]
    for config, folder in zip(configs, folders, strict=True):
        assert run_folder(tmp_path, "cat", seed=7, config=config) == folder


def test_tuples_and_lists_are_the_same_request(tmp_path: Path) -> None:
    leave(tmp_path / "cat", {"loras": [["a", 1.0]]})
    folder = run_folder(tmp_path, "cat", seed=0, config={"loras": (("a", 1.0),)})
    assert folder == tmp_path / "cat"


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_broken_folder_is_never_taken_over(tmp_path: Path, content: str) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "cat_config.json").write_text(content)
    assert run_folder(tmp_path, "cat", seed=1, config={"a": 1}).name == "cat_s1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A cat!", "a_cat"),
        ("", "untitled"),
        ("../..", "untitled"),
        ("CON", "con_"),
        ("Café", "café"),
    ],
)
def test_a_slug_is_a_safe_name(text: str, expected: str) -> None:
    assert safe_name(slug(text)) == expected


@given(st.text(max_size=200))
def test_every_slug_is_a_safe_name(text: str) -> None:
    assert safe_name(slug(text))


def test_the_workspace_keeps_everything_below_its_root(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    names = ("models", "cache", "sessions", "runs", "logs", "history", "lock")
    paths = {getattr(workspace, name) for name in names}
    assert len(paths) == len(names)
    assert all(path.parent == tmp_path for path in paths)
