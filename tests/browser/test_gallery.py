"""The gallery in a real browser: looking, comparing, deleting, keyboard, hostile words."""

from __future__ import annotations

import json
import random
from contextlib import closing
from pathlib import Path

import pytest

from tests.browser.component_app import TABLET, browser_pages, component_app, expect
from tests.browser.gallery_page import gallery_code
from tests.services.drawings import published
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.storage.history import HistoryStore, JobRow, new_id

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOSTILE = [
    "<img src=x onerror=window.hit=1>",
    "</p><script>window.hit=1</script>",
    "{{#each value}}{{this}}{{/each}}",
    "${window.hit=1}",
    "`+(window.hit=1)+`",
    '" autofocus onfocus="window.hit=1',
    "' onmouseover='window.hit=1",
    "<svg/onload=window.hit=1>",
    "javascript:window.hit=1",
    "&lt;b&gt; \\u003cimg src=x onerror=window.hit=1\\u003e",
]
SCRUB = "(s) => { s.value = 500; s.dispatchEvent(new Event('input', {bubbles: true})); }"


def shelf(folder: Path) -> tuple[Path, Path]:
    """A home, and outputs with two drawings."""
    home, out = folder / "home", folder / "out"
    for concept in ("cat", "house"):
        published(out, concept)
    return home, out


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    return shelf(tmp_path)


def in_gallery(page):
    page.get_by_role("tab", name="Gallery").click()
    page.locator(".vg-open").first.wait_for()
    return page


@pytest.fixture
def open_gallery(folders, chromium_path):
    """A function (**context options) -> page with the Gallery tab open."""
    home, out = folders
    with (
        component_app(gallery_code(str(home), str(out)), out) as address,
        browser_pages(chromium_path) as open_page,
    ):
        yield lambda **options: in_gallery(open_page(address, **options))


@pytest.fixture(scope="module")
def kept_folders(tmp_path_factory) -> tuple[Path, Path]:
    return shelf(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def kept_address(kept_folders):
    home, out = kept_folders
    with component_app(gallery_code(str(home), str(out)), out) as address:
        yield address


@pytest.fixture
def open_kept(kept_address, chromium_path):
    """The gallery of tests that change no drawing, which share an app."""
    with browser_pages(chromium_path) as open_page:
        yield lambda **options: in_gallery(open_page(kept_address, **options))


def tile(page, name: str):
    return page.locator(".vg-open", has_text=name)


def test_open_replay_favorite_search_and_take_the_settings(open_gallery):
    page = open_gallery()
    expect(page.locator(".vg-open")).to_have_count(2)
    page.wait_for_function(
        "[...document.querySelectorAll('.vg-open img')].every((i) => i.naturalWidth > 0)"
    )
    tile(page, "a cat").click()
    page.locator(".vg-detail video").wait_for()
    page.wait_for_function("document.querySelector('.vg-detail video')?.readyState >= 1")
    assert page.evaluate("document.querySelector('.vg-detail video')?.duration") > 4
    assert page.locator(".vg-detail ol li").count() >= 3
    page.locator(".vg-jumps button").nth(2).click()
    page.wait_for_function("document.querySelector('.vg-detail video')?.currentTime > 0.5")
    page.locator("#gallery-star").click()
    page.locator(".vg-open .vg-star").wait_for()
    page.get_by_label("Only favorites").check()
    tile(page, "a house").wait_for(state="detached")
    page.get_by_label("Only favorites").uncheck()
    page.locator("#gallery-search textarea, #gallery-search input").first.fill("HOUSE")
    tile(page, "a cat").wait_for(state="detached")
    page.locator("#gallery-reuse").click()
    page.locator("#gallery-status", has_text="Text tab").wait_for()
    page.get_by_role("tab", name="Text").click()
    taken = page.locator("#taken textarea, #taken input").first
    page.wait_for_function("(box) => box.value === 'a cat / a cat'", arg=taken.element_handle())


def test_downloads_are_the_files(open_kept, kept_folders):
    page = open_kept()
    tile(page, "a cat").click()
    links = page.locator(".vg-files a")
    links.first.wait_for()
    for index in range(links.count()):
        with page.expect_download() as caught:
            links.nth(index).click()
        download = caught.value
        original = kept_folders[1] / "cat" / download.suggested_filename
        assert Path(download.path()).read_bytes() == original.read_bytes()


def test_two_drawings_play_in_step(open_kept):
    page = open_kept()
    tile(page, "a cat").click()
    page.locator(".vg-detail").wait_for()
    page.locator("#gallery-compare").click()
    page.locator("#gallery-status", has_text="compare").wait_for()
    tile(page, "a house").click()
    page.locator(".vg-compare").wait_for()
    state = "[...document.querySelectorAll('.vg-compare video')]"
    page.wait_for_function(f"{state}.every((v) => v.readyState >= 2)")
    rates = page.evaluate(f"{state}.map((v) => v.duration / v.playbackRate)")
    assert rates[0] == pytest.approx(rates[1])
    page.locator("[data-do=both]").click()
    page.wait_for_function(f"{state}.every((v) => v.currentTime > 0.4)")
    first, second = page.evaluate(f"{state}.map((v) => v.currentTime / v.duration)")
    assert abs(first - second) < 0.05
    page.locator(".vg-scrub").evaluate(SCRUB)
    page.wait_for_function(f"{state}.every((v) => v.paused && !v.seeking)")
    first, second = page.evaluate(f"{state}.map((v) => v.currentTime / v.duration)")
    assert first == pytest.approx(0.5, abs=0.02)
    assert second == pytest.approx(0.5, abs=0.02)


def test_play_both_does_not_wait_for_the_clips(open_kept):
    """Whoever is faster than the network: the button answers, and the clips meet once they are there."""
    page = open_kept()
    tile(page, "a cat").click()
    page.locator("#gallery-compare").click()
    page.locator("#gallery-status", has_text="compare").wait_for()
    held = []
    page.route("**/*.mp4*", lambda clip: held.append(clip))
    tile(page, "a house").click()
    page.locator(".vg-compare").wait_for()
    both = page.locator("[data-do=both]")
    both.click()
    page.get_by_role("button", name="Pause both").wait_for()
    state = "[...document.querySelectorAll('.vg-compare video')]"
    assert page.evaluate(f"{state}.map((v) => v.readyState)") == [0, 0]
    for clip in held:
        clip.continue_()
    page.unroute("**/*.mp4*")
    page.wait_for_function(f"{state}.every((v) => v.currentTime > 0.4)")
    both.click()
    page.get_by_role("button", name="Play both").wait_for()
    page.locator(".vg-scrub").evaluate(SCRUB)
    page.wait_for_function(f"{state}.every((v) => v.paused && !v.seeking)")
    shares = page.evaluate(f"{state}.map((v) => v.currentTime / v.duration)")
    assert shares == pytest.approx([0.5, 0.5], abs=0.02)


def test_delete_undo_and_empty_the_bin(open_gallery, folders):
    home, out = folders
    page = open_gallery()
    tile(page, "a cat").click()
    page.locator("#gallery-delete").click()
    tile(page, "a cat").wait_for(state="detached")
    assert not (out / "cat").exists()
    page.locator("#gallery-undo").click()
    tile(page, "a cat").wait_for()
    assert (out / "cat" / "cat.mp4").is_file()
    tile(page, "a cat").click()
    page.locator("#gallery-delete").click()
    tile(page, "a cat").wait_for(state="detached")
    page.get_by_role("button", name="Bin").click()
    page.locator("#gallery-clear").click()
    page.locator("#gallery-clear", has_text="for good").click()
    page.locator("#gallery-status", has_text="for good").wait_for()
    assert list((home / "bin").iterdir()) == []


def test_export_copies_what_is_ticked(open_gallery, folders):
    page = open_gallery()
    for box in page.locator(".vg-check").all():
        box.check()
    page.locator("#gallery-export", has_text="2").click()
    page.locator("#gallery-status", has_text="copied").wait_for()
    folder = folders[1] / "Exported drawings" / "drawings"
    assert sorted(path.name for path in folder.iterdir()) == ["cat", "house"]


def test_keyboard_alone_opens_walks_and_closes(open_kept):
    page = open_kept()
    page.locator("#gallery-search textarea, #gallery-search input").first.focus()
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('vg-open')"):
            break
    page.keyboard.press("ArrowRight")
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.locator(".vg-detail").wait_for()
    page.locator(".vg-open[aria-current=true]").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == label
    page.locator("#gallery-close").press("Enter")
    page.locator(".vg-detail").wait_for(state="hidden")


def test_tablet_has_room_for_everything(open_kept):
    page = open_kept(**TABLET)
    tile(page, "a cat").click()
    page.locator(".vg-detail video").wait_for()
    page.wait_for_function(
        "document.querySelector('.vg-detail')?.getBoundingClientRect().top < window.innerHeight"
    )
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1")


def many(out: Path, count: int) -> None:
    """`count` drawings that differ in seed and, some, in hostile words (hard-linked clips)."""
    source = out / "cat"
    config = json.loads((source / "cat_config.json").read_text(encoding="utf-8"))
    rng = random.Random(5)
    for number in range(count):
        name = f"d{number:04}"
        folder = out / name
        folder.mkdir()
        for ending in (".mp4", ".png", ".svg"):
            (folder / f"{name}{ending}").hardlink_to(source / f"cat{ending}")
        config["request"]["seed"] = rng.randrange(2**32)
        config["plan"]["concept"] = "a cat"
        if number < len(HOSTILE):
            plan = (
                f"Step by step sketch process of {HOSTILE[number]}, following this drawing order: "
            )
            plan += f"1. {HOSTILE[-1 - number].replace('. ', ' ')}. 2. Tail."
            config["plan"] |= {"text": plan, "model_plan": plan, "note": HOSTILE[number]}
        (folder / f"{name}_config.json").write_text(json.dumps(config), encoding="utf-8")


def interrupted(home: Path, out: Path, prompts: list[str]) -> None:
    """Jobs as a killed process leaves them."""
    home.mkdir(exist_ok=True)
    with closing(HistoryStore(home / "history.sqlite3")) as store:
        for prompt in prompts:
            request = SketchRequest(prompt=prompt, model="tiny", seed=3, num_frames=9)
            row = JobRow(
                id=new_id(),
                state="running",
                request=request.to_mapping(),
                root=str(out.resolve()),
                destination={"folder": ".", "prefix": "", "gif": False},
                process="999999999:1.00:dead",
            )
            store.add_job(row)


def test_interrupted_sketches_are_drawn_again_with_one_click(folders, chromium_path):
    home, out = folders
    interrupted(home, out, ["a fish", "a house", "a boat"])
    with (
        component_app(gallery_code(str(home), str(out)), out) as address,
        browser_pages(chromium_path) as open_page,
    ):
        page = open_page(address)
        page.set_default_timeout(300_000)
        page.get_by_role("tab", name="Gallery").click()
        page.locator(".vg-strip", has_text="3 sketches were interrupted").wait_for()
        page.get_by_role("button", name="Dismiss a boat").click()
        page.locator(".vg-strip", has_text="2 sketches were interrupted").wait_for()
        page.get_by_role("button", name="Draw a fish again").click()
        page.locator(".vg-strip", has_text="1 sketch was interrupted").wait_for()
        page.locator("#gallery-status", has_text="Drawn again: a fish").wait_for()
        tile(page, "a fish").wait_for()
        assert (out / "fish" / "fish.mp4").is_file()


def test_hostile_words_stay_words(folders, chromium_path):
    """T16: concepts, parts, notes and the search, in grid, detail, bin and strip."""
    home, out = folders
    many(out, len(HOSTILE))
    interrupted(home, out, HOSTILE)
    with (
        component_app(gallery_code(str(home), str(out)), out) as address,
        browser_pages(chromium_path) as open_page,
    ):
        page = open_page(address)
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        page.get_by_role("tab", name="Gallery").click()
        page.locator(".vg-open").nth(len(HOSTILE) + 1).wait_for()
        page.locator(".vg-strip li").nth(len(HOSTILE) - 1).wait_for()
        strip = page.locator(".vg-strip").inner_text()
        assert all(text in strip for text in HOSTILE)
        names = set(page.locator(".vg-name").all_inner_texts())
        assert {" ".join(text.split()) for text in HOSTILE} <= {" ".join(n.split()) for n in names}
        for text in HOSTILE:
            page.locator(".vg-open").filter(has_text=text).first.click()
            page.locator(".vg-detail h3", has_text=text).wait_for()
            page.locator(".vg-open").filter(has_text=text).first.hover()
        page.locator("#gallery-delete").click()
        page.locator("#gallery-status", has_text=HOSTILE[-1]).wait_for()
        for text in HOSTILE:
            with page.expect_response(lambda answer: "queue/join" in answer.url):
                page.locator("#gallery-search textarea, #gallery-search input").first.fill(text)
        assert page.evaluate("window.hit") is None


def test_five_thousand_drawings_are_paged(folders, chromium_path):
    home, out = folders
    many(out, 5000)
    with (
        component_app(gallery_code(str(home), str(out)), out) as address,
        browser_pages(chromium_path) as open_page,
    ):
        page = open_page(address)
        page.set_default_timeout(300_000)
        page.get_by_role("tab", name="Gallery").click()
        page.locator("#gallery-count", has_text="1 to 24 of 5,002").wait_for()
        page.locator("#gallery-older").click()
        page.locator("#gallery-count", has_text="25 to 48").wait_for()
        expect(page.locator(".vg-open")).to_have_count(24)
        page.locator("#gallery-search textarea, #gallery-search input").first.fill("house")
        page.locator("#gallery-count", has_text="1 drawing").wait_for()
