"""A batch of prompts from a file or from lines, with a table that follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.batch_runs import BatchRun
from videosketcher_app.services.container import Services
from videosketcher_app.services.prompts_file import checked_prompts, read_prompts
from videosketcher_app.ui.components.batch_layout import BatchParts, lay_out
from videosketcher_app.ui.components.batch_view import Look, ready_words, turned, updates, zip_link
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.text.drawing import destination
from videosketcher_app.ui.tabs.text.values import whole
from videosketcher_app.ui.texts import t


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
    parts = lay_out(ids)
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
        return updates(turned(look, run, -1), run)

    @handler(Capability.GENERATE)
    def on_later(look: Look, request: gr.Request) -> list[Any]:
        run = services.batches.current(role, session_of(request))
        return updates(turned(look, run, 1), run)

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
