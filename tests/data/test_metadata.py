"""Tables of clips: three layouts both ways; every broken row is named by row and column."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.data.metadata import only_metadata, read_metadata, write_metadata
from videosketcher_app.data.name_maps import (
    NameMap,
    read_name_map,
    read_styles,
    write_name_map,
    write_styles,
)
from videosketcher_app.data.problems import Problems

LAYOUTS = ("csv", "json", "jsonl")
TEXTS = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1
).filter(str.strip)
ROWS = [
    ("a.mp4", 'Step by step sketch process of a cat, following this drawing order: 1. Head – "x".'),
    ("deep/b.mp4", "line one\nline two\r\nthree, 猫 👩‍🎨 \u2028 \u202e"),
    ("c.mp4", "  spaces, 'quotes', commas,, "),
]


def read(path) -> tuple[list[tuple[str, str]], list[str]]:
    problems = Problems()
    rows = read_metadata(path, problems)
    return [(row.media, row.prompt) for row in rows], [problem.where for problem in problems.found]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_come_back_as_they_were(tmp_path, layout):
    path = tmp_path / f"metadata.{layout}"
    write_metadata(path, ROWS)
    assert read(path) == (ROWS, [])


@settings(max_examples=40)
@given(prompts=st.lists(TEXTS, min_size=1, max_size=5))
def test_any_unicode_comes_back_in_every_layout(tmp_path_factory, prompts):
    folder = tmp_path_factory.mktemp("sets")
    rows = [(f"{i}.mp4", prompt) for i, prompt in enumerate(prompts)]
    for layout in LAYOUTS:
        write_metadata(folder / f"metadata.{layout}", rows)
        assert read(folder / f"metadata.{layout}") == (rows, [])


def test_other_columns_marks_and_wrappers_do_no_harm(tmp_path):
    csv = tmp_path / "a.csv"
    csv.write_bytes("\ufeffid,prompt,video\r\n1,a cat,a.mp4\r\n\r\n2,a dog,b.mp4\r\n".encode())
    assert read(csv) == ([("a.mp4", "a cat"), ("b.mp4", "a dog")], [])
    wrapped = tmp_path / "b.json"
    wrapped.write_text(json.dumps({"data": [{"image": "a.png", "prompt": "a cat", "w": 3}]}))
    assert read(wrapped) == ([("a.png", "a cat")], [])


BROKEN = {
    "a.csv": [
        ("", ["a.csv"]),
        ("video,caption\na.mp4,x\n", ["a.csv, row 1, column 'prompt'"]),
        ("file,prompt\na.mp4,x\n", ["a.csv, row 1, column 'video'"]),
        ("video,video,prompt\na,b,c\n", ["a.csv, row 1, column 'video'"]),
        ("video,prompt\n", ["a.csv"]),
        ("video,prompt\na.mp4,x\nb.mp4,y,z\nc.mp4\n", ["a.csv, row 3", "a.csv, row 4"]),
        (
            "video,prompt\n,x\nb.mp4, \n",
            ["a.csv, row 2, column 'video'", "a.csv, row 3, column 'prompt'"],
        ),
        ('video,prompt\na.mp4,"x\n', ["a.csv, row 2"]),
        (b"video,prompt\na.mp4,x\nb.mp4,\xff\n", ["a.csv, row 3"]),
        (b"video,prompt\na.mp4,x\0y\n", ["a.csv, row 2, column 'prompt'"]),
        ("video,prompt\na.mp4," + "x" * 30_000, ["a.csv, row 2, column 'prompt'"]),
        ("video,prompt\na.mp4," + "x" * 200_000, ["a.csv, row 2"]),
    ],
    "a.json": [
        ("", ["a.json, row line 1"]),
        ("7", ["a.json"]),
        ("null", ["a.json"]),
        ("[]", ["a.json"]),
        ('{"a": [], "b": []}', ["a.json"]),
        ("[" * 100_000, ["a.json"]),
        ('[\n{"video": "a.mp4", "prompt": "x"},\n{"video" "b"}]', ["a.json, row line 3"]),
        ('[3, {"video": "a.mp4", "prompt": "x"}]', ["a.json, row 1"]),
        ('[{"prompt": "x"}]', ["a.json, row 1, column 'video'"]),
        (
            '[{"video": 3, "prompt": ["x"]}]',
            ["a.json, row 1, column 'video'", "a.json, row 1, column 'prompt'"],
        ),
        ('[{"video": "a.mp4", "prompt": "\\ud800"}]', ["a.json, row 1, column 'prompt'"]),
    ],
    "a.jsonl": [
        ("", ["a.jsonl"]),
        ('{"video": "a.mp4", "prompt": "x"}\n{"video"\n', ["a.jsonl, row 2"]),
        (
            '\n\n[]\nnull\n{"video": "a.mp4"}',
            ["a.jsonl, row 3", "a.jsonl, row 4", "a.jsonl, row 5, column 'prompt'"],
        ),
    ],
}


@pytest.mark.parametrize(
    ("name", "content", "places"), [(n, c, p) for n, cases in BROKEN.items() for c, p in cases]
)
def test_broken_rows_are_named_by_row_and_column(tmp_path, name, content, places):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = Problems()
    rows = read_metadata(path, problems)
    assert sorted(p.where for p in problems.found) == sorted(places)
    assert all(p.message.endswith(".") and p.fix.endswith(".") for p in problems.found)
    assert all(row.prompt == "x" for row in rows)
    with pytest.raises(InvalidFile):
        problems.require_none()


def test_the_only_table_of_a_folder(tmp_path):
    assert only_metadata(tmp_path) is None
    write_metadata(tmp_path / "metadata_shapes.jsonl", ROWS)
    assert only_metadata(tmp_path) == tmp_path / "metadata_shapes.jsonl"
    write_metadata(tmp_path / "metadata.csv", ROWS)
    with pytest.raises(InvalidFile, match="2 tables"):
        only_metadata(tmp_path)


def test_styles_and_names_of_folders(tmp_path):
    for folder in ("marker/blue", "dry_brush/light_red", "pen/black"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pen/black/styles_ignore").touch()
    problems = Problems()
    path = tmp_path / "style_train_path.txt"
    write_styles(
        path, ["marker/blue", "dry_brush\\light_red", "pen/black", "", "gone/away", "a\0b"]
    )
    styles = read_styles(path, problems)
    assert [(style.line, style.folder.name) for style in styles] == [(1, "blue"), (2, "light_red")]
    assert [problem.where for problem in problems.found] == [
        "style_train_path.txt, row 5",
        "style_train_path.txt, row 6",
    ]
    names = NameMap(words={"color": {"blue": "deep blue 青"}})
    template = "a cat in {color} {brush} {other} {}"
    assert [style.prompt(template, names) for style in styles] == [
        "a cat in deep blue 青 marker {other} {}",
        "a cat in light red dry brush {other} {}",
    ]
    write_name_map(tmp_path / "map.yaml", names)
    assert read_name_map(tmp_path / "map.yaml", Problems()) == names


def test_a_broken_name_map_names_key_and_entry(tmp_path):
    path, problems = tmp_path / "map.yaml", Problems()
    path.write_text("color:\n  blue: 3\n  red: deep red\nsize: {}\nbrush: [a]\n")
    assert read_name_map(path, problems).words == {"color": {"red": "deep red"}}
    assert [problem.where for problem in problems.found] == [
        "map.yaml, row color, column 'blue'",
        "map.yaml, row size",
        "map.yaml, row brush",
    ]
    for text in ("[1]", "color: [", "!!python/object:os.system {}", "\x00"):
        path.write_text(text)
        with pytest.raises(InvalidFile, match=r"name map|YAML") as caught:
            read_name_map(path, problems)
        assert caught.value.hint
