"""Merging follows the documented examples, and a plain oracle over generated files."""

from __future__ import annotations

import copy
import json
import random

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.merge import MERGE_MODES, annotation_text, merge_json

FIRST = {"video1": "path/to/video1.mp4", "video2": "path/to/video2.mp4"}
SECOND = {"video2": "new/path/to/video2.mp4", "video3": "path/to/video3.mp4"}


def records(side: dict[str, str]) -> list[dict[str, str]]:
    return [{"id": f"00{name[-1]}", "path": path} for name, path in side.items()]


def oracle(first, second, mode, field):
    """The same rules, said once more and slowly, over (key, value) pairs; a key of None is none."""
    if isinstance(first, dict):
        sides = [list(first.items()), list(second.items())]
    else:
        sides = [[(item.get(field), item) for item in side] for side in (first, second)]
    rows = list(sides[0])
    for key, value in sides[1]:
        at = next((i for i, (k, _) in enumerate(rows) if k is not None and k == key), None)
        if at is None:
            rows.append((key, value))
        elif mode == "overwrite":
            rows[at] = (key, value)
        elif mode == "append":
            n = 1
            while any(k == f"{key}_{n}" for k, _ in rows):
                n += 1
            suffixed = f"{key}_{n}"
            rows.append((suffixed, value if field is None else {**value, field: suffixed}))
    return dict(rows) if isinstance(first, dict) else [value for _, value in rows]


def generated(seed: int):
    rng = random.Random(seed)
    field = rng.choice([None, "id"])
    names = ["a", "b", "a_1", "a_2", "é", "画", "b_1", ""]

    def value():
        return rng.choice(["x.mp4", 3, None, ["p", 1], {"caption": "naïve 🎨"}])

    def side():
        chosen = rng.sample(names, rng.randrange(len(names)))
        if field is None:
            return {name: value() for name in chosen}
        items = [{"id": name, "value": value()} for name in chosen]
        return items + [{"value": value()} for _ in range(rng.randrange(2))]

    return side(), side(), rng.choice(MERGE_MODES), field


@pytest.mark.parametrize(
    ("mode", "merged"),
    [
        ("overwrite", {**FIRST, **SECOND}),
        ("keep", {**FIRST, "video3": SECOND["video3"]}),
        ("append", {**FIRST, "video2_1": SECOND["video2"], "video3": SECOND["video3"]}),
    ],
)
def test_objects_merge_as_documented(mode, merged):
    found, counts = merge_json(FIRST, SECOND, mode=mode)
    assert list(found.items()) == list(merged.items())
    assert (counts.first, counts.second, counts.added, counts.merged) == (2, 2, 1, len(merged))


def test_the_documented_list_comes_out_byte_for_byte():
    found, counts = merge_json(records(FIRST), records(SECOND), key_field="id")
    assert annotation_text(found) == (
        "[\n"
        '  {"id": "001", "path": "path/to/video1.mp4"},\n'
        '  {"id": "002", "path": "new/path/to/video2.mp4"},\n'
        '  {"id": "003", "path": "path/to/video3.mp4"}\n'
        "]\n"
    )
    assert counts.replaced == 1


def test_two_hundred_generated_cases_equal_the_oracle():
    for seed in range(200):
        first, second, mode, field = generated(seed)
        before = copy.deepcopy((first, second))
        found, counts = merge_json(first, second, mode=mode, key_field=field)
        expected = oracle(first, second, mode, field)
        assert json.dumps(found) == json.dumps(expected), seed
        assert (first, second) == before
        assert counts.merged == len(found)
        assert counts.added + counts.replaced + counts.kept + counts.renamed <= counts.second
        assert json.loads(annotation_text(found)) == found


def test_number_and_text_are_different_keys():
    found, counts = merge_json([{"id": 1}], [{"id": "1"}, {"id": 1}], mode="append", key_field="id")
    assert [item["id"] for item in found] == [1, "1", "1_1"]
    assert counts.identical == 1


def test_items_without_a_key_are_kept():
    first, second = [{"id": "a"}, "loose"], [{"id": "a"}, {"name": "no id"}, 7]
    found, counts = merge_json(first, second, mode="keep", key_field="id")
    assert found == [{"id": "a"}, "loose", {"name": "no id"}, 7]
    assert (counts.without_key, counts.kept) == (3, 1)


@pytest.mark.parametrize(("first", "second"), [({}, []), ([], {}), (1, 1), ("a", {}), (None, [])])
def test_unlike_files_are_refused(first, second):
    with pytest.raises(InvalidRequest, match="both a list"):
        merge_json(first, second)


def test_an_unknown_mode_is_refused():
    with pytest.raises(InvalidRequest, match="overwrite, keep, append"):
        merge_json({}, {}, mode="replace")


def test_any_text_comes_back():
    value = {"a": ["\u2028 line", "half \ud83c", "\x85", "naïve 🎨"], "b": {}}
    for text in (annotation_text(value), annotation_text([value, "\u2028", [], ["\x85"]])):
        assert json.loads(text.encode("utf-8").decode("utf-8")) in (
            value,
            [value, "\u2028", [], ["\x85"]],
        )
