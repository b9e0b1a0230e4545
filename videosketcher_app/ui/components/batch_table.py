"""A batch of prompts from a file or from lines, with a table that follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.core.requests import MAX_SEED
from videosketcher_app.services.batch import BatchEntry
from videosketcher_app.services.batch_runs import BatchRun
from videosketcher_app.services.container import Services
from videosketcher_app.services.outputs import file_names
from videosketcher_app.services.prompts_file import SUFFIXES, checked_prompts, read_prompts
from videosketcher_app.ui.components.assets import script, style
from videosketcher_app.ui.components.gallery_grid import file_url, safe
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.text.drawing import destination
from videosketcher_app.ui.tabs.text.values import whole
from videosketcher_app.ui.texts import t

PAGE_ROWS = 25
POLL_S = 1.0
MAX_TYPED_CHARACTERS = 200_000
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


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What a batch draws.

    Attributes:
        own_settings: further fields of each prompt's request; none if all are alike.
        notes: what people read of these.
    """

    prompts: Sequence[str]
    own_settings: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()


# (prompts, session, values of further inputs) -> what to draw; may raise AppError.
Ordering = Callable[[list[str], str, Sequence[Any]], Orders]


def plain_orders(prompts: list[str], _session: str, _values: Sequence[Any]) -> Orders:
    """Each prompt once."""
    return Orders(prompts=prompts)


class BatchView(gr.HTML):
    """The table. Event `seen`: it has come into view."""

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(
            value=value,
            css_template=style("batch"),
            js_on_load=script("batch"),
            apply_default_css=False,
            **options,
        )


@dataclass(frozen=True, kw_only=True)
class BatchParts:
    """The components; `outputs` is what `updates` answers, in its order."""

    file: gr.File
    lines: gr.Textbox
    seed: gr.Number
    start: gr.Button
    stop: gr.Button
    go_on: gr.Button
    again: gr.Button
    pack: gr.Button
    status: gr.HTML
    packed: BatchView
    table: BatchView
    earlier: gr.Button
    later: gr.Button
    look: gr.State
    timer: gr.Timer

    @property
    def outputs(self) -> list[Any]:
        """Everything that follows a batch."""
        buttons = [self.start, self.stop, self.go_on, self.again, self.pack]
        return [self.look, self.table, *buttons, self.earlier, self.later, self.timer]


def build(
    context: PageContext,
    ids: str = "",
    *,
    ordering: Ordering = plain_orders,
    inputs: Sequence[Any] = (),
) -> None:
    """Lays the batch out and connects what this role may do.

    Args:
        ids: what the ids of another tab's elements begin with.
        ordering: what the prompts become.
        inputs: components whose values it reads.
    """
    parts = _layout(ids)
    _connect_starts(context, parts, ordering, inputs)
    _connect_looks(context, parts)
    _connect_pack(context, parts)


def _connect_starts(
    context: PageContext, parts: BatchParts, ordering: Ordering, inputs: Sequence[Any]
) -> None:
    services, role = context.services, context.role

    @handler(Capability.GENERATE)
    def on_read(path: str | None) -> str:
        if not path:
            return ""
        try:
            return status_line(ready_words(len(read_prompts(Path(path)))))
        except AppError as error:
            return error_line(error)

    @handler(Capability.GENERATE)
    def on_start(
        request: gr.Request, path: str | None, lines: str, seed: Any, *values: Any
    ) -> list[Any]:
        def start(session: str) -> BatchRun:
            orders = ordering(prompts_of(path, lines), session, values)
            settings = {"model": context.model, "seed": whole(seed)}
            return services.batches.start(
                orders.prompts,
                settings,
                parent=_parent(services, role, session),
                role=role,
                session=session,
                own_settings=orders.own_settings,
                notes=orders.notes,
            )

        return _started(context, request, start)

    @handler(Capability.GENERATE)
    def on_go_on(request: gr.Request) -> list[Any]:
        return _started(context, request, lambda session: _once_more(context, session, force=False))

    @handler(Capability.GENERATE)
    def on_again(request: gr.Request) -> list[Any]:
        return _started(context, request, lambda session: _once_more(context, session, force=True))

    @handler(Capability.GENERATE)
    def on_stop(request: gr.Request) -> None:
        run = services.batches.current(role, session_of(request))
        if run is not None:
            run.stop()

    outputs: dict[str, Any] = {
        "outputs": [parts.status, parts.packed, *parts.outputs],
        "show_progress": "hidden",
    }
    typed = [parts.file, parts.lines, parts.seed, *inputs]
    connect(
        role,
        parts.file.change,
        on_read,
        inputs=parts.file,
        outputs=parts.status,
        show_progress="hidden",
    )
    connect(role, parts.start.click, on_start, inputs=typed, **outputs)
    connect(role, parts.go_on.click, on_go_on, **outputs)
    connect(role, parts.again.click, on_again, **outputs)
    connect(role, parts.stop.click, on_stop, queue=False)


def _connect_looks(context: PageContext, parts: BatchParts) -> None:
    services, role = context.services, context.role

    def looked(look: Look, request: gr.Request) -> list[Any]:
        return updates(look, services.batches.current(role, session_of(request)))

    @handler(Capability.GENERATE)
    def on_tick(look: Look, request: gr.Request) -> list[Any]:
        return looked(look, request)

    @handler(Capability.GENERATE)
    def on_earlier(look: Look, request: gr.Request) -> list[Any]:
        run = services.batches.current(role, session_of(request))
        return updates(_turned(look, run, -1), run)

    @handler(Capability.GENERATE)
    def on_later(look: Look, request: gr.Request) -> list[Any]:
        run = services.batches.current(role, session_of(request))
        return updates(_turned(look, run, 1), run)

    wiring: dict[str, Any] = {
        "inputs": parts.look,
        "outputs": parts.outputs,
        "show_progress": "hidden",
        "queue": False,
    }
    connect(role, parts.timer.tick, on_tick, **wiring)
    connect(role, parts.table.seen, on_tick, **wiring)
    connect(role, parts.earlier.click, on_earlier, **wiring)
    connect(role, parts.later.click, on_later, **wiring)


def _connect_pack(context: PageContext, parts: BatchParts) -> None:
    services, role = context.services, context.role

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_pack(request: gr.Request) -> Iterator[list[Any]]:
        yield [status_line(t("batch.packing")), ""]
        session = session_of(request)
        try:
            run = _current(context, session)
            if role is Role.GUEST:
                _check_room(services, session, run)
            yield ["", zip_link(run.pack())]
        except AppError as error:
            yield [error_line(error), ""]

    connect(
        role,
        parts.pack.click,
        on_pack,
        outputs=[parts.status, parts.packed],
        show_progress="hidden",
    )


def _started(
    context: PageContext, request: gr.Request, start: Callable[[str], BatchRun]
) -> list[Any]:
    """Status, no zip, and the table of the batch that was started, if it was."""
    session = session_of(request)
    try:
        return ["", "", *updates(Look(), start(session))]
    except AppError as error:
        run = context.services.batches.current(context.role, session)
        return [error_line(error), gr.skip(), *updates(Look(), run)]


def _once_more(context: PageContext, session: str, *, force: bool) -> BatchRun:
    earlier = _current(context, session)
    return context.services.batches.start(
        earlier.prompts,
        earlier.settings,
        parent=_parent(context.services, context.role, session),
        role=context.role,
        session=session,
        force=force,
        own_settings=earlier.own_settings,
        notes=earlier.notes,
    )


def _current(context: PageContext, session: str) -> BatchRun:
    run = context.services.batches.current(context.role, session)
    if run is None:
        raise InvalidRequest(t("batch.no_batch"), hint=t("batch.no_batch_hint"))
    return run


def _parent(services: Services, role: Role, session: str) -> Path:
    folder = destination(services, role, session).folder
    assert folder is not None, "what the page draws is published"
    return folder


def _check_room(services: Services, session: str, run: BatchRun) -> None:
    """The zip is as large as what is in it, and counts.

    Raises:
        QuotaExceeded: the guest may keep no more.
    """
    guest = services.guests.named(session)
    if guest is not None:
        size_bytes = sum(path.stat().st_size for path in run.files().values())
        services.guests.check_room(guest, size_bytes)


def prompts_of(path: str | None, lines: str | None) -> list[str]:
    """The prompts of the file, else the lines.

    Raises:
        InvalidRequest: there are none, or the file is not one of prompts.
    """
    if path:
        return read_prompts(Path(path))
    if not (lines or "").strip():
        raise InvalidRequest(t("batch.no_prompts"), hint=t("batch.no_prompts_hint"))
    return checked_prompts((lines or "").splitlines())


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
        gr.update(interactive=page > 0),
        gr.update(interactive=page < last),
        gr.Timer(active=is_running),
    ]


def page_of(look: Look, run: BatchRun) -> int:
    """The page of rows that is shown: the chosen one, else that of the prompt being drawn."""
    last = (run.counts.total - 1) // PAGE_ROWS
    wanted = max(0, run.current - 1) // PAGE_ROWS if look.page is None else look.page
    return min(max(0, wanted), last)


def _turned(look: Look, run: BatchRun | None, by: int) -> Look:
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


def _layout(ids: str) -> BatchParts:
    gr.HTML(f'<p class="vs-note">{safe(t("batch.intro"))}</p>')
    with gr.Row(equal_height=False):
        file = gr.File(label=t("batch.file"), file_types=list(SUFFIXES), elem_id=f"{ids}vb-file")
        with gr.Column():
            lines = gr.Textbox(
                label=t("batch.lines"),
                placeholder=t("batch.lines_hint"),
                lines=4,
                max_lines=8,
                max_length=MAX_TYPED_CHARACTERS,
                elem_id=f"{ids}vb-lines",
            )
            seed = gr.Number(
                label=t("batch.seed"), value=0, precision=0, minimum=0, maximum=MAX_SEED
            )
    with gr.Row(elem_classes="vs-buttons"):
        start = gr.Button(t("batch.start"), variant="primary", elem_id=f"{ids}vb-start")
        off: dict[str, Any] = {"interactive": False}
        stop = gr.Button(t("batch.stop"), elem_id=f"{ids}vb-stop", **off)
        go_on = gr.Button(t("batch.go_on"), elem_id=f"{ids}vb-go-on", **off)
        again = gr.Button(t("batch.again"), elem_id=f"{ids}vb-again", **off)
        pack = gr.Button(t("batch.pack"), elem_id=f"{ids}vb-pack", **off)
    status = gr.HTML(elem_id=f"{ids}vb-status", apply_default_css=False)
    packed = BatchView(elem_id=f"{ids}vb-packed")
    table = BatchView(elem_id=f"{ids}vb-table")
    with gr.Row(elem_classes="vs-buttons"):
        earlier = gr.Button(t("batch.earlier"), size="sm", elem_id=f"{ids}vb-earlier", **off)
        later = gr.Button(t("batch.later"), size="sm", elem_id=f"{ids}vb-later", **off)
    return BatchParts(
        file=file,
        lines=lines,
        seed=seed,
        start=start,
        stop=stop,
        go_on=go_on,
        again=again,
        pack=pack,
        status=status,
        packed=packed,
        table=table,
        earlier=earlier,
        later=later,
        look=gr.State(Look()),
        timer=gr.Timer(POLL_S, active=False),
    )
