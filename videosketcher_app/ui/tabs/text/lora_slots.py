"""LoRA slots: up to four LoRAs, how strongly each works, and the words that call their styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import gradio as gr
from gradio.components import Component

from videosketcher_app.core.access import Capability
from videosketcher_app.core.requests import LoraSpec, SketchRequest
from videosketcher_app.services.lora_notes import LoraEntry
from videosketcher_app.services.loras import LoraLibrary
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.texts import t

NUM_SLOTS = 4
MAX_SCALE = 2.0  # beyond it drawings fall apart; the command line takes more
MAX_WORD_CHARACTERS = 200
NO_LORA = ""

# The words come as data and become text: nothing in them is read as HTML.
_WORDS_SCRIPT = """
const render = () => {
  const words = Array.isArray(props.value) ? props.value : [];
  const chips = words.map((word) => {
    const chip = document.createElement('button');
    chip.type = 'button';
    chip.textContent = word;
    chip.addEventListener('click', () => trigger('take', { word }));
    return chip;
  });
  element.querySelector('.ts-row').replaceChildren(...chips);
  element.querySelector('.ts').hidden = !chips.length;
};
watch('value', render);
render();
"""


class TriggerWords(gr.HTML):
    """Chips; the value is a list of words, and the event `take` carries the `word` of a chip."""

    def __init__(self, **options: Any) -> None:
        label = safe(t("lora.words"))
        super().__init__(
            value=None,
            html_template=f'<div class="ts" role="group" aria-label="{label}" hidden>'
            f'<span class="ts-label">{label}</span><span class="ts-row"></span></div>',
            js_on_load=_WORDS_SCRIPT,
            apply_default_css=False,
            **options,
        )


@dataclass(frozen=True, kw_only=True)
class LoraSlots:
    """The components.

    Attributes:
        rows: a slot each, of `names` and `scales`.
        note: what is there, or what is wrong.
    """

    fold: gr.Accordion
    rows: Sequence[gr.Row]
    names: Sequence[gr.Dropdown]
    scales: Sequence[gr.Slider]
    words: TriggerWords
    note: gr.HTML

    @property
    def inputs(self) -> list[Component]:
        """Name and scale of every slot, in the order that `specs_of` takes."""
        return list(chain.from_iterable(zip(self.names, self.scales, strict=True)))

    @property
    def outputs(self) -> list[Any]:
        """What `looked` answers, in its order."""
        return [*self.names, *self.rows, self.words, self.note]

    @property
    def put_outputs(self) -> list[Any]:
        """What `put_in_slot` answers, in its order."""
        return [self.fold, *self.outputs, *self.scales]


def lay_out_loras(ids: str = "") -> LoraSlots:
    """The slots in an accordion; what can be chosen is read when it is opened.

    Args:
        ids: before the names of elements, on a page that is not the Text tab.
    """
    rows, names, scales = [], [], []
    with gr.Accordion(t("lora.title"), open=False, elem_id=f"{ids}loras") as fold:
        note = gr.HTML(elem_id=f"{ids}lora-note", apply_default_css=False)
        for number in range(1, NUM_SLOTS + 1):
            with gr.Row(visible=False) as row:
                label = t("lora.slot", number=number)
                names.append(
                    gr.Dropdown(
                        [(t("lora.none"), NO_LORA)],
                        value=NO_LORA,
                        label=label,
                        allow_custom_value=True,  # one that was removed meanwhile is said, not lost
                        min_width=150,
                        elem_id=f"{ids}lora-{number}",
                    )
                )
                scales.append(
                    gr.Slider(
                        -MAX_SCALE,
                        MAX_SCALE,
                        1.0,
                        step=0.05,
                        label=t("lora.scale", number=number),
                        min_width=150,
                        elem_id=f"{ids}lora-scale-{number}",
                    )
                )
            rows.append(row)
        words = TriggerWords(elem_id=f"{ids}lora-words")
    return LoraSlots(fold=fold, rows=rows, names=names, scales=scales, words=words, note=note)


def connect_loras(
    context: PageContext, slots: LoraSlots, concept: gr.Textbox, as_written: gr.Checkbox
) -> None:
    """Connects the slots; a trigger word goes to the concept, which is then sent as written."""
    library = context.services.loras

    @handler(Capability.GENERATE)
    def on_look(*names: str) -> list[Any]:
        return looked(library, names)

    @handler(Capability.GENERATE)
    def on_take(event: gr.EventData, written: str) -> list[Any]:
        return taken(event._data, written)

    quick: dict[str, Any] = {"show_progress": "hidden", "queue": False}
    names = list(slots.names)
    for moment in (slots.fold.expand, *(name.change for name in names)):
        connect(context.role, moment, on_look, inputs=names, outputs=slots.outputs, **quick)
    outputs: list[Any] = [concept, as_written]
    connect(context.role, slots.words.take, on_take, inputs=concept, outputs=outputs, **quick)


def looked(library: LoraLibrary, names: Sequence[str]) -> list[Any]:
    """New values of `LoraSlots.outputs`: slots up to the first free one, and the chosen words."""
    entries = {entry.name: entry for entry in library.entries() if not entry.flaw}
    choices = [(t("lora.none"), NO_LORA), *((_label(one), one.name) for one in entries.values())]
    filled = [bool(name) for name in names]
    is_open = [(bool(entries) and all(filled[:slot])) or filled[slot] for slot in range(NUM_SLOTS)]
    words = [word for name in names if name in entries for word in entries[name].trigger_words]
    return [
        *(gr.update(choices=choices) for _ in names),
        *(gr.update(visible=shown) for shown in is_open),
        list(dict.fromkeys(words)),
        f'<p class="vs-note">{safe(_note(library, entries, names))}</p>',
    ]


def put_in_slot(library: LoraLibrary, name: str, values: Sequence[Any]) -> list[Any]:
    """New values of `LoraSlots.put_outputs`: the LoRA in the first free slot, at full strength.

    One that is chosen already stays where it is; if no slot is free, the last one is given up.

    Args:
        values: of `LoraSlots.inputs`.
    """
    names, scales = [str(value or "") for value in values[::2]], list(values[1::2])
    free = names.index(NO_LORA) if NO_LORA in names else NUM_SLOTS - 1
    slot = names.index(name) if name in names else free
    names[slot], scales[slot] = name, 1.0
    updates = looked(library, names)
    for update, chosen in zip(updates[:NUM_SLOTS], names, strict=True):
        update["value"] = chosen
    return [gr.Accordion(open=True), *updates, *scales]


def specs_of(values: Sequence[Any]) -> tuple[LoraSpec, ...]:
    """The LoRAs that the values of `LoraSlots.inputs` ask for.

    Raises:
        InvalidRequest: a value is not possible.
    """
    pairs = zip(values[::2], values[1::2], strict=True)
    return tuple(LoraSpec(path=str(name), scale=float(scale)) for name, scale in pairs if name)


def slot_values(request: SketchRequest) -> list[Any]:
    """Values of `LoraSlots.inputs` for a request; what is beyond the slots is left out."""
    chosen = [(spec.path, spec.scale) for spec in request.loras[:NUM_SLOTS]]
    free = [(NO_LORA, 1.0)] * (NUM_SLOTS - len(chosen))
    return list(chain.from_iterable([*chosen, *free]))


def taken(data: Any, written: str | None) -> list[Any]:
    """The concept with a trigger word before it, and whether it is sent as written."""
    match data:
        case {"word": str(word)} if 0 < len(word) <= MAX_WORD_CHARACTERS:
            pass
        case _:
            return [gr.skip(), gr.skip()]
    rest = (written or "").strip()
    if word.casefold() in rest.casefold():
        return [gr.skip(), True]
    return [f"{word}, {rest}" if rest else f"{word}, ", True]


def _label(entry: LoraEntry) -> str:
    return f"{entry.name} · {entry.fits}" if entry.fits else entry.name


def _note(library: LoraLibrary, entries: dict[str, LoraEntry], names: Sequence[str]) -> str:
    lost = [name for name in names if name and name not in entries and not library.has(name)]
    if lost:
        return t("lora.lost", names=", ".join(lost))
    if not entries:
        return t("lora.nothing")
    return t("lora.about")
