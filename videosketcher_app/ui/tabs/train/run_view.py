"""What the page shows of training runs. Pure but for the pictures, which it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosketcher_app.services.training_runs.views import RunView
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.components.inlined import clip_address, picture_address
from videosketcher_app.ui.components.loss_plot import figure, plot_html
from videosketcher_app.ui.components.sample_strip import plan_words, step_words, strip_html
from videosketcher_app.ui.components.status_bar import gb
from videosketcher_app.ui.texts import t

_MINUTE, _HOUR = 60, 3600
_PAIR_PX = 640
MAX_RUNS = 50
RESULT = -1  # stands for the finished LoRA where a page names a step
_GOING = frozenset({"waiting", "preparing", "training", "yielding"})


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one browser tab looks at the runs.

    Attributes:
        run: id of the run that is open; empty for the newest.
        sent: the runs that the board shows already; None if it shows nothing yet.
    """

    run: str = ""
    sent: tuple[RunView, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class News:
    """What came of a press: words for the person, and two drawings side by side as HTML."""

    words: str = ""
    ok: bool = True
    pair: str | None = None


def board_value(runs: Sequence[RunView], run: RunView | None, news: News) -> dict[str, Any]:
    """The value of RunBoard.

    Args:
        run: the one that is open.
    """
    return {
        "run": _shown(run) if run else {"id": ""},
        "list": list_html(runs, run.id if run else ""),
        "words": news.words,
        "ok": news.ok,
        "pair": news.pair,
    }


def opened_run(runs: Sequence[RunView], look: Look) -> RunView | None:
    """The chosen run, else one that is alive, else the newest."""
    named = [run for run in runs if run.id == look.run]
    going = [run for run in runs if is_going(run)]
    return next(iter([*named, *going, *runs]), None)


def is_going(run: RunView) -> bool:
    """True if news can come without anybody pressing anything."""
    return run.is_alive or run.state == "waiting"


def list_html(runs: Sequence[RunView], chosen: str) -> str:
    """All runs, newest first; a sentence if there is none."""
    if not runs:
        return f'<p class="cd-empty">{safe(t("train.runs_empty"))}</p>'
    rows = "".join(_list_row(run, run.id == chosen) for run in runs[:MAX_RUNS])
    return f'<ul class="tr-runs">{rows}</ul>'


def _list_row(run: RunView, is_chosen: bool) -> str:
    name, key = safe(run.name), safe(run.id)
    current = ' aria-current="true"' if is_chosen else ""
    remove = (
        ""
        if is_going(run)
        else (
            f'<button type="button" class="cd-icon" data-do="remove" data-run="{key}"'
            f' data-key="remove-{key}" aria-label="{safe(t("train.remove_run", name=run.name))}">×'
            "</button>"
        )
    )
    return (
        f'<li{current}><button type="button" class="tr-pick" data-do="pick" data-run="{key}"'
        f' data-key="pick-{key}"><strong>{name}</strong> <span>{safe(state_words(run))}</span>'
        f"</button>{remove}</li>"
    )


def _shown(run: RunView) -> dict[str, Any]:
    drawn = sorted(strip.step for strip in run.samples)
    first = run.samples[0].items if run.samples else ()
    return {
        "id": run.id,
        "key": run.state,
        "name": run.name,
        "state": state_words(run),
        "facts": facts_words(run),
        "message": f"{run.flaw or run.message} {run.hint}".strip(),
        "step": run.step,
        "num_steps": run.num_steps,
        "can": allowed(run),
        "plot": plot_html(run.losses, run.num_steps),
        "strip": strip_html(run.samples),
        "checkpoints": _usable(run),
        "drawn": [[step_words(step), step] for step in drawn],
        "samples": [[plan_words(item.prompt), at] for at, item in enumerate(first)],
    }


def allowed(run: RunView) -> list[str]:
    """What can be done with a run as it is now."""
    possible = {
        "pause": run.state in _GOING,
        "go_on": run.state == "paused" or run.can_go_on,
        "stop": run.state in _GOING or run.state == "paused",
        "use": bool(_usable(run)),
    }
    return [name for name, is_on in possible.items() if is_on and not run.flaw]


def _usable(run: RunView) -> list[list[Any]]:
    """(words, step) of every LoRA that the run has made, the best one last."""
    steps = [[step_words(step), step] for step in sorted(run.checkpoints) if step]
    return [*steps, [t("train.result"), RESULT]] if run.has_result else steps


def state_words(run: RunView) -> str:
    """The state in a few words, which change only when the state does."""
    return t("train.flawed") if run.flaw else t(f"train.state_{run.state}")


def facts_words(run: RunView) -> str:
    """Step, loss, time and memory in one line; what is not known is left out."""
    phrases = []
    if run.num_steps:
        phrases.append(t("train.step_of", step=run.step, total=run.num_steps))
    if run.loss is not None:
        phrases.append(t("train.loss_is", loss=figure(run.loss)))
    if run.seconds:
        key = "train.took" if is_going(run) else "train.took_in_all"
        phrases.append(t(key, time=duration(run.seconds)))
    if run.is_alive and run.seconds_left is not None:
        phrases.append(t("train.left", time=duration(run.seconds_left)))
    if run.memory_bytes:
        phrases.append(gb(run.memory_bytes))
    if run.is_alive and run.detached:
        phrases.append(t("train.goes_on_alone"))
    return " · ".join(phrases)


def duration(seconds: float) -> str:
    """A time as people say it: "40 s", "12 min", "2 h 5 min"."""
    if seconds < _MINUTE:
        return t("train.seconds", count=max(1, round(seconds)))
    if seconds < _HOUR:
        return t("train.minutes", count=round(seconds / _MINUTE))
    minutes = round(seconds / _MINUTE)
    return t("train.hours", hours=minutes // 60, minutes=minutes % 60)


def pair_html(sides: Sequence[tuple[int, Path, Path]], prompt: str) -> str:
    """Two drawings of one plan side by side, with a button that plays both.

    Args:
        sides: (step, picture, film) of each.
    """
    figures = "".join(_side(step, png, mp4) for step, png, mp4 in sides)
    play = f'<button type="button" class="cd-word" data-do="play">{safe(t("train.play"))}</button>'
    return f'<p class="cd-empty">{safe(prompt)}</p><div class="cd-pair">{figures}</div>{play}'


def _side(step: int, png: Path, mp4: Path) -> str:
    words = step_words(step)
    poster = picture_address(png, side_px=_PAIR_PX)
    film = clip_address(mp4)
    if film:
        shown = (
            f'<video src="{film}" poster="{poster}" muted playsinline controls preload="auto"'
            f' aria-label="{safe(words)}"></video>'
        )
    else:
        shown = f'<img src="{poster}" alt="{safe(words)}">'
    return f"<figure>{shown}<figcaption>{safe(words)}</figcaption></figure>"
