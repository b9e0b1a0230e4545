"""The batch's table: rows a page at a time, hostile words as words, honest summaries."""

from __future__ import annotations

import asyncio

import gradio as gr
import pytest

from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.batch_runs import BatchRun
from videosketcher_app.services.container import build as build_services
from videosketcher_app.ui.components import batch_table, batch_view
from videosketcher_app.ui.components.batch_view import Look
from videosketcher_app.ui.context import PageContext

SETTINGS = {"model": "tiny", "num_frames": 9, "seed": 5}
HOSTILE = '<img src=x onerror="hit()">{{#each}}${hit()}`'


@pytest.fixture
def services(tmp_path):
    settings = load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu")
    with build_services(settings) as built:
        yield built


def finished(services, prompts):
    run = services.batches.start(prompts, SETTINGS, parent=services.settings.output_dir)
    assert run.wait(100)
    return run


def test_rows_tell_state_seed_picture_and_error(services):
    run = finished(services, ["a cat", HOSTILE * 200])
    html = batch_view.table_html(run, 0, is_running=False)
    assert "1 drawn" in html
    assert "Finished. 2 of 2" in html
    assert 'class="vb-done"' in html
    assert 'class="vb-failed"' in html
    assert "1_cat.png" in html
    assert "<img src=x" not in html
    assert not set("{}$`") & set(html)
    assert '<td class="vb-seed">5</td>' in html


def test_ten_thousand_rows_are_shown_a_page_at_a_time(services, tmp_path):
    run = BatchRun(  # not begun: ten thousand rows that wait are as long as ten thousand drawn ones
        services.generation,
        ["a cat"] * 10_000,
        SETTINGS,
        folder=tmp_path / "batch",
        role=Role.OWNER,
        session="one",
    )
    html = batch_view.table_html(run, 399, is_running=False)
    assert html.count("<tr class") == batch_view.PAGE_ROWS
    assert "Rows 9976 to 10000 of 10,000" in html
    assert len(html) < 20_000
    assert batch_view.page_of(Look(page=10_000), run) == 399
    assert batch_view.page_of(Look(page=-3), run) == 0


def test_the_page_of_what_is_drawn_is_shown_until_another_is_chosen(services):
    run = finished(services, ["?!"] * (2 * batch_view.PAGE_ROWS + 1))
    assert batch_view.page_of(Look(), run) == 2
    assert batch_view.page_of(Look(page=1), run) == 1


def test_the_table_is_sent_only_when_it_changed(services):
    run = finished(services, ["a cat"])
    look, table, *_ = batch_view.updates(Look(), run)
    assert "a cat" in table
    assert batch_view.updates(look, run)[1] == gr.skip()
    assert len(batch_view.updates(look, None)) == len(batch_view.updates(look, run))


def test_buttons_follow_the_batch(services):
    run = finished(services, ["a cat", "?!"])
    start, stop, go_on, again, pack = (
        update["interactive"] for update in batch_view.updates(Look(), run)[2:7]
    )
    assert (start, stop, go_on, again, pack) == (True, False, False, True, True)


def test_what_stopped_a_batch_is_said(services, tmp_path):
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    run = finished(services, ["a cat"])
    assert "Ended by an error" in batch_view.summary_words(run, is_running=False)


def test_prompts_come_from_the_file_or_the_lines(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("a cat\n\na house\n", encoding="utf-8")
    assert batch_table.prompts_of(str(path), "a tree") == ["a cat", "a house"]
    assert batch_table.prompts_of(None, " a tree \n\n") == ["a tree"]
    with pytest.raises(InvalidRequest):
        batch_table.prompts_of(None, " \n")
    path.write_bytes(b"x" * 5_000_001)
    with pytest.raises(InvalidFile, match="5,000,001"):
        batch_table.prompts_of(str(path), "")


def test_the_zip_is_a_link_to_an_own_file(services):
    run = finished(services, ["a cat"])
    link = batch_view.zip_link(run.pack())
    assert 'href="gradio_api/file=/' in link
    assert 'download="batch_a_cat_' in link


@pytest.mark.parametrize("role", list(Role))
def test_the_page_builds_for_everybody(services, role):
    async def built() -> gr.Blocks:  # without a running loop Gradio leaves loops open
        with gr.Blocks(analytics_enabled=False) as blocks:
            batch_table.build(PageContext(services=services, role=role, model="tiny"))
        return blocks

    blocks = asyncio.run(built())
    names = {function.name for function in blocks.fns.values()}
    assert {"on_start", "on_stop", "on_go_on", "on_again", "on_tick", "on_pack"} <= names
