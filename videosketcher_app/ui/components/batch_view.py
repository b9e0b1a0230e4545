"""What the page shows of a batch: one page of rows, how far it is, and what can be pressed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.services.batch import BatchEntry
from videosketcher_app.services.batch_runs import BatchRun
from videosketcher_app.services.outputs import file_names
from videosketcher_app.ui.components.gallery_grid import file_url, safe
from videosketcher_app.ui.texts import t

PAGE_ROWS = 25
COLUMNS = ("number", "prompt", "state", "seconds", "seed_head", "result")


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one browser tab looks at its batch.

    Attributes:
        page: number of the page of rows, from 0; None follows what is being drawn.
        sent: what the table shows already: the batch, its revision and the page.
    """

    page: int | None = None
    sent: tuple[Any, ...] = ()


def ready_words(count: int) -> str:
    """How many prompts a file holds."""
    return t("batch.read_one") if count == 1 else t("batch.read_many", count=f"{count:,}")


def updates(look: Look, run: BatchRun | None) -> list[Any]:
    """New values of `BatchParts.outputs`; the table only if it changed."""
    if run is None:
        return [gr.skip()] * 9 + [gr.Timer(active=False)]
    is_running = run.is_running  # before the rows: if it has ended, they are its last
    page = page_of(look, run)
    mark = (id(run), run.revision, page, is_running)
    table = gr.skip() if mark == look.sent else table_html(run, page, is_running=is_running)
    is_left = run.counts.ended < run.counts.total
    last = (run.counts.total - 1) // PAGE_ROWS
    return [
        replace(look, sent=mark),
        table,
        gr.update(interactive=not is_running),
        gr.update(interactive=is_running),
        gr.update(interactive=not is_running and is_left),
        gr.update(interactive=not is_running),
        gr.update(interactive=run.counts.done + run.counts.skipped > 0),
        gr.update(interactive=page > 0, visible=last > 0),
        gr.update(interactive=page < last, visible=last > 0),
        gr.Timer(active=is_running),
    ]


def page_of(look: Look, run: BatchRun) -> int:
    """The page of rows that is shown: the chosen one, else that of the prompt being drawn."""
    last = (run.counts.total - 1) // PAGE_ROWS
    wanted = max(0, run.current - 1) // PAGE_ROWS if look.page is None else look.page
    return min(max(0, wanted), last)


def turned(look: Look, run: BatchRun | None, by: int) -> Look:
    """The look on another page of rows."""
    return look if run is None else replace(look, page=page_of(look, run) + by)


def table_html(run: BatchRun, page: int, *, is_running: bool) -> str:
    """Summary, one page of rows, and which rows they are."""
    first = page * PAGE_ROWS
    rows = run.rows(first, PAGE_ROWS)
    seed = run.settings.get("seed", 0)
    head = "".join(f'<th scope="col">{safe(t(f"batch.{name}"))}</th>' for name in COLUMNS)
    body = "".join(_row(row, run.folder, seed) for row in rows)
    shown = t("batch.rows", first=first + 1, last=first + len(rows), total=f"{len(run.prompts):,}")
    return (
        f'<p class="vb-summary" role="status">{safe(summary_words(run, is_running=is_running))}</p>'
        f'<div class="vb-scroll"><table aria-label="{safe(t("batch.table_label"))}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f'<p class="vb-rows">{safe(shown)}</p>'
    )


def summary_words(run: BatchRun, *, is_running: bool) -> str:
    """How far the batch is and how it ended."""
    counts = run.counts
    if is_running:
        state = t("batch.running")
    elif run.error:
        state = t("batch.broken", error=run.error)
    else:
        state = t("batch.stopped") if counts.ended < counts.total else t("batch.finished")
    figures: dict[str, Any] = {
        name: f"{getattr(counts, name):,}"
        for name in ("ended", "total", "done", "skipped", "failed")
    }
    return f"{state} {t('batch.summary', **figures)}"


def _row(row: BatchEntry, folder: Path, seed: Any) -> str:
    seconds = f"{row.seconds:.1f}" if row.seconds else ""
    cells = (
        f'<td class="vb-number">{row.index:,}</td>'
        f'<td class="vb-prompt">{safe(row.prompt)}{_note(row)}</td>'
        f'<td class="vb-state">{safe(t(f"batch.state_{row.status}"))}</td>'
        f'<td class="vb-seconds">{seconds}</td><td class="vb-seed">{safe(seed)}</td>'
        f'<td class="vb-result">{_result(row, folder)}</td>'
    )
    return f'<tr class="vb-{row.status}" data-row="{row.index}">{cells}</tr>'


def _note(row: BatchEntry) -> str:
    return f" <small>{safe(row.note)}</small>" if row.note else ""


def _result(row: BatchEntry, folder: Path) -> str:
    if row.error:
        return f'<span class="vb-error">{safe(row.error)}</span>'
    if not row.folder:
        return ""
    picture = folder / row.folder / file_names(row.folder)["png"]
    try:
        version = picture.stat().st_mtime_ns
    except OSError:  # deleted meanwhile
        return ""
    alt = safe(t("batch.picture", number=row.index))
    return f'<img src="{safe(file_url(picture, version))}" loading="lazy" alt="{alt}">'


def zip_link(path: Path) -> str:
    """A link that downloads the zip."""
    facts = path.stat()
    words = t("batch.download", megabytes=f"{facts.st_size / 1e6:.1f}")
    address = safe(file_url(path, facts.st_mtime_ns))
    return f'<a class="vb-zip" href="{address}" download="{safe(path.name)}">{safe(words)}</a>'
