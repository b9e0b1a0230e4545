"""T17: every field of every request, and all that a page can hand to a service, x 40 values.

Each is refused with one short sentence; nothing is planned, queued, loaded or written.
"""

from __future__ import annotations

import json
import math
import time

import pytest

from tests.patience import within
from tests.security.hostile_values import (
    CHOICES,
    FLAGS,
    LINES,
    NAMES,
    NUMBERS,
    NUMBERS_IN_TEXT,
    OBJECTS,
    TEXTS,
)
from tests.services.drawings import published
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.plan import DrawingPlan, PlanPart, parse_plan
from videosketcher_app.core.requests import LoraSpec, SketchRequest, parse_request_json
from videosketcher_app.core.settings import load_settings
from videosketcher_app.data.retime import Retiming
from videosketcher_app.services.changes import Changes, read_changes
from videosketcher_app.services.container import build
from videosketcher_app.services.exports import ExportService
from videosketcher_app.services.presets import read_preset
from videosketcher_app.services.prompts_file import read_prompts
from videosketcher_app.services.variations import variations_of
from videosketcher_app.ui.components.drop_zone import DropZone
from videosketcher_app.ui.components.plan_editor import PlanEditor
from videosketcher_app.ui.components.player import Player
from videosketcher_app.ui.tabs.text.page import request_of
from videosketcher_app.ui.tabs.text.values import open_number, parse_size

pytestmark = pytest.mark.security
MAX_SENTENCE = 600
MAX_S = 2.0  # of the processor: a slow machine is no fault
ONES = {"concept": "cat", "parts": [{"name": "circle", "description": "round"}]}

REQUEST_FIELDS = {
    "prompt": LINES,
    "as_written": FLAGS,
    "model": ("", *(value for value in TEXTS if value is not None)),
    "seed": NUMBERS,
    "num_inference_steps": NUMBERS,
    "cfg_scale": NUMBERS,
    "num_frames": NUMBERS,
    "width": NUMBERS,
    "height": NUMBERS,
    "fps": NUMBERS,
    "negative_prompt": [value for value in TEXTS if value is not None],
    "loras": [value for value in TEXTS if not isinstance(value, list | tuple) or value],
    "attention": CHOICES,
    "mode": CHOICES,
    "planner": CHOICES,
    "brush": [value for value in CHOICES if value is not None],
    "rounding": [value for value in CHOICES if value != "none"],
    "input_video": [value for value in TEXTS if value is not None],
    "strength": NUMBERS,
    "sparse": [value for value in CHOICES if value not in (None, {})],
}


def refused(call, value):
    """The refusal of one value, after it was found short and quick."""
    begun = time.thread_time()
    with pytest.raises(AppError) as caught:
        call(value)
    seconds = time.thread_time() - begun
    sentence = str(caught.value)
    assert 10 < len(sentence) <= MAX_SENTENCE, (len(sentence), sentence[:200])
    assert within(seconds, MAX_S)
    return caught.value


def refuse_all(call, values):
    wrong = []
    for value in values:
        try:
            refused(call, value)
        except BaseException as error:  # every value is tried before the test fails
            wrong.append((repr(value)[:60], repr(error)[:160]))
    assert not wrong


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize("name", REQUEST_FIELDS)
def test_every_field_of_a_request(name):
    refuse_all(
        lambda value: SketchRequest(**{"prompt": "a cat", name: value}), REQUEST_FIELDS[name]
    )
    refuse_all(
        lambda value: SketchRequest.from_mapping({"prompt": "a cat", name: value}),
        REQUEST_FIELDS[name],
    )


def test_the_list_of_fields_is_whole():
    assert set(REQUEST_FIELDS) == set(SketchRequest.model_fields)


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize(("name", "values"), [("path", TEXTS), ("scale", NUMBERS)])
def test_every_field_of_a_lora(name, values):
    refuse_all(lambda value: LoraSpec(**{"path": "a.safetensors", name: value}), values)
    refuse_all(
        lambda value: SketchRequest(prompt="a cat", loras=[{"path": "a", name: value}]), values
    )


def test_unknown_fields_and_what_is_no_request():
    names = [name for name in NAMES if name]
    refuse_all(lambda name: SketchRequest.from_mapping({"prompt": "a cat", name: 1}), names)
    whole = [value for value in CHOICES if not isinstance(value, dict)]
    refuse_all(SketchRequest.from_mapping, whole)
    texts = ["", "NaN", "[1]", "1", "{", '{"seed": NaN}', "[" * 100_000, "\x00", "a" * 300_000]
    refuse_all(parse_request_json, texts)


# What the fields of the Text tab hand over, as Gradio hands it over

FIELDS = ["a cat", False, 0, "tiny", "", "", 9, "", 12, "library", "0.3", "a.mp4", 0.5]
FIELDS += ["exact", "", "torch", "none"]
FIELD_VALUES = {
    0: [value for value in LINES if isinstance(value, str)],
    2: NUMBERS,
    3: ["", *(value for value in TEXTS if value is not None)],
    4: [value for value in NUMBERS_IN_TEXT if str(value).strip()],
    5: [value for value in NUMBERS_IN_TEXT if str(value).strip()],
    6: NUMBERS,
    7: [value for value in NAMES if value.strip()],
    8: NUMBERS,
    9: CHOICES,
    10: [value for value in NUMBERS_IN_TEXT if str(value).strip()],
    11: [value for value in TEXTS if value is not None],
    12: NUMBERS,
    13: CHOICES,
    14: [value for value in TEXTS if value not in (None, "")],
    15: CHOICES,
    16: [value for value in CHOICES if value != "none"],
}


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize("place", FIELD_VALUES)
def test_every_field_of_the_text_tab(place):
    def ask(value):
        return request_of([*FIELDS[:place], value, *FIELDS[place + 1 :]])

    assert request_of(FIELDS)
    refuse_all(ask, FIELD_VALUES[place])


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_a_size_and_a_number_that_are_typed():
    refuse_all(parse_size, [name for name in NAMES if name.strip()])
    refuse_all(parse_size, OBJECTS)
    words = [v for v in NUMBERS if isinstance(v, str) and v not in ("nan", "Infinity", "1e400")]
    refuse_all(open_number, words)


# Plans


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize("field", ["name", "description"])
def test_a_part_of_a_plan(field):
    texts = [text for text in LINES if isinstance(text, str) and "a" in text and len(text) < 100]
    refuse_all(
        lambda text: PlanPart(**{"name": "circle", field: text}),
        [t for t in texts if "\t" not in t],
    )


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_the_plan_editor():
    refuse_all(PlanEditor.read, [None, *TEXTS])
    refuse_all(lambda value: PlanEditor.read({**ONES, "concept": value}), LINES)
    parts = [value for value in (*CHOICES, *OBJECTS) if value is not OBJECTS[4]]
    refuse_all(lambda value: PlanEditor.read({**ONES, "parts": value}), parts)
    refuse_all(lambda value: PlanEditor.read({**ONES, "parts": [value]}), parts)
    for field in ("name", "description"):
        values = [v for v in LINES if not isinstance(v, str) or v.strip()]
        part = ONES["parts"][0]
        refuse_all(
            lambda v, p=part, f=field: PlanEditor.read({**ONES, "parts": [{**p, f: v}]}), values
        )
    refuse_all(
        lambda count: PlanEditor.read({**ONES, "parts": ONES["parts"] * count}), [25, 10_000]
    )


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_the_one_line_of_a_plan():
    refuse_all(parse_plan, [*NAMES, "Draw: cat"])
    assert isinstance(PlanEditor.read(ONES), DrawingPlan)


# The player, exports and variations


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize("field", ["order", "seconds", "hold_s"])
def test_what_the_player_asks_for(field):
    good = {"order": [0, 1], "seconds": [1.0, 2.0], "hold_s": 0.5}
    assert Player.retiming(good, 2)

    def ask(value):
        return Player.retiming({**good, field: value}, 2)

    refuse_all(ask, [None, *NUMBERS, *OBJECTS])
    if field != "hold_s":
        refuse_all(lambda value: ask([value, value]), [None, True, *NUMBERS, *OBJECTS])


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_a_retiming_of_a_service():
    refuse_all(lambda value: Retiming(speed=value), NUMBERS)
    refuse_all(lambda value: Retiming(durations_s={0: value}), NUMBERS)
    refuse_all(lambda value: Retiming(holds_s={0: value}), NUMBERS)
    refuse_all(lambda value: Changes(height_px=value), NUMBERS)
    refuse_all(lambda value: read_changes({"rerender": value}), [1, "a", {}, [1], [{}], [[]] * 100])


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    return published(tmp_path_factory.mktemp("drawings")).folder


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize(
    ("field", "values"),
    [("kind", CHOICES), ("height_px", NUMBERS), ("hold_s", NUMBERS), ("speed", NUMBERS),
     ("paper", CHOICES)],
)  # fmt: skip
def test_every_field_of_an_export(drawing, field, values):
    before = sorted(path for path in drawing.rglob("*") if path.is_file())
    kind = "lesson" if field == "paper" else "mp4"
    refuse_all(
        lambda value: ExportService().export(drawing, **{"kind": kind, field: value}), values
    )
    assert sorted(path for path in drawing.rglob("*") if path.is_file()) == before


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_a_count_of_variations():
    request = SketchRequest(prompt="a cat")
    refuse_all(lambda value: variations_of(request, value), [0, 17, True, None, *NUMBERS])


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_a_file_that_the_page_names(tmp_path):
    refuse_all(lambda value: DropZone.path_of(value, tmp_path), CHOICES)
    refuse_all(lambda value: DropZone.path_of({"path": value}, tmp_path), [*CHOICES, *TEXTS])


# Services behind the page


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    folder = tmp_path_factory.mktemp("app")
    settings = load_settings(workspace=folder / "home", output_dir=folder / "out", device="cpu")
    with build(settings) as built:
        yield built


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize(
    "entry", ["drawing", "open", "delete", "restore", "rerun", "set_favorite", "export"]
)
def test_every_id_of_the_history(services, entry):
    def ask(name):
        function = getattr(services.history, entry)
        more = {"set_favorite": (True,)}.get(entry, ())
        return function([name] if entry == "export" else name, *more)

    refuse_all(ask, NAMES)


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_a_job_to_run_again(services):
    refuse_all(services.generation.rerun, NAMES)


def test_words_to_search_for_find_nothing_and_break_nothing(services):
    services.history.recover()
    for name in (*NAMES, "a" * 100_000, "%", "_", "\\", '"', "NEAR(a b)", "a*", "-a"):
        assert services.history.drawings(search=name) == []
        assert services.history.count(search=name) == 0


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize("field", ["key", "base_url", "model"])
def test_the_access_to_a_language_model(services, field):
    good = {"key": "", "base_url": "", "model": ""}
    # An address is checked by its form; of a key and a name everything printable may be right.
    is_odd = str.strip if field == "base_url" else lambda name: not name[:99].isprintable()
    odd = [name for name in NAMES if name.strip() and is_odd(name)]
    assert len(odd) >= 18
    refuse_all(lambda value: services.planner.keys.save(**{**good, field: value}), odd)


def test_a_guest_that_nobody_admitted(services):
    refuse_all(services.guests.destination, NAMES)


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
@pytest.mark.parametrize("ending", [".txt", ".json", ".csv"])
def test_a_prompts_file(tmp_path, ending):
    contents = [b"", b" \n\n", b"\xff\xfe", b"\x80abc", b"a\n" * 30_000, b"a" * 6_000_000]
    if ending == ".json":
        contents += [b"{", b"1", b'{"a": 1}', b"[1]", b"[[]]", b"[NaN]", b"[null]", b"[" * 100_000]

    def read(content):
        path = tmp_path / f"prompts{ending}"
        path.write_bytes(content)
        return read_prompts(path)

    refuse_all(read, contents)


@pytest.mark.row("T17", "fields of requests, pages and services, each with 40 values")
def test_every_field_of_a_preset(tmp_path):
    plain = [value for value in NUMBERS if isinstance(value, str | int | float)]

    def read(value, field):
        path = tmp_path / "preset.yaml"
        request = {"label": "A", "request": {field: value}}
        if isinstance(value, float) and not math.isfinite(value):
            request["request"][field] = {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[str(value)]
        path.write_text(json.dumps(request), encoding="utf-8")
        return read_preset(path)

    for field in ("seed", "num_inference_steps", "cfg_scale", "num_frames", "width", "fps"):
        refuse_all(lambda value, f=field: read(value, f), plain)


def test_nothing_of_all_that_reached_an_engine_or_the_disk(services):
    """Runs last in this file: whatever was accepted by mistake would be there."""
    assert services.queue.waiting() == 0
    assert not services.history.drawings()
    assert not [path for path in services.settings.output_dir.rglob("*") if path.is_file()]
