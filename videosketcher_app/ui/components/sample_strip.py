"""SampleStrip: what a run draws of held-out plans, a row a plan and a column a step."""

from __future__ import annotations

from collections.abc import Sequence

from videosketcher_app.core.errors import AppError
from videosketcher_app.core.plan import is_plan, parse_plan
from videosketcher_app.services.training_runs.views import SampleItem, SampleStrip
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.components.inlined import picture_address
from videosketcher_app.ui.texts import t

PICTURE_PX = 220
MAX_COLUMNS = 8  # the base, and then the newest


def strip_html(strips: Sequence[SampleStrip]) -> str:
    """The table of pictures; a sentence if nothing is drawn yet."""
    shown = shown_strips(strips)
    rows = max((len(strip.items) for strip in shown), default=0)
    if not rows:
        return f'<p class="cd-empty">{safe(t("train.strip_empty"))}</p>'
    head = "".join(f'<th scope="col">{safe(step_words(strip.step))}</th>' for strip in shown)
    body = "".join(_row(shown, row) for row in range(rows))
    label = safe(t("train.strip_label"))
    return (
        f'<div class="tr-scroll" tabindex="0" role="region" aria-label="{label}"><table>'
        f'<thead><tr><th scope="col">{safe(t("train.plan"))}</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def shown_strips(strips: Sequence[SampleStrip]) -> list[SampleStrip]:
    """The first strip and the newest ones."""
    ordered = sorted(strips, key=lambda strip: strip.step)
    return ordered[:1] + ordered[1:][-(MAX_COLUMNS - 1) :]


def step_words(step: int) -> str:
    """Above a column."""
    return t("train.base") if step == 0 else t("train.step", step=step)


def plan_words(prompt: str) -> str:
    """A plan by its concept; any other words as they are."""
    try:
        return parse_plan(prompt).concept if is_plan(prompt) else prompt
    except AppError:
        return prompt


def _row(strips: Sequence[SampleStrip], row: int) -> str:
    prompts = [strip.items[row].prompt for strip in strips if row < len(strip.items)]
    name = plan_words(prompts[0])
    cells = "".join(
        f"<td>{_picture(strip.items[row], strip.step, name) if row < len(strip.items) else ''}</td>"
        for strip in strips
    )
    return f'<tr><th scope="row">{safe(name)}</th>{cells}</tr>'


def _picture(item: SampleItem, step: int, name: str) -> str:
    address = picture_address(item.png, side_px=PICTURE_PX)
    if not address:
        return ""
    alt = safe(t("train.sample_alt", plan=name, step=step_words(step)))
    return f'<img src="{safe(address)}" alt="{alt}">'
