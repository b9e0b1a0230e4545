"""The command line: `python -m videosketcher_app COMMAND ...`. Imports no torch and no Gradio.

Exit codes: 0 done, 2 bad request, 3 missing model, 130 cancelled, 1 anything else.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import Exit, TyperException

from videosketcher_app import __version__
from videosketcher_app.cli import (
    bench,
    brush,
    codraw,
    data,
    doctor,
    evaluate,
    export,
    lora,
    models,
    rollout,
    sketch,
    train,
    window,
)
from videosketcher_app.cli.console import report_error, use_utf8
from videosketcher_app.cli.reference_spelling import translate
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.models.machine import use_gaps

PROGRAM = "videosketcher"

app = typer.Typer(
    name=PROGRAM,
    help="Draws sketches step by step, in the order of a plan.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise Exit(0)


@app.callback()
def _everything(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Prints the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


app.command("app")(window.open_window)
app.command("plan")(sketch.plan)
app.command("sketch")(sketch.sketch)
app.command("brush")(brush.brush)
app.command("codraw")(codraw.codraw)
app.command("rollout")(rollout.rollout)
app.command("export")(export.export)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")
app.add_typer(models.app, name="models")
app.add_typer(lora.app, name="lora")
app.add_typer(train.app, name="train")
app.add_typer(data.app, name="data")
app.command("doctor")(doctor.doctor)


def main(argv: Sequence[str] | None = None, *, open_app: window.Opener | None = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        argv: without the program's name; None reads the process's own.
        open_app: what the `app` command calls; the composition root passes it in, since this
            package does not know Gradio.
    """
    use_utf8()
    use_gaps()
    words = translate(sys.argv[1:] if argv is None else argv)
    command = typer.main.get_command(app)
    try:
        code = command.main(words, prog_name=PROGRAM, standalone_mode=False, obj=open_app)
    except AppError as error:
        report_error(error.message, error.hint, code=error.code, as_json="--json" in words)
        return error.exit_code
    except TyperException as error:
        report_error(error.format_message(), f"See {PROGRAM} --help.")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = Cancelled.exit_code
    if code == Cancelled.exit_code:
        report_error("Stopped.", "Nothing was left half-written.")
    return int(code or 0)
