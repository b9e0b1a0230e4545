"""T16: words of people stay words, on every surface of the guarded app, in a real browser."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.text_page import DROP
from tests.security.scripts import payloads
from tests.security.served import LOGIN, served
from tests.services.drawings import drawn
from videosketcher_app.core.plan import DrawingPlan, PlanPart
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.outputs import publish
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.presets import MAX_LABEL_CHARACTERS

pytestmark = [
    pytest.mark.security,
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(1800),
    # Gradio's own figures about its queue, through a pandas that has moved on.
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting.*"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated.*"),
]
PATIENCE_MS = 180_000
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
    (event) => window.violations.push(event.violatedDirective + " " + event.blockedURI));
"""
REFUSED = """() => document.querySelector("#status .vs-error")
    || document.querySelector(".dz-status")?.innerText.includes("not be read")"""
SHOWN = """(texts) => {
    const words = document.body.innerText;
    return texts.filter((text) => !words.includes(text.replace(/\\s+/g, " ").trim()));
}"""


@contextmanager
def canary_server() -> Iterator[tuple[str, list[str]]]:
    """An address, and who asked for it."""
    asked: list[str] = []

    class Canary(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/x", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hostile_drawing(text: str, seed: int):
    """A finished drawing whose concept, parts and prompt are the text."""
    plan = DrawingPlan(concept=text, parts=(PlanPart(name=text, description=text),))
    request = SketchRequest(prompt=text, model="tiny", seed=seed)
    planned = PlannedDrawing(plan=plan, model_plan=plan, planner="library", taught=True)
    return replace(drawn(), request=request, planned=planned)


class Watched:
    """Pages of one browser, and all that they did which no word may do."""

    def __init__(self, browser, canary: str) -> None:
        self._browser, self._canary = browser, canary
        self.faults: list[str] = []
        self.pages = []

    def open(self, address: str):
        page = self._browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(WATCH)
        page.on("dialog", lambda dialog: (self.faults.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._note)
        page.goto(address)
        self.pages.append(page)
        return page

    def _note(self, request) -> None:
        if request.url.startswith(self._canary.rpartition("/")[0]):
            self.faults.append(f"request: {request.url}")

    def all_faults(self) -> list[str]:
        violations = [text for page in self.pages for text in page.evaluate("window.violations")]
        return [*self.faults, *violations]


@pytest.fixture(scope="module")
def canary():
    with canary_server() as found:
        yield found


@pytest.fixture(scope="module")
def texts(canary):
    return payloads(canary[0])


@pytest.fixture(scope="module")
def app(tmp_path_factory, texts):
    """Both doors of a class, with presets, notices and drawings full of scripts."""
    folder = tmp_path_factory.mktemp("scripts")
    presets = folder / "home" / "presets"
    presets.mkdir(parents=True)
    for number, text in enumerate(texts):
        label = json.dumps({"label": text[:MAX_LABEL_CHARACTERS]})
        (presets / f"{number}.yaml").write_text(label, encoding="utf-8")
        broken = json.dumps({"label": "a", text: 1})
        name = text.replace("/", "∕")[:80]
        (presets / f"{name}.yaml").write_text(broken, encoding="utf-8")
    with served(folder, is_class=True) as found:
        for number, text in enumerate(texts):
            publish(hostile_drawing(text, number), folder / "out")
        found.guest()
        guest = next(iter(found.services.guests._guests.values()))
        for number, text in enumerate(texts):
            publish(hostile_drawing(text, number), guest.folder)
        yield found


@pytest.fixture
def watched(canary, chromium_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        found = Watched(browser, canary[0])
        yield found
        faults = found.all_faults()
        browser.close()
    assert faults == []
    assert canary[1] == []


@pytest.mark.row("T16", "payloads on every surface in a browser")
def test_concepts_plans_and_files(app, texts, watched, ledger):
    page = watched.open(app.serving.owner_url)
    page.locator("#plan .plan-editor").wait_for()
    concept = page.locator("#concept :is(textarea, input)").first
    line = page.locator("#plan .pe-line textarea")
    page.locator("#plan .pe-line summary").click()
    for text in texts:
        concept.fill(text)
        page.get_by_role("button", name="Plan first", exact=True).click()
        page.wait_for_function(
            "(t) => document.querySelector('#plan .pe-concept')?.innerText.trim() === t",
            arg=" ".join(text.split()),
        )
        line.fill(f"Draw: {text}. Steps: 1. {text} - {text}.")
        line.press("Tab")
        name = f"{text.replace('/', '∕')}.json"
        wrong = base64.b64encode(b"{").decode()
        page.evaluate(DROP, [name, wrong])

        page.wait_for_function(REFUSED)
    ledger("T16", cases=len(texts))


@pytest.fixture
def own_app(tmp_path):
    """An app for one test, so that its worker ends with the test; opened before the browser."""
    with served(tmp_path) as found:
        yield found


def test_such_words_can_still_be_drawn_played_and_found(own_app, texts, watched):
    """The policy of the guard breaks nothing."""
    page = watched.open(own_app.serving.owner_url)
    page.locator("#concept :is(textarea, input)").first.fill(texts[4])
    page.get_by_role("button", name="Draw", exact=True).click()
    page.locator("#status").get_by_text("Done in").wait_for(timeout=600_000)
    page.wait_for_function("document.querySelector('#player video')?.readyState >= 2")
    page.get_by_role("tab", name="Gallery").click()
    page.locator(".vg-open").first.wait_for()


@pytest.mark.row("T16", "payloads on every surface in a browser")
def test_the_prompts_file_and_the_table_of_its_drawings(own_app, texts, watched, tmp_path, ledger):
    """Forty prompts, in a file with a hostile name; the table shows twenty-five rows at a time."""
    page = watched.open(own_app.serving.owner_url)
    page.get_by_text("Many prompts", exact=True).first.click()
    file = tmp_path / f"{texts[4].replace('/', '∕')[:80]}.json"
    file.write_text(json.dumps(texts), encoding="utf-8")
    page.locator("#vb-file input[type=file]").set_input_files(str(file))
    page.locator("#vb-status", has_text="40 prompts are ready").wait_for()
    page.locator("#vb-start").click()
    page.locator(".vb-rows", has_text="of 40").wait_for()
    shown = "(texts) => { const rows = document.querySelector('#vb-table').innerText;" + (
        " return texts.filter((text) => !rows.includes(text.replace(/\\s+/g, ' ').trim())); }"
    )
    assert page.evaluate(shown, texts[:25]) == []
    page.locator("#vb-later").click()
    page.wait_for_function(f"(texts) => ({shown})(texts).length === 0", arg=texts[25:])
    page.locator("#vb-stop").click()
    page.locator(".vb-summary", has_text="Stopped.").wait_for()
    ledger("T16", cases=len(texts))


@pytest.mark.row("T16", "payloads on every surface in a browser")
def test_presets_and_notices(app, texts, watched, ledger):
    page = watched.open(app.serving.owner_url)
    page.locator("#preset input").first.click()
    page.locator("[role=option]").first.wait_for()
    labels = [text[:MAX_LABEL_CHARACTERS] for text in texts]
    assert page.evaluate(SHOWN, labels) == []
    assert page.locator(".vs-notices li").count() >= 40
    ledger("T16", cases=len(texts))


@pytest.mark.row("T16", "payloads on every surface in a browser")
def test_the_gallery(app, texts, watched, ledger):
    page = watched.open(app.serving.owner_url)
    page.get_by_role("tab", name="Gallery").click()
    page.locator(".vg-open").first.wait_for()
    search = page.locator("#gallery-search :is(textarea, input)").first
    for text in texts:
        search.fill(text)
        search.press("Enter")
        tile = page.locator(".vg-open .vg-name", has_text=" ".join(text.split())).first
        tile.wait_for()
    tile.click()
    page.locator(".vg-detail video").wait_for()
    page.wait_for_function("document.querySelector('.vg-detail video')?.readyState >= 1")
    ledger("T16", cases=len(texts))


def test_the_wall_and_the_banner_of_a_class(app, texts, watched):
    page = watched.open(f"{app.guest_base}/")
    page.locator("#user").fill(LOGIN[0])
    page.locator("#password").fill(LOGIN[1])
    page.get_by_role("button").click()
    page.locator("#vs-shared span").first.wait_for()
    page.get_by_role("tab", name="Wall").click()
    page.locator(".vs-wall figure").first.wait_for()
    captions = page.locator(".vs-wall figcaption").all_inner_texts()
    assert set(captions) >= {" ".join(text.split()) for text in texts}
    broken = "[...document.querySelectorAll('.vs-wall img')].filter((i) => !i.naturalWidth).length"
    assert page.evaluate(broken) == 0
